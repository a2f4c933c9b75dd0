"""AMF3 (Action Message Format 3, January 2013): values that AMF0 switches to with its marker 0x11.

    integer, double, date float   true, false bool   string, XML str   undefined, null, byte array None
    object, array with names, dictionary dict        array, vector list

Strings, objects and class traits that came before may stand as a reference. A reference to an object that is not whole
yet is None, so that no value holds itself.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from ingest.rtmp.amf import AmfReader, AmfValue, ReferenceTable
from ingest.rtmp.errors import AmfError

_MAX_U29_BYTES = 4
_INTEGER_SIGN = 1 << 28
_DYNAMIC = 0x8
_EXTERNALIZABLE = 0x4


class Marker(IntEnum):
    """Type marker (§3.1)."""

    UNDEFINED = 0x00
    NULL = 0x01
    FALSE = 0x02
    TRUE = 0x03
    INTEGER = 0x04
    DOUBLE = 0x05
    STRING = 0x06
    XML_DOCUMENT = 0x07
    DATE = 0x08
    ARRAY = 0x09
    OBJECT = 0x0A
    XML = 0x0B
    BYTE_ARRAY = 0x0C
    VECTOR_INT = 0x0D
    VECTOR_UINT = 0x0E
    VECTOR_DOUBLE = 0x0F
    VECTOR_OBJECT = 0x10
    DICTIONARY = 0x11


class _Traits(NamedTuple):
    """What objects of a class have in common (§3.12)."""

    names: tuple[str, ...]
    is_dynamic: bool


class Amf3Decoder:
    """Reads the AMF3 values of one body; references go from one to the others."""

    def __init__(self, reader: AmfReader) -> None:
        self._reader = reader
        self._strings: list[str] = []
        self._references = ReferenceTable(reader)
        self._traits: list[_Traits] = []

    def value(self, depth: int) -> AmfValue:
        """Raises AmfError or LimitExceeded."""
        self._reader.count(depth)
        marker = self._reader.unsigned(1)
        match marker:
            case Marker.UNDEFINED | Marker.NULL:
                return None
            case Marker.FALSE | Marker.TRUE:
                return marker == Marker.TRUE
            case Marker.INTEGER:
                number = self._u29()
                return float(number - 2 * _INTEGER_SIGN if number & _INTEGER_SIGN else number)
            case Marker.DOUBLE:
                return self._reader.double()
            case Marker.STRING:
                return self._string()
        return self._referable(marker, depth)

    def _referable(self, marker: int, depth: int) -> AmfValue:
        """A value that stands in the object table, or a reference to one (§2.2)."""
        head = self._u29()
        if not head & 1:
            return self._references.resolve(head >> 1, depth)
        referable = self._references.add()
        with self._reader.measured(referable, depth):
            value = self._object_value(marker, head >> 1, depth)
        referable.value = value
        return value

    def _object_value(self, marker: int, head: int, depth: int) -> AmfValue:
        match marker:
            case Marker.XML_DOCUMENT | Marker.XML:
                return self._reader.text(head)
            case Marker.DATE:
                return self._reader.double()
            case Marker.BYTE_ARRAY:
                self._reader.take(head)
                return None
            case Marker.ARRAY:
                return self._array(head, depth)
            case Marker.OBJECT:
                return self._object(head, depth)
            case Marker.VECTOR_INT | Marker.VECTOR_UINT | Marker.VECTOR_DOUBLE:
                return self._numbers(marker, head, depth)
            case Marker.VECTOR_OBJECT:
                self._reader.take(1)  # whether its length is fixed
                self._string()  # the class of its elements
                return [self.value(depth + 1) for _ in range(head)]
            case Marker.DICTIONARY:
                self._reader.take(1)  # whether its keys are weak
                return {self._key(depth + 1): self.value(depth + 1) for _ in range(head)}
        raise AmfError(f"AMF3 marker {marker} has no meaning")

    def _key(self, depth: int) -> str:
        key = self.value(depth)
        if isinstance(key, dict | list):
            raise AmfError("AMF3 dictionary with a key that is no text")
        return str(key)

    def _array(self, count: int, depth: int) -> AmfValue:
        """§3.11: with names it is an object whose other members are numbered."""
        named = self._members(depth)
        dense: list[AmfValue] = [self.value(depth + 1) for _ in range(count)]
        return named | {str(index): value for index, value in enumerate(dense)} if named else dense

    def _object(self, head: int, depth: int) -> AmfValue:
        """§3.12."""
        traits = self._new_traits(head) if head & 1 else self._known_traits(head >> 1)
        members: dict[str, AmfValue] = {name: self.value(depth + 1) for name in traits.names}
        return members | self._members(depth) if traits.is_dynamic else members

    def _known_traits(self, index: int) -> _Traits:
        if index >= len(self._traits):
            raise AmfError("AMF3 object of a class that was never described")
        return self._traits[index]

    def _new_traits(self, head: int) -> _Traits:
        if head & _EXTERNALIZABLE >> 1:
            raise AmfError("AMF3 object in an encoding of its own")
        self._string()  # the class's name
        names = []
        for _ in range(head >> 3):
            self._reader.count(0)
            names.append(self._string())
        traits = _Traits(tuple(names), bool(head & _DYNAMIC >> 1))
        self._traits.append(traits)
        return traits

    def _members(self, depth: int) -> dict[str, AmfValue]:
        """Pairs up to an empty name."""
        members: dict[str, AmfValue] = {}
        while name := self._string():
            members[name] = self.value(depth + 1)
        return members

    def _numbers(self, marker: int, count: int, depth: int) -> AmfValue:
        self._reader.take(1)  # whether its length is fixed
        kind, size = {Marker.VECTOR_INT: ("i", 4), Marker.VECTOR_UINT: ("I", 4)}.get(Marker(marker), ("d", 8))
        self._reader.count(depth + 1, count)
        return [float(number) for number in struct.unpack(f">{count}{kind}", self._reader.take(count * size))]

    def _string(self) -> str:
        """UTF-8-vr (§1.3.2): the text, or where in the table it is."""
        head = self._u29()
        if not head & 1:
            if head >> 1 >= len(self._strings):
                raise AmfError("AMF3 string that never came")
            return self._strings[head >> 1]
        text = self._reader.text(head >> 1)
        if text:
            self._strings.append(text)
        return text

    def _u29(self) -> int:
        """§1.3.1: seven bits from each byte, eight from the fourth."""
        number = 0
        for index in range(_MAX_U29_BYTES):
            byte = self._reader.unsigned(1)
            if index == _MAX_U29_BYTES - 1:
                return number << 8 | byte
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        return number
