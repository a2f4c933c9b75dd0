"""The encoders that run on the processor: x264, x265, SVT-AV1 (see `transcode.encoder_kinds`)."""

from __future__ import annotations

import math

from pinkmedia.media import Codec
from transcode.encoder_kinds import PRESETS, EncoderKind, Family, preset_table, rate_control
from transcode.ladder import Rung

X264_PIXELS_PER_SECOND = 1280 * 720 * 60
"""For one thread. Beyond it a picture's encoding takes so long that slices at once are worth the bits they cost."""
X264_MOST_THREADS = 2
"""Each slice costs bits; two halve the time."""
X265_PIXELS_PER_SECOND = 15_000_000
"""For one thread: x265 takes four times x264's time (20 million pixels in a second of a server's core), and a key frame
longer than others."""
SVT_AV1_PIXELS_PER_SECOND = 1280 * 720 * 60
"""For one level of its parallelism."""
MOST_THREADS = 8
"""Rows of blocks that can be encoded at once without waiting for each other, in 720p and more."""
X264_PARAMETERS = ":".join(
    (
        "annexb=0",  # length-prefixed, as MP4 has it
        "scenecut=0",  # no key frames of its own: not at a change of scene,
        "keyint=infinite",  # nor after some time
        "open-gop=0",
        "aq-mode=2",  # bits go where the picture needs them: it looks a little more like the source, at no cost
    )
)
X265_PARAMETERS = ":".join(
    (
        "log-level=none",  # it writes on standard error otherwise
        "info=0",  # its settings are not told to every viewer
        "scenecut=0",
        "keyint=-1",  # infinite
        "open-gop=0",
        "repeat-headers=0",  # parameter sets are in the configuration record, and under hvc1 nowhere else
        "frame-threads=1",  # several pictures at once would each wait for the others
    )
)
SVT_AV1_PARAMETERS = ":".join(
    (
        "pred-struct=1",  # low delay: every picture refers to earlier ones only
        "rtc=1",  # its mode for live; it warns of artifacts in the fast presets otherwise
        "rc=2",  # constant bit rate: with low delay it knows no other that holds one
        "lookahead=0",
        "scd=0",  # no key frames at changes of scene,
        "keyint=-1",  # nor after some time
        "min-qp=10",  # stillness is not made so perfect that what comes after it overflows the buffer
    )
)
SVT_AV1_BUFFER_MS = (20, 10_000)
"""The least and the longest buffer that it takes."""


def _threads(rung: Rung, pixels_per_second: int, most: int = MOST_THREADS) -> int:
    return min(most, math.ceil(rung.width * rung.height * rung.frame_rate / pixels_per_second))


def _x264(rung: Rung) -> dict[str, str]:
    threads = _threads(rung, X264_PIXELS_PER_SECOND, X264_MOST_THREADS)
    return {**rate_control(rung), "threads": str(threads), "x264-params": X264_PARAMETERS}


def _x265(rung: Rung) -> dict[str, str]:
    threads = _threads(rung, X265_PIXELS_PER_SECOND)
    return {**rate_control(rung), "x265-params": f"{X265_PARAMETERS}:pools={threads}"}


def _svt_av1(rung: Rung) -> dict[str, str]:
    """Its maximum is its target: it refuses another in this mode. It holds it less strictly than the others do: what
    begins suddenly after stillness may take two or three buffers where the bit rate is scant."""
    least_ms, longest_ms = SVT_AV1_BUFFER_MS
    buffer_ms = min(max(round(rung.buffer_seconds * 1000), least_ms), longest_ms)
    own = f"{SVT_AV1_PARAMETERS}:lp={_threads(rung, SVT_AV1_PIXELS_PER_SECOND)}:buf-sz={buffer_ms}"
    return {"b": str(rung.bit_rate_bps), "svtav1-params": own}


X264 = EncoderKind(
    "libx264",
    Codec.H264,
    Family.SOFTWARE,
    options={
        "tune": "zerolatency",  # no lookahead, no B-frames; threads share a picture instead of taking one each
        "profile": "high",  # what every player decodes
        "forced-idr": "1",
    },
    presets=preset_table("preset", *PRESETS),
    rung_options=_x264,
)
X265 = EncoderKind(
    "libx265",
    Codec.HEVC,
    Family.SOFTWARE,
    options={
        "tune": "zerolatency",
        "profile": "main",
        "forced-idr": "1",
    },
    presets=preset_table("preset", *PRESETS),
    rung_options=_x265,
)
SVT_AV1 = EncoderKind(
    "libsvtav1",
    Codec.AV1,
    Family.SOFTWARE,
    options={},
    # Its fast ones cost what x264's cost under these words; slower than 7 it has none for live.
    presets=preset_table("preset", "12", "11", "10", "9", "8", "8", "7", "7", "7"),
    rung_options=_svt_av1,
)
SOFTWARE_ENCODERS = (X264, X265, SVT_AV1)
