"""AV1's sequence header (AV1 bitstream specification §5.5), as far as a server needs it.

The parse runs from the profile to the colours in the syntax's own order; fields nobody reads are skipped by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from pinkmedia.codecs.bits import BitReader
from pinkmedia.codecs.pictures import believable_frame_rate, check_size, told_colour
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour

MAX_PROFILE = 2
"""Main, High and Professional (§6.4.1)."""
MAX_UVLC_ZEROS = 31
"""Leading zeros of a uvlc() whose value fits 32 bits (§4.10.3)."""

_FIRST_LEVEL_WITH_TIER = 8
"""seq_level_idx of level 4.0: below it there is the Main tier alone."""
_BT709, _SRGB, _IDENTITY = 1, 13, 0
_UNSPECIFIED = 2
_SELECT = 2
"""seq_force_screen_content_tools that leaves it to each frame (§6.4.2)."""


class ColourConfig(NamedTuple):
    """color_config (§5.5.2)."""

    bit_depth: int
    is_monochrome: bool
    subsampling: tuple[bool, bool]
    """Horizontal and vertical: (True, True) is 4:2:0."""
    chroma_sample_position: int
    """0 unknown, 1 vertical, 2 colocated."""
    colour: Colour | None


@dataclass(frozen=True, slots=True)
class Av1SequenceHeader:
    """What a sequence header says of the pictures."""

    profile: int
    is_reduced_still_picture: bool
    """Frame headers lack the bits that say what kind of frame it is: all are shown key frames."""
    level: int
    """seq_level_idx of the first operating point: 8 is level 4.0."""
    tier: int
    """Of the first operating point: 0 Main, 1 High."""
    frame_rate: Fraction | None
    """None when frames are not said to be equally far apart, or for a value no source has."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    pixels: ColourConfig


class _Operation(NamedTuple):
    """What lies between the profile and the size."""

    level: int
    tier: int
    frame_rate: Fraction | None


def parse_sequence_header(payload: bytes) -> Av1SequenceHeader:
    """Parse a sequence header OBU's payload. Raises CodecError."""
    bits = BitReader(payload)
    profile = bits.read(3)
    if profile > MAX_PROFILE:
        raise CodecError(f"AV1 sequence header has profile {profile}; 0 to {MAX_PROFILE} exist")
    bits.flag()  # still_picture
    is_reduced = bits.flag()  # reduced_still_picture_header
    operation = _Operation(bits.read(5), 0, None) if is_reduced else _operation(bits)
    width, height = _dimensions(bits)
    _skip_coding_tools(bits, is_reduced)
    return Av1SequenceHeader(profile, is_reduced, *operation, width, height, _colour_config(bits, profile))


def _operation(bits: BitReader) -> _Operation:
    """From timing_info_present_flag to the operating points, of which the first is what a decoder plays."""
    has_timing = bits.flag()
    frame_rate = _timing(bits) if has_timing else None
    delay_bits = _decoder_model_delay_bits(bits) if has_timing and bits.flag() else 0
    has_display_delay = bits.flag()  # initial_display_delay_present_flag
    count = bits.read(5) + 1
    points = [_operating_point(bits, delay_bits, has_display_delay) for _ in range(count)]
    return _Operation(*points[0], frame_rate)


def _timing(bits: BitReader) -> Fraction | None:
    """timing_info (§5.5.3)."""
    units_in_tick, time_scale = bits.read(32), bits.read(32)
    is_equal = bits.flag()  # equal_picture_interval
    return believable_frame_rate(time_scale, units_in_tick * (_uvlc(bits) + 1)) if is_equal else None


def _uvlc(bits: BitReader) -> int:
    zeros = 0
    while not bits.flag():
        zeros += 1
        if zeros > MAX_UVLC_ZEROS:
            raise CodecError("AV1 sequence header has an interval between pictures that no clock has")
    return (1 << zeros) - 1 + bits.read(zeros)


def _decoder_model_delay_bits(bits: BitReader) -> int:
    """decoder_model_info (§5.5.4): the size of two fields in every operating point."""
    delay_bits = bits.read(5) + 1
    bits.read(32)  # num_units_in_decoding_tick
    bits.read(10)  # buffer_removal_time_length_minus_1, frame_presentation_time_length_minus_1
    return delay_bits


def _operating_point(bits: BitReader, delay_bits: int, has_display_delay: bool) -> tuple[int, int]:
    """seq_level_idx and seq_tier."""
    bits.read(12)  # operating_point_idc
    level = bits.read(5)
    tier = bits.read(1) if level >= _FIRST_LEVEL_WITH_TIER else 0
    if delay_bits and bits.flag():  # decoder_model_present_for_this_op
        bits.read(2 * delay_bits + 1)  # both buffer delays, low_delay_mode_flag
    if has_display_delay and bits.flag():  # initial_display_delay_present_for_this_op
        bits.read(4)
    return level, tier


def _dimensions(bits: BitReader) -> tuple[int, int]:
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    width, height = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    check_size(width, height, "AV1 sequence header")
    return width, height


def _skip_coding_tools(bits: BitReader, is_reduced: bool) -> None:
    """From frame_id_numbers_present_flag to enable_restoration."""
    if not is_reduced and bits.flag():  # frame_id_numbers_present_flag
        bits.read(7)  # delta_frame_id_length_minus_2, additional_frame_id_length_minus_1
    bits.read(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not is_reduced:
        _skip_inter_tools(bits)
    bits.read(3)  # enable_superres, enable_cdef, enable_restoration


def _skip_inter_tools(bits: BitReader) -> None:
    bits.read(4)  # enable_interintra_compound, _masked_compound, _warped_motion, _dual_filter
    has_order_hint = bits.flag()
    if has_order_hint:
        bits.read(2)  # enable_jnt_comp, enable_ref_frame_mvs
    screen_content = _SELECT if bits.flag() else bits.read(1)  # seq_choose_screen_content_tools
    if screen_content and not bits.flag():  # seq_choose_integer_mv
        bits.flag()  # seq_force_integer_mv
    if has_order_hint:
        bits.read(3)  # order_hint_bits_minus_1


def _colour_config(bits: BitReader, profile: int) -> ColourConfig:
    bit_depth = _bit_depth(bits, profile)
    is_monochrome = profile != 1 and bits.flag()
    has_description = bits.flag()  # color_description_present_flag
    told = (bits.read(8), bits.read(8), bits.read(8)) if has_description else (_UNSPECIFIED,) * 3
    if told == (_BT709, _SRGB, _IDENTITY) and not is_monochrome:
        return ColourConfig(bit_depth, False, (False, False), 0, told_colour(*told, is_full_range=True))
    colour = told_colour(*told, is_full_range=bits.flag())  # color_range
    if is_monochrome:
        return ColourConfig(bit_depth, True, (True, True), 0, colour)
    subsampling = _subsampling(bits, profile, bit_depth)
    position = bits.read(2) if all(subsampling) else 0  # chroma_sample_position
    return ColourConfig(bit_depth, False, subsampling, position, colour)


def _bit_depth(bits: BitReader, profile: int) -> int:
    if not bits.flag():  # high_bitdepth
        return 8
    return 12 if profile == MAX_PROFILE and bits.flag() else 10  # twelve_bit


def _subsampling(bits: BitReader, profile: int, bit_depth: int) -> tuple[bool, bool]:
    if profile == 0:
        return True, True
    if profile == 1:
        return False, False
    if bit_depth < 12:
        return True, False
    is_across = bits.flag()
    return is_across, is_across and bits.flag()
