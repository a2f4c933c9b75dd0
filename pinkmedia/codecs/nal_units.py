"""NAL units, as H.264 and HEVC share them (ITU-T H.264 and H.265 §7.3.1, Annex B; ISO/IEC 14496-15 §4.3).

Two byte formats carry the same units: Annex B (start codes; encoders and MPEG-TS) and length-prefixed (FLV and MP4).
Inside pinkmedia every payload is length-prefixed with 4 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pinkmedia.errors import CodecError

LENGTH_SIZE = 4
"""Bytes of the length before each NAL unit in a packet's payload."""

START_CODE = b"\x00\x00\x01"


def split_annex_b(data: bytes | memoryview) -> list[bytes]:
    """The NAL units of an Annex B byte stream (§B.1), without start codes and zero padding.

    Raises CodecError when it does not begin with a start code.
    """
    head, *units = bytes(data).split(START_CODE)
    if not units or head.strip(b"\x00"):
        raise CodecError("Annex B data does not begin with a start code")
    # A NAL unit never ends in 00 (§7.4.1): what is there pads, or belongs to the next, 4-byte start code.
    return [stripped for unit in units if (stripped := unit.rstrip(b"\x00"))]


def length_prefixed(units: Sequence[bytes | memoryview]) -> bytes:
    """The units one after another, each behind its 4-byte length."""
    return b"".join(piece for unit in units for piece in (len(unit).to_bytes(LENGTH_SIZE), unit))


def annex_b_to_length_prefixed(data: bytes | memoryview) -> bytes:
    """The same access unit in the other format. Raises CodecError as `split_annex_b` does."""
    return length_prefixed(split_annex_b(data))


def split_length_prefixed(data: memoryview, length_size: int) -> list[memoryview] | None:
    """Views of the NAL units, none of them empty; None when their lengths do not add up."""
    units, position, end = [], 0, len(data)
    while position < end:
        start = position + length_size
        position = start + int.from_bytes(data[position:start])
        if position == start or position > end:
            return None
        units.append(data[start:position])
    return units


def read_access_unit(
    data: memoryview, length_size: int, unit_type: Callable[[bytes | memoryview], int], filler_type: int
) -> tuple[bytes | memoryview, list[int]]:
    """An access unit as it is packaged, and its NAL units' types.

    It is a view of ``data`` wherever that is possible: 4-byte lengths, no filler. Encoders that send start codes
    instead of lengths are understood. Raises CodecError when it is neither.
    """
    units: Sequence[bytes | memoryview] | None = split_length_prefixed(data, length_size)
    is_as_wanted = units is not None and length_size == LENGTH_SIZE
    if units is None:
        units = _split_stray_annex_b(data)
    kinds = [unit_type(unit) for unit in units]
    if is_as_wanted and filler_type not in kinds:
        return data, kinds
    return length_prefixed([unit for unit, kind in zip(units, kinds, strict=True) if kind != filler_type]), kinds


def _split_stray_annex_b(data: memoryview) -> list[bytes]:
    try:
        return split_annex_b(data)
    except CodecError as error:
        raise CodecError("video frame whose NAL unit lengths do not add up") from error
