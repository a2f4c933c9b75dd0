"""Records as JSON and back: frozen dataclasses that two of our processes tell each other.

Strategy: what a record's fields are is read from its type hints once, and compiled into a writer and a reader. Reading
believes nothing: every value has the type that its field says, numbers are finite, and no field is missing or too many.

    int, float, str, bool, None   as they are
    bytes                         base64
    Fraction, Path                text
    enumerations of texts         their value
    tuple[X, ...], frozenset[X]   array
    NamedTuple                    array: for records by the thousand, which JSON's own encoder writes as they are
    dataclass                     object by field; of a union of them, that which has these fields
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from pinkmedia.processes.frames import WireError

T = TypeVar("T")


class _Codec(NamedTuple):
    write: Callable[[Any], Any] | None
    """To what `json` knows; None: it is that already."""
    read: Callable[[Any], Any]
    """From what `json` has read. Raises ValueError, TypeError."""


class Vocabulary:
    """The records that may be told, each by the name of its class."""

    def __init__(self, *kinds: type[Any]) -> None:
        self._kinds: Mapping[str, Any] = {kind.__name__: kind for kind in kinds}

    def encode(self, record: Any) -> bytes:
        """One record, with its name."""
        return json.dumps(
            (type(record).__name__, _written(_codec(type(record)), record)), separators=(",", ":")
        ).encode()

    def decode(self, data: bytes) -> object:
        """The record that was encoded; one of the kinds. Raises WireError for anything else."""
        try:
            name, fields = json.loads(data)
            return _codec(self._kinds[name]).read(fields)
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
            raise WireError("record is unknown or incomplete") from None


def _written(codec: _Codec, value: Any) -> Any:
    return value if codec.write is None else codec.write(value)


def _codec(kind: Any) -> _Codec:
    codec = _codecs.get(kind)
    if codec is None:
        codec = _codecs[kind] = _compiled(kind)
    return codec


def _compiled(kind: Any) -> _Codec:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union(get_args(kind))
    if origin in (tuple, frozenset):
        return _sequence(origin, _codec(get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, StrEnum):
        return _Codec(None, kind)
    return _named_tuple(kind)


def _dataclass(kind: Any) -> _Codec:
    hints = get_type_hints(kind)
    codecs = {field.name: _codec(hints[field.name]) for field in dataclasses.fields(kind)}

    def write(record: object) -> dict[str, Any]:
        return {name: _written(codec, getattr(record, name)) for name, codec in codecs.items()}

    def read(value: Any) -> Any:
        fields = _checked(dict, value)
        if fields.keys() != codecs.keys():
            raise ValueError
        return kind(**{name: codec.read(fields[name]) for name, codec in codecs.items()})

    return _Codec(write, read)


def _named_tuple(kind: type[Any]) -> _Codec:
    codecs = tuple(map(_codec, get_type_hints(kind).values()))
    if any(codec.write is not None for codec in codecs):
        raise TypeError(f"{kind.__name__} is not of simple values")

    def read(value: Any) -> Any:
        return kind(*(codec.read(item) for codec, item in zip(codecs, _checked(list, value), strict=True)))

    return _Codec(None, read)


def _sequence(origin: Callable[[Any], Any], item: _Codec) -> _Codec:
    def write(values: Any) -> list[Any]:
        return [_written(item, value) for value in values]

    is_simple = item.write is None and origin is tuple
    return _Codec(None if is_simple else write, lambda value: origin(map(item.read, _checked(list, value))))


def _union(kinds: tuple[Any, ...]) -> _Codec:
    """Of None and another kind, or of dataclasses."""
    codecs = {kind: _codec(kind) for kind in kinds}
    others = [kind for kind in kinds if kind is not types.NoneType]

    def write(value: Any) -> Any:
        return _written(codecs.get(type(value), codecs[others[0]]), value)  # a path's own type is another

    def read(value: Any) -> Any:
        if value is None:
            return codecs[types.NoneType].read(value)
        return codecs[others[0] if len(others) == 1 else _kind_of(others, _checked(dict, value))].read(value)

    return _Codec(write, read)


def _kind_of(kinds: list[type[Any]], fields: dict[str, Any]) -> type[Any]:
    for kind in kinds:
        if {field.name for field in dataclasses.fields(kind)} == fields.keys():
            return kind
    raise ValueError


def _checked(kind: type[T], value: Any) -> T:
    """Exactly of this type: Python takes True for a number."""
    if type(value) is not kind:
        raise TypeError
    return value


def _read_float(value: Any) -> float:
    number = float(value) if type(value) is int else _checked(float, value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


_codecs: dict[Any, _Codec] = {
    int: _Codec(None, lambda value: _checked(int, value)),
    float: _Codec(None, _read_float),
    str: _Codec(None, lambda value: _checked(str, value)),
    bool: _Codec(None, lambda value: _checked(bool, value)),
    types.NoneType: _Codec(None, lambda value: _checked(types.NoneType, value)),
    bytes: _Codec(
        lambda value: b64encode(value).decode(), lambda value: b64decode(_checked(str, value), validate=True)
    ),
    Fraction: _Codec(str, lambda value: Fraction(_checked(str, value))),
    Path: _Codec(str, lambda value: Path(_checked(str, value))),
}
"""Of simple values, and of all that was compiled since."""
