"""SRT packets on the wire (draft-sharabayko-srt §3): a header of 16 bytes, then payload or control information.

    data    = 0 + sequence number (31 bits) | position, key, flags, message number | timestamp | socket id
    control = 1 + type (15 bits) + subtype  | type-specific information            | timestamp | socket id

Timestamps are microseconds since the sender's socket began, modulo 2^32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

HEADER_BYTES = 16
MAX_DATAGRAM_BYTES = 1472
"""Of an Ethernet frame of 1500 bytes without IP and UDP headers: the largest MSS that is agreed to."""
MAX_LOSS_WORDS = (MAX_DATAGRAM_BYTES - HEADER_BYTES) // 4
"""Of one loss report."""
RETRANSMITTED_FLAG = 0x04000000
"""Of a data packet's second word."""

_CONTROL_FLAG = 0x80000000
_HEADER = struct.Struct(">IIII")
_PADDING = bytes(4)
"""Behind control packets that have no information of their own: what libsrt sends, and some firewalls expect."""


class ControlType(IntEnum):
    """§3.2, table 2."""

    HANDSHAKE = 0x0000
    KEEPALIVE = 0x0001
    ACK = 0x0002
    NAK = 0x0003
    CONGESTION_WARNING = 0x0004
    SHUTDOWN = 0x0005
    ACKACK = 0x0006
    DROP_REQUEST = 0x0007
    PEER_ERROR = 0x0008
    USER_DEFINED = 0x7FFF


class KeyFlag(IntEnum):
    """Which key a payload is encrypted with (§3.1, KK)."""

    NONE = 0
    EVEN = 1
    ODD = 2
    CONTROL_ONLY = 3
    """Of no meaning in a data packet."""


class DataPacket(NamedTuple):
    """§3.1; of the second word only what a receiver needs."""

    sequence: int
    key: int
    """A KeyFlag."""
    is_retransmitted: bool
    timestamp_us: int
    socket_id: int
    """The receiver's."""
    datagram: bytes
    """All of it: AES-GCM authenticates the header."""

    @property
    def payload(self) -> bytes:
        return self.datagram[HEADER_BYTES:]


class ControlPacket(NamedTuple):
    """§3.2."""

    type_id: int
    """A ControlType, or a number that means nothing to us."""
    subtype: int
    information: int
    """The type-specific second word."""
    timestamp_us: int
    socket_id: int
    """The receiver's; 0 for handshakes with a listener."""
    body: bytes = b""

    def serialise(self) -> bytes:
        first = _CONTROL_FLAG | self.type_id << 16 | self.subtype
        header = _HEADER.pack(first, self.information, self.timestamp_us & 0xFFFFFFFF, self.socket_id)
        return header + (self.body or _PADDING)


Packet: TypeAlias = DataPacket | ControlPacket


def parse_packet(datagram: bytes) -> Packet | None:
    """None for what is too short or too long to be a packet."""
    if not HEADER_BYTES <= len(datagram) <= MAX_DATAGRAM_BYTES:
        return None
    first, second, timestamp_us, socket_id = _HEADER.unpack_from(datagram)
    if first & _CONTROL_FLAG:
        return ControlPacket(first >> 16 & 0x7FFF, first & 0xFFFF, second, timestamp_us, socket_id, datagram[16:])
    is_retransmitted = second & RETRANSMITTED_FLAG != 0
    return DataPacket(first, second >> 27 & 3, is_retransmitted, timestamp_us, socket_id, datagram)


class SequenceRange(NamedTuple):
    """Consecutive sequence numbers, both ends included."""

    first: int
    last: int


def loss_reports(ranges: Iterable[SequenceRange]) -> list[bytes]:
    """Bodies of NAK packets (Appendix A): each range is one number, or two with the high bit of the first set."""
    reports, words = [], list[int]()
    for first, last in ranges:
        coded = [first] if first == last else [_CONTROL_FLAG | first, last]
        if len(words) + len(coded) > MAX_LOSS_WORDS:
            reports.append(_words(words))
            words = []
        words += coded
    return [*reports, _words(words)] if words else reports


def parse_drop_request(body: bytes) -> SequenceRange | None:
    """The packets that the sender has given up (§3.2.9); None when malformed."""
    if len(body) < 8:
        return None
    first, last = struct.unpack_from(">II", body)
    return SequenceRange(first, last) if not (first | last) & _CONTROL_FLAG else None


def _words(words: Sequence[int]) -> bytes:
    return struct.pack(f">{len(words)}I", *words)


def full_acknowledgement(
    next_expected: int,
    *,
    rtt_us: int,
    rtt_variance_us: int,
    free_packets: int,
    packets_per_second: int,
    capacity_packets_per_second: int,
    bytes_per_second: int,
) -> bytes:
    """The body of a full ACK (§3.2.4)."""
    return struct.pack(
        ">7I",
        next_expected,
        rtt_us,
        rtt_variance_us,
        free_packets,
        packets_per_second,
        capacity_packets_per_second,
        bytes_per_second,
    )


def light_acknowledgement(next_expected: int) -> bytes:
    """The body of a light ACK (§3.2.4)."""
    return next_expected.to_bytes(4)
