"""What the numbers in a picture mean, for the encoders and the scaler.

Strategy: what the source says is carried. What it leaves open is filled in as players would by the source's size: they
would take a smaller rung for another colour space. Numbers are code points of ITU-T H.273, as FFmpeg's are.
"""

from __future__ import annotations

from dataclasses import dataclass

from av.video.frame import VideoFrame

from pinkmedia.media import HDR_TRANSFERS

UNSPECIFIED = 2
BT709 = 1
BT470BG = 5
"""BT.601 with 625 lines."""
SMPTE170M = 6
"""BT.601 with 525 lines; the transfer characteristics of both."""
PQ, HLG = 16, 18
RGB_MATRIX = 0
LIMITED_RANGE, FULL_RANGE = 1, 2
"""As FFmpeg numbers them."""
HD_SHORT_SIDE, HD_LONG_SIDE = 720, 1280
"""In pixels: from either on, unspecified colours are BT.709's."""
LINES_OF_625 = frozenset({288, 576})
"""Heights of 625-line television, and of one field."""
SCALABLE_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
"""Those that the scaler knows; of the others it would refuse the pictures."""


@dataclass(frozen=True, slots=True)
class ColourTags:
    """Nothing of it is unspecified."""

    matrix: int
    primaries: int
    transfer: int
    range: int

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR_TRANSFERS

    def put_on(self, frame: VideoFrame) -> None:
        """Tells the encoder that is opened with the picture."""
        frame.colorspace, frame.color_range = self.matrix, self.range
        frame.color_primaries, frame.color_trc = self.primaries, self.transfer


SDR = ColourTags(BT709, BT709, BT709, LIMITED_RANGE)
"""What HDR is mapped to."""


def tags_of(frame: VideoFrame) -> ColourTags:
    """What the picture says; the rest by its size. RGB is converted, to the matrix of its size."""
    usual = _usual(frame.width, frame.height)
    is_rgb = frame.format.is_rgb
    is_full = frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj")
    return ColourTags(
        matrix=usual.matrix if is_rgb or frame.colorspace in (RGB_MATRIX, UNSPECIFIED) else frame.colorspace,
        primaries=usual.primaries if frame.color_primaries == UNSPECIFIED else frame.color_primaries,
        transfer=usual.transfer if frame.color_trc == UNSPECIFIED else frame.color_trc,
        range=FULL_RANGE if is_full and not is_rgb else LIMITED_RANGE,
    )


def _usual(width: int, height: int) -> ColourTags:
    if min(width, height) >= HD_SHORT_SIDE or max(width, height) >= HD_LONG_SIDE:
        return SDR
    standard = BT470BG if height in LINES_OF_625 else SMPTE170M
    return ColourTags(standard, standard, SMPTE170M, LIMITED_RANGE)
