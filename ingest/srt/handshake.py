"""The SRT handshake's information field (draft-sharabayko-srt §3.2.1) and its extensions.

version | encryption, extension flags | first sequence number | MSS | flow window
type | socket id | SYN cookie | peer's address (16 bytes) | { extension type, length in words, body } …
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, Self

from ingest.srt.errors import Rejection, SrtError

HANDSHAKE_BYTES = 48
"""Without extensions."""
VERSION_5 = 5
INDUCTION_MAGIC = 0x4A17
"""Extension field of an induction response: the sender speaks version 5."""
MAX_STREAM_ID_BYTES = 512
"""§3.2.1.3."""

_FIELDS = struct.Struct(">IHHIIIiII16s")


class HandshakeType(IntEnum):
    """§3.2.1, table 4; numbers from 1000 on refuse."""

    CONCLUSION = -1
    INDUCTION = 1


class ExtensionFlag(IntFlag):
    """What is attached to a conclusion (table 3)."""

    HSREQ = 1
    KMREQ = 2
    CONFIG = 4


class ExtensionType(IntEnum):
    """Table 5."""

    HSREQ = 1
    HSRSP = 2
    KMREQ = 3
    KMRSP = 4
    STREAM_ID = 5
    CONGESTION = 6
    FILTER = 7
    GROUP = 8


class SrtFlag(IntFlag):
    """Of HSREQ and HSRSP (§3.2.1.1.1)."""

    TSBPD_SENDER = 0x01
    TSBPD_RECEIVER = 0x02
    CRYPT = 0x04
    TOO_LATE_DROP = 0x08
    PERIODIC_NAK = 0x10
    RETRANSMIT_FLAG = 0x20
    STREAM = 0x40
    PACKET_FILTER = 0x80


class Extension(NamedTuple):
    """One extension as it stands on the wire."""

    type_id: int
    body: bytes

    def serialise(self) -> bytes:
        padded = self.body + bytes(-len(self.body) % 4)
        return struct.pack(">HH", self.type_id, len(padded) // 4) + padded


@dataclass(frozen=True, slots=True)
class Handshake:
    """The information field of a handshake packet."""

    version: int
    encryption_field: int
    """Length of the key in bytes divided by 8; 0 for none."""
    extension_field: int
    first_sequence: int
    mss_bytes: int
    flow_window_packets: int
    type_id: int
    """A HandshakeType, or a refusal."""
    socket_id: int
    """The sender's."""
    cookie: int
    peer_address: bytes = bytes(16)
    extensions: tuple[Extension, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Raises SrtError."""
        if len(body) < HANDSHAKE_BYTES:
            raise SrtError(Rejection.ROGUE, "handshake is cut short")
        return replace(cls(*_FIELDS.unpack_from(body)), extensions=tuple(_extensions(body)))

    def serialise(self) -> bytes:
        fields = _FIELDS.pack(
            self.version,
            self.encryption_field,
            self.extension_field,
            self.first_sequence,
            self.mss_bytes,
            self.flow_window_packets,
            self.type_id,
            self.socket_id,
            self.cookie,
            self.peer_address,
        )
        return fields + b"".join(extension.serialise() for extension in self.extensions)

    def extension(self, type_id: ExtensionType) -> bytes | None:
        """The body of the first extension of this type."""
        return next((extension.body for extension in self.extensions if extension.type_id == type_id), None)


def _extensions(body: bytes) -> Iterator[Extension]:
    """Types that nobody defined are kept, and passed over by who reads them."""
    position = HANDSHAKE_BYTES
    while position + 4 <= len(body):
        type_id, words = struct.unpack_from(">HH", body, position)
        position += 4
        end = position + 4 * words
        if end > len(body):
            raise SrtError(Rejection.ROGUE, "handshake extension is longer than its packet")
        yield Extension(type_id, body[position:end])
        position = end


class LatencyOffer(NamedTuple):
    """The body of HSREQ and HSRSP (§3.2.1.1)."""

    srt_version: int
    flags: int
    """SrtFlags."""
    receiver_delay_ms: int
    sender_delay_ms: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Raises SrtError."""
        if len(body) < 12:
            raise SrtError(Rejection.ROGUE, "HSREQ is cut short")
        return cls(*struct.unpack_from(">IIHH", body))

    def serialise(self) -> bytes:
        return struct.pack(">IIHH", *self)


def decode_text(body: bytes) -> str:
    """A stream id or another text extension: each word is reversed on the wire (§3.2.1.3). Raises SrtError."""
    text = b"".join(body[index : index + 4][::-1] for index in range(0, len(body), 4)).rstrip(b"\0")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise SrtError(Rejection.BAD_REQUEST, "a text in the handshake is not UTF-8") from None


def encode_text(text: str) -> bytes:
    """The reverse of `decode_text`."""
    data = text.encode()
    data += bytes(-len(data) % 4)
    return b"".join(data[index : index + 4][::-1] for index in range(0, len(data), 4))


def address_field(host: str) -> bytes:
    """An IP address in 16 bytes, each word reversed, as libsrt writes it; nobody relies on it."""
    address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    packed = address.packed
    return b"".join(packed[index : index + 4][::-1] for index in range(0, len(packed), 4)).ljust(16, b"\0")
