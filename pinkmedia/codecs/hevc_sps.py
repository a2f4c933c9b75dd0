"""The HEVC sequence parameter set (ITU-T H.265 §7.3.2.2, Annex E), as far as a server needs it.

The parse runs from the profile to the VUI's timing in the syntax's own order; fields nobody reads are skipped by
name. Most of the work is in what lies between the size and the VUI: reference picture sets predict one another, so
passing over them takes a good part of decoding them. All counts are bounded before they are looped over.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pinkmedia.codecs.bits import BitReader, remove_emulation_prevention
from pinkmedia.codecs.pictures import believable_frame_rate, check_size
from pinkmedia.codecs.vui import VuiHead, read_vui_head
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour

MAX_BIT_DEPTH = 15
"""What hvcC's three bits can say; no player decodes more than 12."""
MAX_SUB_LAYERS = 7
"""sps_max_sub_layers_minus1 is at most 6 (§7.4.3.2.1)."""
MAX_ORDER_COUNT_BITS = 16
"""log2_max_pic_order_cnt_lsb_minus4 is at most 12 (§7.4.3.2.1)."""
MAX_REFERENCE_SETS = 64
"""num_short_term_ref_pic_sets (§7.4.3.2.1)."""
MAX_REFERENCES = 16
"""Of a set, in either direction: sps_max_dec_pic_buffering_minus1 is below MaxDpbSize, which is 16 (§A.4.2)."""
MAX_LONG_TERM_REFERENCES = 32
"""num_long_term_ref_pics_sps (§7.4.3.2.1)."""

_SPS_NAL_TYPE = 33
_CHROMA_SCALE = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
"""SubWidthC and SubHeightC by chroma_format_idc (Table 6-1)."""
_PROFILE_TIER_LEVEL_BYTES = 12
"""Of the general profile, tier and level: byte-aligned, and in hvcC just the same."""


@dataclass(frozen=True, slots=True)
class HevcSequenceParameterSet:
    """What a sequence parameter set says of the pictures."""

    profile_tier_level: bytes
    """12 bytes: profile space, tier and profile (1), compatibility flags (4), constraint flags (6), level (1)."""
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
    colour: Colour | None
    """From the VUI; None when it tells nothing."""
    frame_rate: Fraction | None
    """From the VUI's timing; None when it has none, or a value no source has."""


def parse_hevc_sps(sps: bytes) -> HevcSequenceParameterSet:
    """Parse one SPS NAL unit (with its 2-byte header, without start code). Raises CodecError."""
    if len(sps) < 2 or sps[0] >> 1 & 0x3F != _SPS_NAL_TYPE:
        raise CodecError("not an HEVC sequence parameter set")
    data = remove_emulation_prevention(sps[2:])
    bits = BitReader(data)
    bits.read(4)  # sps_video_parameter_set_id
    sub_layers = bits.read(3) + 1
    bits.flag()  # sps_temporal_id_nesting_flag
    _skip_profile_tier_level(bits, sub_layers)
    bits.unsigned_golomb()  # sps_seq_parameter_set_id
    chroma_format_idc, width, height = _dimensions(bits)
    luma, chroma = _bit_depth(bits), _bit_depth(bits)
    _skip_coding_tools(bits, sub_layers)
    head, frame_rate = _vui(bits) if bits.flag() else (VuiHead(None, Fraction(1)), None)
    return HevcSequenceParameterSet(
        profile_tier_level=data[1 : 1 + _PROFILE_TIER_LEVEL_BYTES],
        chroma_format_idc=chroma_format_idc,
        bit_depth_luma=luma,
        bit_depth_chroma=chroma,
        width=width,
        height=height,
        sample_aspect_ratio=head.sample_aspect_ratio,
        colour=head.colour,
        frame_rate=frame_rate,
    )


def _skip_profile_tier_level(bits: BitReader, sub_layers: int) -> None:
    """profile_tier_level (§7.3.3)."""
    if sub_layers > MAX_SUB_LAYERS:
        raise CodecError(f"HEVC SPS has {sub_layers} temporal layers; at most {MAX_SUB_LAYERS} exist")
    bits.read(8 * _PROFILE_TIER_LEVEL_BYTES)
    if sub_layers == 1:
        return
    has_profile_and_level = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
    bits.read(2 * (9 - sub_layers))  # reserved_zero_2bits
    for has_profile, has_level in has_profile_and_level:
        bits.read(88 * has_profile + 8 * has_level)


def _dimensions(bits: BitReader) -> tuple[int, int, int]:
    """chroma_format_idc, and width and height in pixels after cropping (§7.4.3.2.1)."""
    chroma_format_idc = bits.unsigned_golomb()
    if chroma_format_idc not in _CHROMA_SCALE:
        raise CodecError(f"HEVC SPS has chroma format {chroma_format_idc}; 0 to 3 exist")
    if chroma_format_idc == 3:
        bits.flag()  # separate_colour_plane_flag: such planes are as large as 4:4:4's
    width, height = bits.unsigned_golomb(), bits.unsigned_golomb()
    if bits.flag():  # conformance_window_flag
        across, down = _CHROMA_SCALE[chroma_format_idc]
        width -= across * (bits.unsigned_golomb() + bits.unsigned_golomb())
        height -= down * (bits.unsigned_golomb() + bits.unsigned_golomb())
    check_size(width, height, "HEVC SPS")
    return chroma_format_idc, width, height


