"""The H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1, Annex E), as far as a server needs it.

The parse runs from the profile to the VUI's timing in the syntax's own order; fields nobody reads are skipped by
name. Values are bounded here, because they size encoders and playlists later.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pinkmedia.codecs.bits import BitReader, remove_emulation_prevention
from pinkmedia.codecs.pictures import believable_frame_rate, check_size
from pinkmedia.codecs.vui import read_vui_head
from pinkmedia.errors import CodecError

MAX_BIT_DEPTH = 14
"""High 4:4:4 Predictive (§A.2.7)."""
MAX_CYCLE_FRAMES = 255
"""num_ref_frames_in_pic_order_cnt_cycle (§7.4.2.1.1)."""

_SPS_NAL_TYPE = 7
_PROFILES_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_CHROMA_SCALE = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""Luma samples per chroma sample, across and down, by ChromaArrayType (Table 6-1)."""


@dataclass(frozen=True, slots=True)
class SequenceParameterSet:
    """What a sequence parameter set says of the pictures."""

    profile_idc: int
    constraint_flags: int
    """The whole byte after the profile: constraint_set0_flag is its high bit."""
    level_idc: int
    """Ten times the level: 40 is level 4."""
    chroma_format_idc: int
    """0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4."""
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    """Pixels after cropping."""
    height: int
    """Pixels after cropping."""
    sample_aspect_ratio: Fraction
    """Width of a sample by its height: from the VUI, or 1."""
    frame_rate: Fraction | None
    """From the VUI's timing; None when it has none, or a value no source has."""


def parse_sps(sps: bytes) -> SequenceParameterSet:
    """Parse one SPS NAL unit (with its header byte, without start code). Raises CodecError."""
    if not sps or sps[0] & 0x1F != _SPS_NAL_TYPE:
        raise CodecError("not a sequence parameter set")
    bits = BitReader(remove_emulation_prevention(bytes(sps[1:])))
    profile_idc, constraint_flags, level_idc = bits.read(8), bits.read(8), bits.read(8)
    bits.unsigned_golomb()  # seq_parameter_set_id
    has_chroma = profile_idc in _PROFILES_WITH_CHROMA
    chroma_format_idc, is_separate, luma, chroma = _chroma(bits) if has_chroma else (1, False, 8, 8)
    _skip_order_count(bits)
    width, height = _dimensions(bits, 0 if is_separate else chroma_format_idc)
    sample_aspect_ratio, frame_rate = _vui(bits) if bits.flag() else (Fraction(1), None)
    return SequenceParameterSet(
        profile_idc=profile_idc,
        constraint_flags=constraint_flags,
        level_idc=level_idc,
        chroma_format_idc=chroma_format_idc,
        bit_depth_luma=luma,
        bit_depth_chroma=chroma,
        width=width,
        height=height,
        sample_aspect_ratio=sample_aspect_ratio,
        frame_rate=frame_rate,
    )


def _chroma(bits: BitReader) -> tuple[int, bool, int, int]:
    """chroma_format_idc, separate_colour_plane_flag, both bit depths; the scaling lists are skipped."""
    chroma_format_idc = bits.unsigned_golomb()
    if chroma_format_idc not in _CHROMA_SCALE:
        raise CodecError(f"SPS has chroma format {chroma_format_idc}; 0 to 3 exist")
    is_separate = chroma_format_idc == 3 and bits.flag()
    luma, chroma = 8 + bits.unsigned_golomb(), 8 + bits.unsigned_golomb()
    if max(luma, chroma) > MAX_BIT_DEPTH:
        raise CodecError(f"SPS has a bit depth of {max(luma, chroma)}; at most {MAX_BIT_DEPTH} exist")
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        _skip_scaling_matrix(bits, list_count=12 if chroma_format_idc == 3 else 8)
    return chroma_format_idc, is_separate, luma, chroma


def _skip_scaling_matrix(bits: BitReader, list_count: int) -> None:
    for index in range(list_count):
        if bits.flag():
            _skip_scaling_list(bits, size=16 if index < 6 else 64)


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    """§7.3.2.1.1.1: a next scale of 0 repeats the last one to the list's end."""
    scale = 8
    for _ in range(size):
        scale = (scale + bits.signed_golomb()) % 256
        if scale == 0:
            return


def _skip_order_count(bits: BitReader) -> None:
    """From log2_max_frame_num to gaps_in_frame_num_value_allowed_flag."""
    bits.unsigned_golomb()  # log2_max_frame_num_minus4
    order_count_type = bits.unsigned_golomb()
    if order_count_type == 0:
        bits.unsigned_golomb()  # log2_max_pic_order_cnt_lsb_minus4
    elif order_count_type == 1:
        _skip_order_count_cycle(bits)
    bits.unsigned_golomb()  # max_num_ref_frames
    bits.flag()  # gaps_in_frame_num_value_allowed_flag


def _skip_order_count_cycle(bits: BitReader) -> None:
    bits.flag()  # delta_pic_order_always_zero_flag
    bits.signed_golomb()  # offset_for_non_ref_pic
    bits.signed_golomb()  # offset_for_top_to_bottom_field
    frame_count = bits.unsigned_golomb()
    if frame_count > MAX_CYCLE_FRAMES:
        raise CodecError(f"SPS has {frame_count} frames in its order count cycle; at most {MAX_CYCLE_FRAMES} exist")
    for _ in range(frame_count):
        bits.signed_golomb()  # offset_for_ref_frame


def _dimensions(bits: BitReader, chroma_array_type: int) -> tuple[int, int]:
    """Width and height in pixels after cropping (equations 7-13 to 7-22)."""
    width = 16 * (bits.unsigned_golomb() + 1)
    map_units = bits.unsigned_golomb() + 1
    is_progressive = bits.flag()  # frame_mbs_only_flag
    field_factor = 1 if is_progressive else 2
    height = 16 * map_units * field_factor
    if not is_progressive:
        bits.flag()  # mb_adaptive_frame_field_flag
    bits.flag()  # direct_8x8_inference_flag
    if bits.flag():
        across, down = _CHROMA_SCALE[chroma_array_type]
        width -= across * (bits.unsigned_golomb() + bits.unsigned_golomb())
        height -= down * field_factor * (bits.unsigned_golomb() + bits.unsigned_golomb())
    check_size(width, height, "SPS")
    return width, height


def _vui(bits: BitReader) -> tuple[Fraction, Fraction | None]:
    """vui_parameters (§E.1.1): sample aspect ratio and frame rate. A tick is a field's duration, so a frame lasts two
    (equation D-2)."""
    head = read_vui_head(bits)
    if not bits.flag():  # timing_info_present_flag
        return head.sample_aspect_ratio, None
    units_in_tick, time_scale = bits.read(32), bits.read(32)
    return head.sample_aspect_ratio, believable_frame_rate(time_scale, 2 * units_in_tick)
