"""The head of the video usability information, which H.264 (§E.1.1) and HEVC (§E.2.1) write alike."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from pinkmedia.codecs.bits import BitReader
from pinkmedia.codecs.pictures import told_colour
from pinkmedia.media import Colour

WIDEST_SAMPLE = 3
"""Width of a sample by its height, or the other way round: more is a mistake, and would leave no picture."""

_SAMPLE_ASPECT_RATIOS = (
    *((1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11)),
    *((80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1)),
)
"""By aspect_ratio_idc, from 1 on (H.264 table E-1, HEVC table E.1)."""
_EXTENDED_SAR = 255
_UNSPECIFIED = 2


class VuiHead(NamedTuple):
    """What the head says."""

    colour: Colour | None
    """None when no colour is told."""
    sample_aspect_ratio: Fraction
    """Width of a sample by its height; 1 when it is not told."""


def read_vui_head(bits: BitReader) -> VuiHead:
    """Read from aspect_ratio_info_present_flag to chroma_loc_info. Raises CodecError."""
    sample_aspect_ratio = _sample_aspect_ratio(bits) if bits.flag() else Fraction(1)  # aspect_ratio_info_present_flag
    if bits.flag():  # overscan_info_present_flag
        bits.flag()
    colour = _video_signal(bits) if bits.flag() else None  # video_signal_type_present_flag
    if bits.flag():  # chroma_loc_info_present_flag
        bits.unsigned_golomb()
        bits.unsigned_golomb()
    return VuiHead(colour, sample_aspect_ratio)


def _sample_aspect_ratio(bits: BitReader) -> Fraction:
    number = bits.read(8)  # aspect_ratio_idc
    if number == _EXTENDED_SAR:
        width, height = bits.read(16), bits.read(16)
    elif 1 <= number <= len(_SAMPLE_ASPECT_RATIOS):
        width, height = _SAMPLE_ASPECT_RATIOS[number - 1]
    else:
        width = height = 1
    is_sensible = 0 < width <= WIDEST_SAMPLE * height and height <= WIDEST_SAMPLE * width
    return Fraction(width, height) if is_sensible else Fraction(1)


def _video_signal(bits: BitReader) -> Colour | None:
    bits.read(3)  # video_format
    is_full_range = bits.flag()
    primaries = transfer = matrix = _UNSPECIFIED
    if bits.flag():  # colour_description_present_flag
        primaries, transfer, matrix = bits.read(8), bits.read(8), bits.read(8)
    return told_colour(primaries, transfer, matrix, is_full_range=is_full_range)
