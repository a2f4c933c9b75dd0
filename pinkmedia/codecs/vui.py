"""The head of the video usability information, which H.264 (§E.1.1) and HEVC (§E.2.1) write alike."""

from __future__ import annotations

from pinkmedia.codecs.bits import BitReader
from pinkmedia.codecs.pictures import told_colour
from pinkmedia.media import Colour

_EXTENDED_SAR = 255
_UNSPECIFIED = 2


def read_vui_head(bits: BitReader) -> Colour | None:
    """Read from aspect_ratio_info_present_flag to chroma_loc_info; None when no colour is told. Raises CodecError."""
    if bits.flag() and bits.read(8) == _EXTENDED_SAR:  # aspect_ratio_info_present_flag, aspect_ratio_idc
        bits.read(32)  # sar_width, sar_height
    if bits.flag():  # overscan_info_present_flag
        bits.flag()
    colour = _video_signal(bits) if bits.flag() else None  # video_signal_type_present_flag
    if bits.flag():  # chroma_loc_info_present_flag
        bits.unsigned_golomb()
        bits.unsigned_golomb()
    return colour


def _video_signal(bits: BitReader) -> Colour | None:
    bits.read(3)  # video_format
    is_full_range = bits.flag()
    primaries = transfer = matrix = _UNSPECIFIED
    if bits.flag():  # colour_description_present_flag
        primaries, transfer, matrix = bits.read(8), bits.read(8), bits.read(8)
    return told_colour(primaries, transfer, matrix, is_full_range=is_full_range)
