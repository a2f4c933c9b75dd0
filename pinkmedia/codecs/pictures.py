"""What holds of pictures in every video codec: bounds on what headers claim, and how colours are told.

Headers size encoders, buffers and playlists later, so values beyond what any level or source has are refused here.
"""

from __future__ import annotations

from fractions import Fraction

from pinkmedia.errors import CodecError
from pinkmedia.media import Colour

MAX_SIDE_PIXELS = 16_384
"""Of H.264, no level allows a longer side (sqrt(8 x MaxFS) macroblocks at level 6.2, rounded down); AV1's level 6.3
has the same, and nobody streams more in another codec."""
MAX_FRAME_RATE = 300
"""Above any camera or game capture; what lies beyond is a broken header."""
MIN_FRAME_RATE = 1
"""Slide shows go this low; below it, a segment would hold no frame."""

_UNSPECIFIED = 2


def check_size(width: int, height: int, header: str) -> None:
    """Raises CodecError, which names the ``header``, unless pictures can have this size in pixels."""
    if not (1 <= width <= MAX_SIDE_PIXELS and 1 <= height <= MAX_SIDE_PIXELS):
        raise CodecError(f"{header} describes pictures of {width}x{height} pixels; at most {MAX_SIDE_PIXELS} a side")


def believable_frame_rate(time_scale: int, ticks_per_frame: int) -> Fraction | None:
    """Frames per second by a header's clock; None for a value no source has."""
    if not ticks_per_frame:
        return None
    frame_rate = Fraction(time_scale, ticks_per_frame)
    return frame_rate if MIN_FRAME_RATE <= frame_rate <= MAX_FRAME_RATE else None


def told_colour(primaries: int, transfer: int, matrix: int, *, is_full_range: bool) -> Colour | None:
    """The colour of ITU-T H.273 code points; None when they tell nothing."""
    if primaries == transfer == matrix == _UNSPECIFIED and not is_full_range:
        return None
    return Colour(primaries, transfer, matrix, is_full_range)
