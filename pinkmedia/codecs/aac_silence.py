"""Frames of AAC that say nothing, written from the syntax (ISO/IEC 14496-3 §4.4.2): no encoder is needed for silence.

    raw_data_block = channel elements by channel configuration, ID_END, padding to a byte

A channel whose max_sfb is 0 has no sections, scale factors or spectral coefficients, so that every frame of a channel
layout is the same. Without SBR data an HE-AAC decoder only doubles the rate, and without PS data it copies the one
channel: both of nothing.
"""

from __future__ import annotations

from pinkmedia.codecs.aac import AudioSpecificConfig

_SINGLE, _PAIR, _LFE, _END = 0, 1, 3, 7
"""id_syn_ele (Table 4.85)."""
_ELEMENTS = {
    1: (_SINGLE,),
    2: (_PAIR,),
    3: (_SINGLE, _PAIR),
    4: (_SINGLE, _PAIR, _SINGLE),
    5: (_SINGLE, _PAIR, _PAIR),
    6: (_SINGLE, _PAIR, _PAIR, _LFE),
    7: (_SINGLE, _PAIR, _PAIR, _PAIR, _LFE),
}
"""By channelConfiguration (Table 1.19); 7 is 7.1."""
_GLOBAL_GAIN = "00000000"
_ICS_INFO = "00000000000"
"""ics_reserved_bit, window_sequence (one long window), window_shape (sine), max_sfb, predictor_data_present."""
_NO_TOOLS = "000"
"""pulse_data_present, tns_data_present, gain_control_data_present."""
_CHANNEL_STREAM = _GLOBAL_GAIN + _ICS_INFO + _NO_TOOLS
"""individual_channel_stream (Table 4.50)."""
_SEPARATE_WINDOWS = "0"
"""common_window of a pair."""


def silent_frame(configuration: bytes) -> bytes | None:
    """One frame of silence for this AudioSpecificConfig; None for a channel layout that is not written here.

    Raises CodecError for what is no configuration.
    """
    elements = _ELEMENTS.get(AudioSpecificConfig.parse(configuration).channel_configuration)
    if elements is None:
        return None
    bits = "".join(_element(kind, elements[:index].count(kind)) for index, kind in enumerate(elements)) + f"{_END:03b}"
    padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return int(padded, 2).to_bytes(len(padded) // 8)


def _element(kind: int, instance_tag: int) -> str:
    channels = _SEPARATE_WINDOWS + 2 * _CHANNEL_STREAM if kind == _PAIR else _CHANNEL_STREAM
    return f"{kind:03b}{instance_tag:04b}{channels}"
