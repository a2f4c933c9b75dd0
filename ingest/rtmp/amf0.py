"""AMF0 (Action Message Format 0, December 2007), the encoding of RTMP's commands and metadata.

    number float   boolean bool   string, long string, XML str   null, undefined, unsupported None
    object, typed object, ECMA array dict   strict array list   date float (milliseconds since 1970)

The AVM+ marker puts one value in AMF3 (`amf3`) anywhere among them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum

from ingest.rtmp.amf import AmfReader, AmfValue, ReferenceTable
from ingest.rtmp.amf3 import Amf3Decoder
from ingest.rtmp.errors import AmfError

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
    """The values of one message body. Raises AmfError or LimitExceeded."""
    return _Decoder(AmfReader(body)).decode_all()


def encode_values(values: Iterable[AmfValue]) -> bytes:
    """The values one after another."""
    return b"".join(map(_encode, values))


class _Decoder:
    def __init__(self, reader: AmfReader) -> None:
        self._reader = reader
        self._references = ReferenceTable(reader)
        self._amf3 = Amf3Decoder(reader)

    def decode_all(self) -> list[AmfValue]:
        values = []
        while not self._reader.is_at_end:
            values.append(self._value(depth=0))
        return values

    def _value(self, depth: int) -> AmfValue:
        marker = self._reader.unsigned(1)
        if marker == Marker.AVMPLUS:
            return self._amf3.value(depth)
        self._reader.count(depth)
        match marker:
            case Marker.NUMBER:
                return self._reader.double()
            case Marker.BOOLEAN:
                return self._reader.unsigned(1) != 0
            case Marker.STRING:
                return self._string(length_size=2)
            case Marker.LONG_STRING | Marker.XML_DOCUMENT:
                return self._string(length_size=4)
            case Marker.DATE:
                return self._date()
            case Marker.NULL | Marker.UNDEFINED | Marker.UNSUPPORTED:
                return None
            case Marker.REFERENCE:
                return self._references.resolve(self._reader.unsigned(2), depth)
        return self._referable(marker, depth)

    def _referable(self, marker: int, depth: int) -> AmfValue:
        """Collections, which later values may refer to (§2.9)."""
        referable = self._references.add()
        with self._reader.measured(referable, depth):
            referable.value = self._collection(marker, depth)
        return referable.value

    def _collection(self, marker: int, depth: int) -> AmfValue:
        match marker:
            case Marker.OBJECT:
                return self._properties(depth)
            case Marker.ECMA_ARRAY:
                self._reader.take(4)  # a count that senders get wrong
                return self._properties(depth)
            case Marker.TYPED_OBJECT:
                self._string(length_size=2)
                return self._properties(depth)
            case Marker.STRICT_ARRAY:
                return [self._value(depth + 1) for _ in range(self._reader.unsigned(4))]
        raise AmfError(f"AMF0 marker {marker} has no meaning here")

    def _date(self) -> float:
        milliseconds = self._reader.double()
        self._reader.take(2)  # time zone: reserved, not supported (§2.13)
        return milliseconds

    def _string(self, length_size: int) -> str:
        return self._reader.text(self._reader.unsigned(length_size))

    def _properties(self, depth: int) -> dict[str, AmfValue]:
        properties: dict[str, AmfValue] = {}
        while not (depth == 0 and self._reader.is_at_end):  # some encoders leave out the last object's end
            name = self._string(length_size=2)
            if not name and self._reader.take_if_next(Marker.OBJECT_END):
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
