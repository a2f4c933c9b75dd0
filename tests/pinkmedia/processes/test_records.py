"""Records as JSON: round trips, and all that is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pinkmedia.media import Codec
from pinkmedia.processes.frames import WireError
from pinkmedia.processes.records import Vocabulary


class Row(NamedTuple):
    number: int
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Circle:
    radius: float


@dataclass(frozen=True, slots=True)
class Square:
    side: int


@dataclass(frozen=True, slots=True)
class Everything:
    number: int
    seconds: float
    is_so: bool
    text: str
    data: bytes
    rate: Fraction
    path: Path
    codec: Codec
    shape: Circle | Square
    nothing: Circle | None
    somewhere: Path | None
    rows: tuple[Row, ...]
    shapes: tuple[Square, ...]
    names: frozenset[str]


VOCABULARY = Vocabulary(Everything, Square)
EVERYTHING = Everything(
    number=-7,
    seconds=0.1,
    is_so=True,
    text="ö",
    data=b"\x00\xff",
    rate=Fraction(30000, 1001),
    path=Path("a/b"),
    codec=Codec.AV1,
    shape=Square(2),
    nothing=None,
    somewhere=Path("c"),
    rows=(Row(1, "a", 1.5), Row(2, "b", 0.1 + 0.2)),
    shapes=(Square(1),),
    names=frozenset({"720p", "audio"}),
)


def test_everything_survives() -> None:
    assert VOCABULARY.decode(VOCABULARY.encode(EVERYTHING)) == EVERYTHING


def changed(**fields: Any) -> bytes:
    name, values = json.loads(VOCABULARY.encode(EVERYTHING))
    return json.dumps([name, values | fields]).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b'["Square"]',
        b'["Circle", {"radius": 1.0}]',
        b'["Square", {}]',
        b'["Square", {"side": 1, "more": 1}]',
        b'["Square", {"side": true}]',
        b'["Square", {"side": 1.0}]',
        b'[["Square"], {"side": 1}]',
        b"[" * 100_000,
        changed(seconds=float("nan")),
        changed(seconds="1"),
        changed(is_so=1),
        changed(text=None),
        changed(data="!"),
        changed(rate="1/0"),
        changed(codec="vp6"),
        changed(shape={"area": 1}),
        changed(shape=None),
        changed(rows=[[1, "a"]]),
        changed(rows=[[1, "a", 1.0, 2]]),
        changed(rows=[{"number": 1}]),
        changed(names="720p"),
    ],
    ids=lambda data: data[:40].decode("latin-1"),
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        VOCABULARY.decode(data)
