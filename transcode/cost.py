"""What encoding costs, in processor cores: a model, for decisions that come before anything can be measured.

Decoding, scaling and encoding each take time in proportion to the pixels they handle per second; what a pixel takes to
encode is the preset's and the codec's. The figures are those of ``benchmarks/transcode_cost.py`` on one machine: on
another one they are all wrong by about the same factor, which `pinkmedia.live.governor` measures.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinkmedia.media import Codec, VideoTrack
from transcode.ladder import Rung

DECODE_CORES = 0.0027
"""Per million pixels a second, of H.264 at a usual bit rate."""
SCALE_CORES = 0.0014
"""Per million pixels a second that are read: each rung is scaled from the one above it."""
ENCODE_CORES = 0.0088
"""Per million pixels a second, in H.264 with the preset ``veryfast``."""
PRESET_FACTORS = {
    "ultrafast": 0.3,
    "superfast": 0.6,
    "veryfast": 1.0,
    "faster": 1.7,
    "fast": 3.0,
    "medium": 3.5,
    "slow": 6.0,
}
"""Encoding's cost, with ``veryfast`` as one."""
CODEC_FACTORS = {Codec.H264: 1.0, Codec.HEVC: 4.2, Codec.AV1: 1.0}
"""Of encoders in software, at presets that do comparable work."""

_MILLION = 1_000_000


def source_cores(source: VideoTrack) -> float:
    """Of decoding it once."""
    return DECODE_CORES * float(source.width * source.height * source.frame_rate) / _MILLION


def rung_cores(source: VideoTrack, rungs: Sequence[Rung]) -> tuple[float, ...]:
    """Of scaling and encoding each rung, when all of them are made; largest first, as the ladder has them."""
    cores = []
    above = float(source.width * source.height * source.frame_rate)
    for rung in rungs:
        pixels = float(rung.width * rung.height * rung.frame_rate)
        encoding = ENCODE_CORES * PRESET_FACTORS[rung.preset] * CODEC_FACTORS[rung.codec] * pixels
        cores.append((SCALE_CORES * above + encoding) / _MILLION)
        above = pixels
    return tuple(cores)
