"""AMF0 (Action Message Format 0, December 2007), the encoding of RTMP's commands and metadata.

    number float   boolean bool   string, long string, XML str   null, undefined, unsupported, reference None
    object, typed object, ECMA array dict   strict array list   date float (milliseconds since 1970)

Everything in it comes from the peer, so depth, elements and size are bounded, and declared counts are never trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import TypeAlias

from ingest.rtmp.errors import AmfError, LimitExceeded

AmfValue: TypeAlias = float | bool | str | dict[str, "AmfValue"] | list["AmfValue"] | None

MAX_DEPTH = 8
"""connect and onMetaData nest three deep at most."""
MAX_ELEMENTS = 1024
"""Of one body; onMetaData has about twenty."""
MAX_BODY_BYTES = 64 * 1024
"""Of a command or metadata; real ones stay below 2 KiB."""

_LONGEST_SHORT_STRING = 0xFFFF


class Marker(IntEnum):
    """Type marker (§2.1)."""

    NUMBER = 0x00
    BOOLEAN = 0x01
    STRING = 0x02
    OBJECT = 0x03
    NULL = 0x05
    UNDEFINED = 0x06
    REFERENCE = 0x07
    ECMA_ARRAY = 0x08
    OBJECT_END = 0x09
    STRICT_ARRAY = 0x0A
    DATE = 0x0B
    LONG_STRING = 0x0C
    UNSUPPORTED = 0x0D
    XML_DOCUMENT = 0x0F
    TYPED_OBJECT = 0x10
    AVMPLUS = 0x11


def decode_values(body: bytes) -> list[AmfValue]:
    """The values of one message body, up to one in AMF3 (§3.1), which ends what is read.

    Raises AmfError or LimitExceeded.
    """
    if len(body) > MAX_BODY_BYTES:
        raise LimitExceeded(f"AMF0 body of {len(body)} bytes; the limit is {MAX_BODY_BYTES}")
    return _Decoder(body).decode_all()


def encode_values(values: Iterable[AmfValue]) -> bytes:
    """The values one after another."""
    return b"".join(map(_encode, values))


class _Decoder:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0
        self._element_count = 0

    def decode_all(self) -> list[AmfValue]:
        values = []
        while not self._is_at_end and self._body[self._position] != Marker.AVMPLUS:
            values.append(self._value(depth=0))
        return values

    @property
    def _is_at_end(self) -> bool:
        return self._position == len(self._body)

    def _take(self, count: int) -> bytes:
        taken = self._body[self._position : self._position + count]
        if len(taken) < count:
            raise AmfError("AMF0 value is cut short")
        self._position += count
        return taken

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self._take(size))

    def _value(self, depth: int) -> AmfValue:
        self._element_count += 1
        if depth > MAX_DEPTH or self._element_count > MAX_ELEMENTS:
            raise LimitExceeded(f"AMF0 value of more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels")
        marker = self._unsigned(1)
        match marker:
            case Marker.NUMBER:
                return self._number()
            case Marker.BOOLEAN:
                return self._unsigned(1) != 0
            case Marker.STRING:
                return self._string(length_size=2)
            case Marker.LONG_STRING | Marker.XML_DOCUMENT:
                return self._string(length_size=4)
            case Marker.DATE:
                return self._date()
            case Marker.NULL | Marker.UNDEFINED | Marker.UNSUPPORTED:
                return None
            case Marker.REFERENCE:
                self._take(2)
                return None
        return self._collection(marker, depth)

    def _collection(self, marker: int, depth: int) -> AmfValue:
        match marker:
            case Marker.OBJECT:
                return self._properties(depth)
            case Marker.ECMA_ARRAY:
                self._take(4)  # a count that senders get wrong
                return self._properties(depth)
            case Marker.TYPED_OBJECT:
                self._string(length_size=2)
                return self._properties(depth)
            case Marker.STRICT_ARRAY:
                return [self._value(depth + 1) for _ in range(self._unsigned(4))]
        raise AmfError(f"AMF0 marker {marker} has no meaning here")

    def _number(self) -> float:
        (number,) = struct.unpack(">d", self._take(8))
        return float(number)

    def _date(self) -> float:
        milliseconds = self._number()
        self._take(2)  # time zone: reserved, not supported (§2.13)
        return milliseconds

    def _string(self, length_size: int) -> str:
        # Encoder names come in local encodings.
        return self._take(self._unsigned(length_size)).decode(errors="replace")

    def _properties(self, depth: int) -> dict[str, AmfValue]:
        properties: dict[str, AmfValue] = {}
        while not (depth == 0 and self._is_at_end):  # some encoders leave out the last object's end
            name = self._string(length_size=2)
            if not name and self._body[self._position : self._position + 1] == bytes((Marker.OBJECT_END,)):
                self._position += 1
                break
            properties[name] = self._value(depth + 1)
        return properties


def _encode(value: AmfValue) -> bytes:
    match value:
        case None:
            return bytes((Marker.NULL,))
        case bool():
            return bytes((Marker.BOOLEAN, value))
        case int() | float():
            return bytes((Marker.NUMBER,)) + struct.pack(">d", value)
        case str():
            return _encode_string(value.encode())
        case list():
            return bytes((Marker.STRICT_ARRAY,)) + len(value).to_bytes(4) + encode_values(value)
        case dict():
            pairs = (_encode_name(name) + _encode(inner) for name, inner in value.items())
            return b"".join((bytes((Marker.OBJECT,)), *pairs, b"\x00\x00", bytes((Marker.OBJECT_END,))))


def _encode_string(text: bytes) -> bytes:
    if len(text) > _LONGEST_SHORT_STRING:
        return bytes((Marker.LONG_STRING,)) + len(text).to_bytes(4) + text
    return bytes((Marker.STRING,)) + len(text).to_bytes(2) + text


def _encode_name(name: str) -> bytes:
    text = name.encode()
    return len(text).to_bytes(2) + text
