"""What encoders put out, as MP4 has it: a configuration record, and access units without what the record says.

x264 gives that itself. The others write byte streams: Annex B (ITU-T H.264 and H.265), or OBUs with temporal
delimiters (AV1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pinkmedia.codecs.av1 import Av1Format
from pinkmedia.codecs.formats import AccessUnit
from pinkmedia.codecs.h264 import AvcConfiguration, NalType, nal_type
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.codecs.hevc import SYNC_TYPES, HevcFormat, HevcNalType, hevc_nal_type
from pinkmedia.codecs.nal_units import length_prefixed, split_annex_b
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec

_RECORD_START = {Codec.H264: 0x01, Codec.AV1: 0x81}
"""First byte of a configuration record; a start code begins with 00, and no OBU has the topmost bit set."""
_EMPTY_AV1_RECORD = bytes((0x81, 0, 0, 0))
"""Its fields are filled in from the sequence header that follows."""

_H264_LEFT_OUT = frozenset({NalType.SPS, NalType.PPS, NalType.ACCESS_UNIT_DELIMITER, NalType.FILLER})
_HEVC_LEFT_OUT = frozenset(
    {
        HevcNalType.VPS,
        HevcNalType.SPS,
        HevcNalType.PPS,
        HevcNalType.ACCESS_UNIT_DELIMITER,
        HevcNalType.FILLER,
    }
)
"""The record has the parameter sets, and under ``hvc1`` nothing else may (ISO/IEC 14496-15 §8.4.1.1); MP4 needs no
delimiters."""


@dataclass(frozen=True, slots=True)
class CodecOutput:
    """How one encoder's output becomes a track."""

    configuration: bytes
    """The configuration record: AVCDecoderConfigurationRecord, HEVCDecoderConfigurationRecord or
    AV1CodecConfigurationRecord."""
    access_unit: Callable[[bytes], AccessUnit]
    """From what the encoder made of a picture. Raises CodecError when it made nothing of it."""


def codec_output(codec: Codec, extradata: bytes) -> CodecOutput:
    """From what the encoder says of itself once it is open. Raises CodecError."""
    if codec is Codec.AV1:
        return _av1_output(extradata)
    if codec is Codec.HEVC:
        return _hevc_output(extradata)
    return _h264_output(extradata)


def _h264_output(extradata: bytes) -> CodecOutput:
    if _is_record(Codec.H264, extradata):
        source = H264Format.parse(extradata)
        return CodecOutput(extradata, lambda data: _present(source.access_unit(memoryview(data))))
    record = AvcConfiguration.from_annex_b(extradata).serialise()
    sync_types = frozenset({NalType.IDR_SLICE})
    return CodecOutput(record, lambda data: _from_annex_b(data, nal_type, _H264_LEFT_OUT, sync_types))


def _hevc_output(extradata: bytes) -> CodecOutput:
    units = split_annex_b(extradata)
    vps, sps, pps = (
        tuple(unit for unit in units if hevc_nal_type(unit) == kind)
        for kind in (HevcNalType.VPS, HevcNalType.SPS, HevcNalType.PPS)
    )
    record = HevcFormat.from_parameter_sets(vps, sps, pps).configuration
    return CodecOutput(record, lambda data: _from_annex_b(data, hevc_nal_type, _HEVC_LEFT_OUT, SYNC_TYPES))


def _av1_output(extradata: bytes) -> CodecOutput:
    record = extradata if _is_record(Codec.AV1, extradata) else _EMPTY_AV1_RECORD + extradata
    source = Av1Format.parse(record)
    return CodecOutput(source.configuration, lambda data: _present(source.access_unit(memoryview(data))))


def _is_record(codec: Codec, extradata: bytes) -> bool:
    return extradata[:1] == bytes((_RECORD_START[codec],))


def _from_annex_b(
    data: bytes,
    unit_type: Callable[[bytes | memoryview], int],
    left_out: frozenset[int],
    sync_types: frozenset[int],
) -> AccessUnit:
    units = [unit for unit in split_annex_b(data) if unit_type(unit) not in left_out]
    is_sync = any(unit_type(unit) in sync_types for unit in units)
    return _present(AccessUnit(length_prefixed(units), is_sync) if units else None)


def _present(unit: AccessUnit | None) -> AccessUnit:
    if unit is None:
        raise CodecError("encoder made an access unit without a picture")
    return unit
