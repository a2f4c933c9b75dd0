"""The encoders of graphics processors (see `transcode.encoder_kinds`).

None of them is believed before it has encoded pictures on this machine (`transcode.encoder_probe`): that FFmpeg has it
says nothing about a device, its driver, and what that model can do.
"""

from __future__ import annotations

from pinkmedia.media import Codec
from transcode.encoder_kinds import PRESETS, EncoderKind, Family, preset_table, rate_control
from transcode.ladder import Rung

LONGEST_GOP = "65535"
"""In pictures: QSV's word for infinite, which has 16 bits; elsewhere it is half an hour, and a key frame is forced long
before."""

_NO_OWN_KEY_FRAMES = {"g": LONGEST_GOP, "bf": "0"}


def _nvenc(rung: Rung) -> dict[str, str]:
    """It must be told which rate control; the others see it by the maximum."""
    is_constant = rung.max_bit_rate_bps in (None, rung.bit_rate_bps)
    return {**rate_control(rung), "rc": "cbr" if is_constant else "vbr"}


_NVENC_OPTIONS = {
    **_NO_OWN_KEY_FRAMES,
    "tune": "ull",  # ultra-low latency: no lookahead, whatever the preset
    "zerolatency": "1",  # no delay for reordering
    "delay": "0",  # an access unit is fetched at once; by default as many pictures as surfaces are under way
    "rc-lookahead": "0",
    "no-scenecut": "1",
    "forced-idr": "1",  # a forced key frame would be a plain I picture otherwise
}
_NVENC_PRESETS = preset_table("preset", "p1", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p7")
"""p1 is the fastest, p7 the best."""

_QSV_OPTIONS = {
    **_NO_OWN_KEY_FRAMES,
    "async_depth": "1",  # pictures under way at once: four by default, which is four pictures' delay
    "forced_idr": "1",
    "adaptive_i": "0",  # no key frames at changes of scene
}
_QSV_PRESETS = preset_table("preset", "veryfast", "veryfast", *PRESETS[2:])
"""It has x264's words from there on."""

_VAAPI_OPTIONS = {
    **_NO_OWN_KEY_FRAMES,
    "async_depth": "1",  # pictures under way at once: two by default, which is a picture's delay
    "idr_interval": "0",  # every key frame is an IDR picture
}
_VAAPI_PRESETS: dict[str, dict[str, str]] = {preset: {} for preset in PRESETS}
"""Each driver counts its levels of quality in its own way; its default is live everywhere."""

_VIDEOTOOLBOX_OPTIONS = {
    **_NO_OWN_KEY_FRAMES,
    # Its mode for low latency is left alone: in that it refuses to be told a maximum bit rate.
    "realtime": "1",  # encodes as fast as pictures come
    "allow_sw": "0",  # x264 is the better software encoder
}
_VIDEOTOOLBOX_PRESETS = preset_table("prio_speed", "1", "1", "1", "1", "0", "0", "0", "0", "0")
"""It only knows whether speed matters more than quality."""

HARDWARE_ENCODERS = (
    EncoderKind(
        "h264_nvenc",
        Codec.H264,
        Family.NVENC,
        options={**_NVENC_OPTIONS, "profile": "high"},
        presets=_NVENC_PRESETS,
        rung_options=_nvenc,
    ),
    EncoderKind(
        "hevc_nvenc",
        Codec.HEVC,
        Family.NVENC,
        options={**_NVENC_OPTIONS, "profile": "main"},
        presets=_NVENC_PRESETS,
        rung_options=_nvenc,
    ),
    EncoderKind(
        "av1_nvenc",
        Codec.AV1,
        Family.NVENC,
        options=_NVENC_OPTIONS,
        presets=_NVENC_PRESETS,
        rung_options=_nvenc,
    ),
    EncoderKind(
        "h264_qsv",
        Codec.H264,
        Family.QSV,
        options={**_QSV_OPTIONS, "profile": "high", "look_ahead": "0", "scenario": "livestreaming"},
        presets=_QSV_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
    ),
    EncoderKind(
        "hevc_qsv",
        Codec.HEVC,
        Family.QSV,
        options={**_QSV_OPTIONS, "profile": "main", "scenario": "livestreaming"},
        presets=_QSV_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
    ),
    EncoderKind(
        "av1_qsv",
        Codec.AV1,
        Family.QSV,
        options=_QSV_OPTIONS,
        presets=_QSV_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
    ),
    EncoderKind(
        "h264_vaapi",
        Codec.H264,
        Family.VAAPI,
        options={**_VAAPI_OPTIONS, "profile": "high"},
        presets=_VAAPI_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
        device="vaapi",
    ),
    EncoderKind(
        "hevc_vaapi",
        Codec.HEVC,
        Family.VAAPI,
        options={**_VAAPI_OPTIONS, "profile": "main"},
        presets=_VAAPI_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
        device="vaapi",
    ),
    EncoderKind(
        "av1_vaapi",
        Codec.AV1,
        Family.VAAPI,
        options=_VAAPI_OPTIONS,
        presets=_VAAPI_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
        device="vaapi",
    ),
    EncoderKind(
        "h264_videotoolbox",
        Codec.H264,
        Family.VIDEOTOOLBOX,
        options={**_VIDEOTOOLBOX_OPTIONS, "profile": "high"},
        presets=_VIDEOTOOLBOX_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
    ),
    EncoderKind(
        "hevc_videotoolbox",
        Codec.HEVC,
        Family.VIDEOTOOLBOX,
        options={**_VIDEOTOOLBOX_OPTIONS, "profile": "main"},
        presets=_VIDEOTOOLBOX_PRESETS,
        rung_options=rate_control,
        pixel_format="nv12",
    ),
)
"""In order of preference, for those who let it be chosen."""