def _bit_depth(bits: BitReader) -> int:
    depth = 8 + bits.unsigned_golomb()
    if depth > MAX_BIT_DEPTH:
        raise CodecError(f"HEVC SPS has a bit depth of {depth}; at most {MAX_BIT_DEPTH} exist")
    return depth


def _skip_coding_tools(bits: BitReader, sub_layers: int) -> None:
    """From log2_max_pic_order_cnt_lsb_minus4 to strong_intra_smoothing_enabled_flag."""
    order_count_bits = 4 + bits.unsigned_golomb()
    for _ in range(sub_layers if bits.flag() else 1):  # sps_sub_layer_ordering_info_present_flag
        _skip_golombs(bits, 3)  # sps_max_dec_pic_buffering_minus1, _num_reorder_pics, _latency_increase_plus1
    _skip_golombs(bits, 6)  # coding block, transform block and transform hierarchy sizes
    if bits.flag() and bits.flag():  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        _skip_scaling_lists(bits)
    bits.read(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag():  # pcm_enabled_flag
        bits.read(8)  # both sample bit depths
        _skip_golombs(bits, 2)  # coding block sizes
        bits.flag()  # pcm_loop_filter_disabled_flag
    _skip_reference_sets(bits)
    if bits.flag():  # long_term_ref_pics_present_flag
        _skip_long_term_references(bits, order_count_bits)
    bits.read(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag


def _skip_golombs(bits: BitReader, count: int) -> None:
    for _ in range(count):
        bits.unsigned_golomb()


def _skip_scaling_lists(bits: BitReader) -> None:
    """scaling_list_data (§7.3.4): of 32x32 coefficients there are two lists, of the smaller sizes six."""
    for size_id in range(4):
        for _ in range(2 if size_id == 3 else 6):
            if not bits.flag():  # scaling_list_pred_mode_flag
                bits.unsigned_golomb()  # scaling_list_pred_matrix_id_delta
                continue
            coefficients = min(64, 16 << 2 * size_id)
            for _ in range(coefficients + (size_id > 1)):  # scaling_list_dc_coef_minus8 comes first
                bits.signed_golomb()


def _skip_reference_sets(bits: BitReader) -> None:
    count = bits.unsigned_golomb()
    if count > MAX_REFERENCE_SETS:
        raise CodecError(f"HEVC SPS has {count} reference picture sets; at most {MAX_REFERENCE_SETS} exist")
    deltas: list[int] = []
    for index in range(count):
        is_predicted = index > 0 and bits.flag()  # inter_ref_pic_set_prediction_flag
        deltas = _predicted_reference_set(bits, deltas) if is_predicted else _reference_set(bits)


def _reference_set(bits: BitReader) -> list[int]:
    """st_ref_pic_set (§7.3.7) written out: order counts relative to the picture, earlier ones first, nearest first."""
    before, after = bits.unsigned_golomb(), bits.unsigned_golomb()
    if max(before, after) > MAX_REFERENCES:
        raise CodecError(f"HEVC SPS has {max(before, after)} references in a set; at most {MAX_REFERENCES} exist")
    return _order_counts(bits, before, -1) + _order_counts(bits, after, 1)


def _order_counts(bits: BitReader, count: int, direction: int) -> list[int]:
    deltas, delta = [], 0
    for _ in range(count):
        delta += direction * (bits.unsigned_golomb() + 1)
        bits.flag()  # used_by_curr_pic_flag
        deltas.append(delta)
    return deltas


def _predicted_reference_set(bits: BitReader, reference: list[int]) -> list[int]:
    """st_ref_pic_set as the previous one, moved (equations 7-61 and 7-62)."""
    is_negative, distance = bits.flag(), bits.unsigned_golomb() + 1
    shift = -distance if is_negative else distance
    moved = [delta + shift for delta in reference] + [shift]
    # used_by_curr_pic_flag; if it is not, use_delta_flag
    kept = [delta for delta in moved if bits.flag() or bits.flag()]
    before = sorted((delta for delta in kept if delta < 0), reverse=True)
    after = sorted(delta for delta in kept if delta > 0)
    if max(len(before), len(after)) > MAX_REFERENCES:
        raise CodecError(f"HEVC SPS has more than {MAX_REFERENCES} references in a set")
    return before + after


def _skip_long_term_references(bits: BitReader, order_count_bits: int) -> None:
    count = bits.unsigned_golomb()
    if count > MAX_LONG_TERM_REFERENCES or order_count_bits > MAX_ORDER_COUNT_BITS:
        raise CodecError("HEVC SPS has impossible long-term references")
    bits.read(count * (order_count_bits + 1))  # lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag


def _vui(bits: BitReader) -> tuple[VuiHead, Fraction | None]:
    """vui_parameters (§E.2.1) up to its timing, of which a tick is a picture's duration (§E.3.1)."""
    head = read_vui_head(bits)
    bits.read(3)  # neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.flag():  # default_display_window_flag
        _skip_golombs(bits, 4)
    if not bits.flag():  # vui_timing_info_present_flag
        return head, None
    units_in_tick, time_scale = bits.read(32), bits.read(32)
    return head, believable_frame_rate(time_scale, units_in_tick)
