"""Where a source's picture lies in a rung's: turned upright, cut to even sizes, never stretched.

Strategy: a rung keeps its size for as long as the stream lives. With the first picture it gets the shape of pixels that
shows it right; a later one of other proportions is fitted in with black bars.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import cast

from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

LARGEST_ASPECT_TERM = 65535
"""Pixel aspect ratios have 16 bits in H.264 (ITU-T H.264 §E.2.1)."""
ROUNDING_PIXELS = 2
"""Sizes are even, so proportions are right when a side differs by less."""
MOST_ASPECT = 16
"""A pixel that is wider than this, or higher, is a mistake of the sender; its pixels are shown as squares."""


class Turn(Enum):
    """How the picture is brought upright: the filter and its arguments."""

    NONE = ()
    MIRROR = (("hflip", ""),)
    UPSIDE_DOWN = (("vflip", ""),)
    HALF = (("hflip", ""), ("vflip", ""))
    LEFT = (("transpose", "cclock"),)
    RIGHT = (("transpose", "clock"),)
    LEFT_MIRROR = (("transpose", "cclock_flip"),)
    RIGHT_MIRROR = (("transpose", "clock_flip"),)

    @property
    def swaps_sides(self) -> bool:
        return any(name == "transpose" for name, _ in self.value)


_UPRIGHT = {
    (False, False): Turn.NONE,
    (True, False): Turn.MIRROR,
    (False, True): Turn.UPSIDE_DOWN,
    (True, True): Turn.HALF,
}
_SIDEWAYS = {
    (False, False): Turn.LEFT_MIRROR,
    (True, False): Turn.RIGHT,
    (False, True): Turn.LEFT,
    (True, True): Turn.RIGHT_MIRROR,
}


def turn_of(frame: VideoFrame) -> Turn:
    """As the picture's display matrix asks. Not for every picture: PyAV keeps one whose side data was looked at, until
    Python collects its garbage."""
    try:
        known = cast(SideDataContainer, frame.side_data)  # the stubs say less than there is
    except ValueError:  # a kind of side data that PyAV has not heard of
        return Turn.NONE
    for side_data in known:
        if side_data.type == SideDataType.DISPLAYMATRIX:
            return turn_by(bytes(side_data))
    return Turn.NONE


def turn_by(matrix: bytes) -> Turn:
    """The nearest turn by quarters to a display matrix: nine 32-bit numbers, row vectors times matrix, y down."""
    xx, xy, _, yx, yy = struct.unpack_from("=5i", matrix)
    if abs(xx) + abs(yy) >= abs(xy) + abs(yx):
        return _UPRIGHT[xx < 0, yy < 0]
    return _SIDEWAYS[yx < 0, xy < 0]


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a picture, in pixels that need not be square."""

    width: int
    height: int
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel by its height."""

    @property
    def aspect(self) -> Fraction:
        """Width by height as it is shown."""
        return self.width * self.pixel_aspect / self.height

    @property
    def even(self) -> Shape:
        """Without the odd column or line, which 4:2:0 cannot have."""
        return Shape(max(2, self.width // 2 * 2), max(2, self.height // 2 * 2), self.pixel_aspect)

    def turned(self, turn: Turn) -> Shape:
        return Shape(self.height, self.width, 1 / self.pixel_aspect) if turn.swaps_sides else self


def pixel_aspect(declared: Fraction | None) -> Fraction:
    """What the decoder says, made sensible: square when it is unknown or absurd."""
    if not declared or not Fraction(1, MOST_ASPECT) <= declared <= MOST_ASPECT:
        return Fraction(1)
    return declared


def remaining_pixel_aspect(source: Shape, width: int, height: int) -> Fraction:
    """Of a rung's pixels, when the whole source fills it.

    A rung of the proportions that the source is shown in has square pixels, one of the source's own keeps its pixels;
    rounding to even sizes changes neither. Otherwise it is what makes up for the difference, exactly.
    """
    if _fills(source.aspect, Shape(width, height)):
        return Fraction(1)
    if _fills(Fraction(source.width, source.height), Shape(width, height)):
        return source.pixel_aspect
    return (source.aspect * height / width).limit_denominator(LARGEST_ASPECT_TERM)


def fitted(picture: Shape, canvas: Shape) -> Shape:
    """The largest even size within the canvas that shows the picture unstretched."""
    if _fills(picture.aspect, canvas):
        return canvas
    if picture.aspect > canvas.aspect:
        height = _even(canvas.width * canvas.pixel_aspect / picture.aspect, canvas.height)
        return Shape(canvas.width, height, canvas.pixel_aspect)
    width = _even(canvas.height * picture.aspect / canvas.pixel_aspect, canvas.width)
    return Shape(width, canvas.height, canvas.pixel_aspect)


def _fills(aspect: Fraction, canvas: Shape) -> bool:
    width = canvas.height * aspect / canvas.pixel_aspect
    height = canvas.width * canvas.pixel_aspect / aspect
    return abs(width - canvas.width) < ROUNDING_PIXELS or abs(height - canvas.height) < ROUNDING_PIXELS


def _even(length: Fraction, most: int) -> int:
    return min(most, max(2, round(length / 2) * 2))
