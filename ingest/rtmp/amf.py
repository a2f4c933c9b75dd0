"""What AMF0 and AMF3 share: the values, the limits, and a bounded reader of one message body.

Everything comes from the peer, so depth, elements and size are bounded, and declared counts are never trusted. A
reference stands for a collection that was read before, and counts as much as that collection does: values are trees of
a bounded size, also for whoever walks through them later.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ingest.rtmp.errors import AmfError, LimitExceeded

AmfValue: TypeAlias = float | bool | str | dict[str, "AmfValue"] | list["AmfValue"] | None

MAX_DEPTH = 8
"""connect and onMetaData nest three deep at most."""
MAX_ELEMENTS = 1024
"""Of one body; onMetaData has about twenty."""
MAX_BODY_BYTES = 64 * 1024
"""Of a command or metadata; real ones stay below 2 KiB."""


class AmfReader:
    """A position in a body, and what has been read of its limits. Raises AmfError and LimitExceeded."""

    def __init__(self, body: bytes) -> None:
        if len(body) > MAX_BODY_BYTES:
            raise LimitExceeded(f"AMF body of {len(body)} bytes; the limit is {MAX_BODY_BYTES}")
        self._body = body
        self._position = 0
        self._element_count = 0
        self._deepest = 0
        """Level of the innermost element since the current collection began."""

    @property
    def is_at_end(self) -> bool:
        return self._position == len(self._body)

    def take(self, count: int) -> bytes:
        taken = self._body[self._position : self._position + count]
        if len(taken) < count:
            raise AmfError("AMF value is cut short")
        self._position += count
        return taken

    def take_if_next(self, expected: int) -> bool:
        """Whether the next byte is this one; it is taken then."""
        is_next = self._body[self._position : self._position + 1] == bytes((expected,))
        self._position += is_next
        return is_next

    def unsigned(self, size: int) -> int:
        """Big-endian."""
        return int.from_bytes(self.take(size))

    def double(self) -> float:
        (number,) = struct.unpack(">d", self.take(8))
        return float(number)

    def text(self, size: int) -> str:
        """UTF-8 by the specification; encoder names come in local encodings."""
        return self.take(size).decode(errors="replace")

    def count(self, depth: int, elements: int = 1) -> None:
        """Account for elements whose innermost is at ``depth``; a body's own values have depth 0."""
        self._element_count += elements
        self._deepest = max(self._deepest, depth)
        if depth > MAX_DEPTH or self._element_count > MAX_ELEMENTS:
            raise LimitExceeded(f"AMF value of more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels")

    @contextmanager
    def measured(self, referable: Referable, depth: int) -> Iterator[None]:
        """What is read inside is the size of ``referable``, a collection at ``depth``."""
        elements_before, deepest_before, self._deepest = self._element_count, self._deepest, depth
        yield
        referable.elements = 1 + self._element_count - elements_before
        referable.levels = self._deepest - depth
        self._deepest = max(self._deepest, deepest_before)


@dataclass(slots=True)
class Referable:
    """A value that later ones may refer to by its number. Until it is complete it stands for null."""

    value: AmfValue = None
    elements: int = 1
    """With everything in it."""
    levels: int = 0
    """Below its own."""


class ReferenceTable:
    """The referable values of one body, in the order in which they begin."""

    def __init__(self, reader: AmfReader) -> None:
        self._reader = reader
        self._referables: list[Referable] = []

    def add(self, value: AmfValue = None) -> Referable:
        referable = Referable(value)
        self._referables.append(referable)
        return referable

    def resolve(self, index: int, depth: int) -> AmfValue:
        """The value of that number; null for one that is being read, which would make a circle. Raises AmfError."""
        if index >= len(self._referables):
            raise AmfError("AMF reference to a value that does not exist")
        referable = self._referables[index]
        self._reader.count(depth + referable.levels, referable.elements - 1)
        return referable.value
