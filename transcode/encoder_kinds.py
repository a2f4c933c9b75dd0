"""What is to be known of an encoder of FFmpeg: one frozen description each, in two tables.

Every one of them is made to do the same, each in its own words:

- A picture goes in, its access unit comes out: no lookahead, no B-frames, nothing in parallel over several pictures.
- Key frames are where they are forced and nowhere else, so that all rungs have theirs at the same pictures; each is an
  IDR picture, nothing after it refers to what was before.
- The bit rate is held within the rung's buffer, because a player's buffer is not much longer.
- Parameter sets are told once, beforehand: they go into the configuration record.

`transcode.software_encoders` and `transcode.hardware_encoders` are the tables, `transcode.encoder_choice` chooses.
This module does not need FFmpeg: the node reads the tables too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pinkmedia.media import Codec
from transcode.faults import TranscodeFault
from transcode.ladder import Rung

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""x264's words for less or more work per picture; a rung's preset is one of them, whatever encodes it."""


class Family(StrEnum):
    """What an encoder runs on."""

    SOFTWARE = "software"
    NVENC = "nvenc"
    """NVIDIA's."""
    QSV = "qsv"
    """Intel's, through oneVPL."""
    VAAPI = "vaapi"
    """Intel's and AMD's, through the Linux kernel's graphics drivers."""
    VIDEOTOOLBOX = "videotoolbox"
    """Apple's."""


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """One of FFmpeg's encoders, and how it is made to encode live."""

    name: str
    """FFmpeg's."""
    codec: Codec
    family: Family
    options: Mapping[str, str]
    """For all rungs."""
    presets: Mapping[str, Mapping[str, str]]
    """Options by preset, for each of PRESETS."""
    rung_options: Callable[[Rung], Mapping[str, str]]
    """What depends on the rung: rate control, threads."""
    pixel_format: str = "yuv420p"
    """What it reads; pictures are converted."""
    device: str | None = None
    """The kind of device whose memory its pictures must lie in; None: it reads the machine's own."""

    @property
    def is_hardware(self) -> bool:
        return self.family is not Family.SOFTWARE

    def options_for(self, rung: Rung) -> dict[str, str]:
        """Everything that FFmpeg is told. Raises TranscodeFault when it has no such preset."""
        if rung.preset not in self.presets:
            raise TranscodeFault(f"{rung.name} has the unknown preset {rung.preset}; there are {', '.join(PRESETS)}")
        return {**self.options, **self.presets[rung.preset], **self.rung_options(rung)}


def preset_table(option: str, *values: str) -> dict[str, dict[str, str]]:
    """That option's value for each of PRESETS, in their order."""
    return {preset: {option: value} for preset, value in zip(PRESETS, values, strict=True)}


def rate_control(rung: Rung) -> dict[str, str]:
    """Target and buffer in FFmpeg's own options, which most encoders obey."""
    max_bps = rung.max_bit_rate_bps or rung.bit_rate_bps
    return {
        "b": str(rung.bit_rate_bps),
        "maxrate": str(max_bps),
        "bufsize": str(int(max_bps * rung.buffer_seconds)),
    }
