"""HEVC as publishers send it (see `pinkmedia.codecs.formats`).

The HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) repeats much of the SPS, and some encoders fill that in
badly. So what the SPS says is taken from the SPS, and the record that is passed on is made consistent with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Self

from pinkmedia.codecs.cursor import Cursor
from pinkmedia.codecs.formats import AccessUnit
from pinkmedia.codecs.hevc_sps import HevcSequenceParameterSet, parse_hevc_sps
from pinkmedia.codecs.nal_units import LENGTH_SIZE, read_access_unit
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, VideoTrack

_HEAD_BYTES = 22
"""Of the record, before the count of its arrays."""
_LEAST_PARAMETER_SET_BYTES = 3
"""Header and a byte of content."""
_NO_SEGMENTATION = (0xF0, 0x00, 0xFC)
"""min_spatial_segmentation_idc and parallelismType: nothing is known."""
_PROFILE_SPACES = ("", "A", "B", "C")
_COMPLETE = 0x80
"""array_completeness: no such unit is elsewhere; under ``hvc1`` it must be so said of parameter sets (§8.4.1.1)."""


class HevcNalType(IntEnum):
    """``nal_unit_type`` (ITU-T H.265, Table 7-1); only what pinkmedia looks at."""

    BLA_W_LP = 16
    CRA = 21
    VPS = 32
    SPS = 33
    PPS = 34
    ACCESS_UNIT_DELIMITER = 35
    FILLER = 38


SYNC_TYPES = frozenset(range(HevcNalType.BLA_W_LP, HevcNalType.CRA + 1))
"""All pictures that random access can begin with: BLA, IDR and CRA. A CRA picture may be followed by pictures that
are shown before it and cannot be decoded after random access (RASL); decoders know and skip them, and the pictures
from it on are whole. Encoders with open GOPs (x265 by default) have no other key frames but the first, so such a
stream could not be cut at all if CRA pictures did not count."""

_PARAMETER_SETS = (HevcNalType.VPS, HevcNalType.SPS, HevcNalType.PPS)


@dataclass(frozen=True, slots=True)
class HevcFormat:
    """What an HEVCDecoderConfigurationRecord and its first SPS say."""

    configuration: bytes
    """The record as MP4 gets it: with lengths of 4 bytes."""
    length_size: int
    """Bytes of the length before each NAL unit, as the publisher sends them."""
    sps: HevcSequenceParameterSet

    @classmethod
    def parse(cls, record: bytes | memoryview) -> Self:
        """Raises CodecError, also for an SPS that cannot be parsed."""
        cursor = Cursor(record, "HEVC configuration")
        head = cursor.take(_HEAD_BYTES)
        if head[0] != 1:
            raise CodecError(f"HEVC configuration has version {head[0]}; only 1 exists")
        length_size = (head[21] & 3) + 1
        if length_size == 3:
            raise CodecError("HEVC configuration has NAL unit lengths of 3 bytes; only 1, 2 and 4 exist")
        arrays = [(cursor.unsigned(1) & 0x3F, cursor.take_units(cursor.unsigned(2))) for _ in range(cursor.unsigned(1))]
        sps = parse_hevc_sps(_first_sps(arrays))
        return cls(_record(head, sps, arrays), length_size, sps)

    @classmethod
    def from_parameter_sets(cls, vps: tuple[bytes, ...], sps: tuple[bytes, ...], pps: tuple[bytes, ...]) -> Self:
        """From NAL units, where there is no record (MPEG-TS). Raises CodecError."""
        if any(len(unit) < _LEAST_PARAMETER_SET_BYTES for unit in (*vps, *sps, *pps)):
            raise CodecError("HEVC parameter set is cut short")
        layers_and_nesting = (((sps[0][2] >> 1 & 7) + 1) << 3 | (sps[0][2] & 1) << 2) if sps else 0
        head = bytes((1, *bytes(12), *_NO_SEGMENTATION, *bytes(5), layers_and_nesting | LENGTH_SIZE - 1))
        arrays = [_array(kind, units) for kind, units in zip(_PARAMETER_SETS, (vps, sps, pps), strict=True)]
        return cls.parse(b"".join((head, bytes((len(arrays),)), *arrays)))

    @property
    def frame_rate(self) -> Fraction | None:
        return self.sps.frame_rate

    def track(self, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
        return VideoTrack(
            track_id=track_id,
            codec=Codec.HEVC,
            configuration=self.configuration,
            width=self.sps.width,
            height=self.sps.height,
            codec_string=hevc_codec_string(self.sps.profile_tier_level),
            frame_rate=frame_rate,
            sample_aspect_ratio=self.sps.sample_aspect_ratio,
            colour=self.sps.colour,
        )

    def access_unit(self, data: memoryview) -> AccessUnit | None:
        """A picture that random access can begin with is a sync sample, whatever the sender calls a key frame."""
        payload, kinds = read_access_unit(data, self.length_size, hevc_nal_type, HevcNalType.FILLER)
        return AccessUnit(payload, not SYNC_TYPES.isdisjoint(kinds)) if payload else None


def hevc_nal_type(unit: bytes | memoryview) -> int:
    """The type in a non-empty NAL unit's header."""
    return unit[0] >> 1 & 0x3F


def hevc_codec_string(profile_tier_level: bytes) -> str:
    """ISO/IEC 14496-15 §E.3: profile, compatibility flags from the last to the first, tier and level, constraints."""
    first, level = profile_tier_level[0], profile_tier_level[11]
    compatibility = int(f"{int.from_bytes(profile_tier_level[1:5]):032b}"[::-1], 2)
    constraints = [f"{byte:X}" for byte in profile_tier_level[5:11].rstrip(b"\x00")]
    profile, tier = f"{_PROFILE_SPACES[first >> 6]}{first & 0x1F}", "H" if first & 0x20 else "L"
    return ".".join(("hvc1", profile, f"{compatibility:X}", f"{tier}{level}", *constraints))


def _first_sps(arrays: list[tuple[int, tuple[bytes, ...]]]) -> bytes:
    """Raises CodecError when a kind of parameter set is missing, or a unit is empty."""
    if not all(unit for _, array in arrays for unit in array):
        raise CodecError("HEVC configuration has an empty NAL unit")
    units = {kind: array for kind, array in arrays if array}
    missing = [kind.name for kind in _PARAMETER_SETS if kind not in units]
    if missing:
        raise CodecError(f"HEVC configuration has no {' and no '.join(missing)}; publish again, or update the encoder")
    return units[HevcNalType.SPS][0]


def _record(head: bytes, sps: HevcSequenceParameterSet, arrays: list[tuple[int, tuple[bytes, ...]]]) -> bytes:
    """The record with the SPS's profile, chroma format and bit depths, and lengths of 4 bytes."""
    pictures = bytes((0xFC | sps.chroma_format_idc, 0xF8 | sps.bit_depth_luma - 8, 0xF8 | sps.bit_depth_chroma - 8))
    lengths = bytes((head[21] | LENGTH_SIZE - 1,))
    fixed = b"".join((head[:1], sps.profile_tier_level, head[13:16], pictures, head[19:21], lengths))
    return fixed + bytes((len(arrays),)) + b"".join(_array(kind, units) for kind, units in arrays)


def _array(kind: int, units: tuple[bytes, ...]) -> bytes:
    complete = _COMPLETE if kind in _PARAMETER_SETS else 0
    sized = b"".join(len(unit).to_bytes(2) + unit for unit in units)
    return bytes((complete | kind,)) + len(units).to_bytes(2) + sized
