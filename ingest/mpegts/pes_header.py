"""The header of a PES packet (ISO/IEC 13818-1 §2.4.3.6 and §2.4.3.7).

│ 00 00 01 │ stream_id │ PES_packet_length: 16 │ 10 scrambling: 2 … │ flags │ PES_header_data_length │
│ PTS: 5 bytes, if flagged │ DTS: 5 bytes, if flagged │ fields and stuffing that nobody needs │ payload
"""

from __future__ import annotations

from dataclasses import dataclass

from pinkmedia.errors import CodecError

PREFIX_SIZE = 6
"""Start code, stream_id and PES_packet_length."""
_FIXED_SIZE = 9
"""Up to PES_header_data_length."""

_START_CODE = b"\x00\x00\x01"
_STREAMS_WITHOUT_HEADER = frozenset((0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF))
"""Maps, padding, keys and the like, whose payload begins right behind the length (table 2-21)."""
_PTS_FLAG = 0x80
_DTS_FLAG = 0x40
_TIME_SIZE = 5


@dataclass(frozen=True, slots=True)
class PesHeader:
    """What the header of a PES packet says."""

    size: int
    """In bytes: where the payload begins."""
    pts_ticks: int | None
    """33 bits at 90 kHz, as they were sent."""
    dts_ticks: int | None
    """As ``pts_ticks``; None also where it would be the same."""


def packet_size(prefix: bytes | bytearray) -> int | None:
    """Size of a whole PES packet from its first `PREFIX_SIZE` bytes; None when only the next packet ends it."""
    length = int.from_bytes(prefix[4:PREFIX_SIZE])
    return PREFIX_SIZE + length if length else None


def parse_header(packet: bytes | bytearray) -> PesHeader | None:
    """Reads what a PES packet begins with; None for kinds without media; raises CodecError when broken or scrambled."""
    if len(packet) < PREFIX_SIZE or not packet.startswith(_START_CODE):
        raise CodecError("PES packet has no start code")
    if packet[3] in _STREAMS_WITHOUT_HEADER:
        return None
    if len(packet) < _FIXED_SIZE or packet[6] & 0xF0 != 0x80:
        raise CodecError("PES packet is cut short, scrambled or of MPEG-1")
    size = _FIXED_SIZE + packet[_FIXED_SIZE - 1]
    if size > len(packet):
        raise CodecError("PES packet ends in its header")
    pts_ticks = dts_ticks = None
    if packet[7] & _PTS_FLAG:
        pts_ticks = _time(packet[_FIXED_SIZE:size])
        if packet[7] & _DTS_FLAG:
            dts_ticks = _time(packet[_FIXED_SIZE + _TIME_SIZE : size])
    return PesHeader(size, pts_ticks, dts_ticks)


def _time(fields: bytes | bytearray) -> int:
    """A 33-bit time in 5 bytes: 4 bits of prefix, then 3, 15 and 15 bits, each group in front of a marker bit."""
    if len(fields) < _TIME_SIZE:
        raise CodecError("PES packet has no room for its time")
    time = int.from_bytes(fields[:_TIME_SIZE])
    return time >> 3 & 0x1C0000000 | time >> 2 & 0x3FFF8000 | time >> 1 & 0x7FFF
