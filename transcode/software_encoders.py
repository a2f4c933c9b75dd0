"""The encoders that run on the processor: x264, x265, SVT-AV1 (see `transcode.encoder_kinds`)."""

from __future__ import annotations

from pinkmedia.media import Codec
from transcode.encoder_kinds import PRESETS, EncoderKind, Family, preset_table, rate_control
from transcode.ladder import Rung

PARALLEL_ABOVE_PIXELS_PER_SECOND = 1280 * 720 * 60
"""From here on a picture's encoding takes so long that two threads at once are worth the bits they cost."""
X264_PARAMETERS = ":".join(
    (
        "annexb=0",  # length-prefixed, as MP4 has it
        "scenecut=0",  # no key frames of its own: not at a change of scene,
        "keyint=infinite",  # nor after some time
        "open-gop=0",
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
        "rtc=1",  # what it is made for live; the fast presets show artifacts otherwise
        "rc=2",  # constant bit rate: with low delay it knows no other that holds one
        "lookahead=0",
        "scd=0",  # no key frames at changes of scene,
        "keyint=-1",  # nor after some time
    )
)
SVT_AV1_BUFFER_MS = (20, 10_000)
"""The least and the longest buffer that it takes."""


def _threads(rung: Rung) -> int:
    pixels_per_second = rung.width * rung.height * rung.frame_rate
    return 2 if pixels_per_second > PARALLEL_ABOVE_PIXELS_PER_SECOND else 1


def _x264(rung: Rung) -> dict[str, str]:
    return {**rate_control(rung), "threads": str(_threads(rung)), "x264-params": X264_PARAMETERS}


def _x265(rung: Rung) -> dict[str, str]:
    return {**rate_control(rung), "x265-params": f"{X265_PARAMETERS}:pools={_threads(rung)}"}


def _svt_av1(rung: Rung) -> dict[str, str]:
    """Its maximum is its target: it refuses another in this mode."""
    least_ms, longest_ms = SVT_AV1_BUFFER_MS
    buffer_ms = min(max(round(rung.buffer_seconds * 1000), least_ms), longest_ms)
    own = f"{SVT_AV1_PARAMETERS}:lp={_threads(rung)}:buf-sz={buffer_ms}"
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
    presets=preset_table("preset", "12", "11", "10", "9", "8", "8", "7", "7", "7"),
    rung_options=_svt_av1,
)
SOFTWARE_ENCODERS = (X264, X265, SVT_AV1)
