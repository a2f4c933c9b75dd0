"""Which of OBS's encoders makes the renditions, and its settings.

OBS does not say which encoders it has, only the codecs; naming one that is missing ends multitrack video with an error.
So a hardware encoder is named only where the graphics card that draws always comes with it, and x264 everywhere else.

All are set to the same: H.264, constant bit rate, a key frame each two seconds and none in between (so that every
rendition has them in the same places), no B-frames (each would delay the picture).
"""

from __future__ import annotations

from dataclasses import dataclass

from pinkmedia.obs.request import Capabilities, ClientRequest

KEY_FRAME_INTERVAL_SECONDS = 2
"""The server's usual segment: longer ones delay joining and switching."""
CORES_PER_X264_RENDITION = 4
"""Logical processor cores; a game runs beside it."""

NVIDIA, AMD, APPLE = 0x10DE, 0x1002, 0x106B
"""PCI vendors of graphics cards."""
NVENC_RENAMED_IN = 31
"""OBS's version since which NVENC has its present name; the old one is deprecated."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of OBS's video encoders."""

    type: str
    """Its identifier in OBS."""
    own_settings: dict[str, object]
    """What only this one knows."""
    most_renditions: int | None = None
    """That the machine can encode at once; None when that is no concern."""

    def settings(self, bit_rate_bps: int) -> dict[str, object]:
        """For a rendition."""
        common: dict[str, object] = {
            "rate_control": "CBR",
            "bitrate": bit_rate_bps // 1000,
            "keyint_sec": KEY_FRAME_INTERVAL_SECONDS,
            "profile": "high",
        }
        return common | self.own_settings


def choose_encoder(request: ClientRequest) -> Encoder:
    """The fastest that the machine is sure to have."""
    vendor, system = _drawing_vendor(request), request.capabilities.system.name
    if vendor == NVIDIA:
        name = "obs_nvenc_h264_tex" if request.client.major_version >= NVENC_RENAMED_IN else "jim_nvenc"
        return Encoder(name, {"bf": 0, "tune": "ll", "lookahead": False})
    if vendor == AMD and system == "Windows":
        return Encoder("h264_texture_amf", {"bf": 0, "preset": "balanced"})
    if vendor == APPLE and system == "macOS":
        return Encoder("com.apple.videotoolbox.videoencoder.ave.avc", {"bframes": False})
    return _x264(request.capabilities)


def _x264(capabilities: Capabilities) -> Encoder:
    settings: dict[str, object] = {"bf": 0, "preset": "veryfast", "tune": "zerolatency", "x264opts": "scenecut=0"}
    return Encoder("obs_x264", settings, max(1, capabilities.cpu.logical_cores // CORES_PER_X264_RENDITION))


def _drawing_vendor(request: ClientRequest) -> int | None:
    cards = request.capabilities.gpu or []
    index = request.preferences.composition_gpu_index or 0
    return cards[index].vendor_id if 0 <= index < len(cards) else None
