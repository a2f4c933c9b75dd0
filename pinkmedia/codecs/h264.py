"""H.264 headers: what ingest and packager must know of a picture without decoding it.

References are to ITU-T H.264 (08/2021) unless another standard is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from typing import Self

from pinkmedia.codecs.cursor import Cursor
from pinkmedia.codecs.h264_sps import SequenceParameterSet, parse_sps
from pinkmedia.codecs.nal_units import LENGTH_SIZE, split_annex_b
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, VideoTrack

__all__ = [
    "AvcConfiguration",
    "NalType",
    "SequenceParameterSet",
    "codec_string",
    "contains_idr",
    "nal_type",
    "parse_sps",
    "video_track",
]

_PROFILES_WITHOUT_EXTENSION = frozenset({66, 77, 88})
"""Baseline, Main, Extended: their record ends after the picture parameter sets (ISO/IEC 14496-15 §5.3.3.1.2)."""


class NalType(IntEnum):
    """``nal_unit_type`` (Table 7-1); only what pinkmedia looks at."""

    NON_IDR_SLICE = 1
    PARTITION_A = 2
    IDR_SLICE = 5
    SPS = 7
    PPS = 8
    ACCESS_UNIT_DELIMITER = 9
    FILLER = 12


def nal_type(unit: bytes | memoryview) -> int:
    """The type in a non-empty NAL unit's header."""
    return unit[0] & 0x1F


def contains_idr(payload: bytes | memoryview) -> bool:
    """Whether a length-prefixed access unit is an IDR picture. Called for every packet.

    The first slice decides: all slices of a primary picture are IDR slices, or none is (§7.4.1.2.4).
    """
    position, last = 0, len(payload) - LENGTH_SIZE
    while position < last:
        kind = payload[position + LENGTH_SIZE] & 0x1F
        if kind <= NalType.IDR_SLICE and kind:
            return kind == NalType.IDR_SLICE
        position += LENGTH_SIZE + int.from_bytes(payload[position : position + LENGTH_SIZE])
    return False


@dataclass(frozen=True, slots=True)
class AvcConfiguration:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1)::

    u8 version=1 | profile | constraint flags | level | 111111 + length size - 1
    111 + number of SPS | { u16 length, SPS } …
    u8 number of PPS    | { u16 length, PPS } …
    [ 111111 + chroma format | 11111 + luma depth - 8 | 11111 + chroma depth - 8 | u8 number of SPS extensions ]
    """

    sps: tuple[bytes, ...]
    """Sequence parameter sets: NAL units, at least one."""
    pps: tuple[bytes, ...]
    """Picture parameter sets: NAL units, at least one."""
    length_size: int = LENGTH_SIZE
    """Bytes of the length before each NAL unit of the stream it describes: 1, 2 or 4."""

    def __post_init__(self) -> None:
        if self.length_size not in (1, 2, 4):
            raise CodecError(f"AVC configuration has NAL lengths of {self.length_size} bytes; 1, 2 and 4 exist")
        for name, units, count_limit in (("SPS", self.sps, 31), ("PPS", self.pps, 255)):
            if not 1 <= len(units) <= count_limit or not all(1 <= len(unit) <= 0xFFFF for unit in units):
                raise CodecError(f"AVC configuration has no usable {name}")

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Raises CodecError. SPS extensions (auxiliary pictures) are passed over."""
        record = Cursor(data, "AVC configuration")
        version, _profile, _constraints, _level, lengths = record.take(5)
        if version != 1:
            raise CodecError(f"AVC configuration has version {version}; only 1 exists")
        sps = record.take_units(record.unsigned(1) & 0x1F)
        pps = record.take_units(record.unsigned(1))
        return cls(sps=sps, pps=pps, length_size=(lengths & 3) + 1)

    @classmethod
    def from_annex_b(cls, data: bytes | memoryview) -> Self:
        """From an encoder's extradata, or any access unit that carries its parameter sets. Raises CodecError."""
        units = split_annex_b(data)
        return cls(
            sps=tuple(unit for unit in units if nal_type(unit) == NalType.SPS),
            pps=tuple(unit for unit in units if nal_type(unit) == NalType.PPS),
        )

    def serialise(self) -> bytes:
        """The record's bytes. Raises CodecError when the first SPS cannot be parsed."""
        first = parse_sps(self.sps[0])
        head = bytes((1, first.profile_idc, first.constraint_flags, first.level_idc, 0xFC | (self.length_size - 1)))
        sets = bytes((0xE0 | len(self.sps),)), *map(_sized, self.sps), bytes((len(self.pps),)), *map(_sized, self.pps)
        return b"".join((head, *sets, _extension(first)))


def _sized(unit: bytes) -> bytes:
    return len(unit).to_bytes(2) + unit


def _extension(sps: SequenceParameterSet) -> bytes:
    if sps.profile_idc in _PROFILES_WITHOUT_EXTENSION:
        return b""
    return bytes((0xFC | sps.chroma_format_idc, 0xF8 | (sps.bit_depth_luma - 8), 0xF8 | (sps.bit_depth_chroma - 8), 0))


def codec_string(sps: bytes) -> str:
    """RFC 6381 §3.3: ``avc1.`` and the three bytes after the SPS's NAL header, in hexadecimal.

    Raises CodecError when the SPS is too short to have them.
    """
    if len(sps) < 4:
        raise CodecError("SPS is cut short")
    return f"avc1.{sps[1:4].hex().upper()}"


def video_track(configuration: AvcConfiguration, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
    """The track whose packets (4-byte lengths, whatever the source's were) this configuration decodes.

    Raises CodecError when the first SPS cannot be parsed.
    """
    sps = parse_sps(configuration.sps[0])
    return VideoTrack(
        track_id=track_id,
        codec=Codec.H264,
        configuration=replace(configuration, length_size=LENGTH_SIZE).serialise(),
        width=sps.width,
        height=sps.height,
        codec_string=codec_string(configuration.sps[0]),
        frame_rate=frame_rate,
        sample_aspect_ratio=sps.sample_aspect_ratio,
    )
