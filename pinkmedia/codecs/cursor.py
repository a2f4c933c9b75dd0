"""Taking fields off the front of a configuration record."""

from __future__ import annotations

from pinkmedia.errors import CodecError


class Cursor:
    """Takes bytes off the front of a record; running out raises CodecError."""

    def __init__(self, data: bytes | memoryview, record: str) -> None:
        """``record`` names it in the error."""
        self._data = bytes(data)
        self._record = record
        self._position = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) < count:
            raise CodecError(f"{self._record} is cut short")
        self._position += count
        return taken

    def unsigned(self, size: int) -> int:
        """A big-endian number of ``size`` bytes."""
        return int.from_bytes(self.take(size))

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def take_units(self, count: int) -> tuple[bytes, ...]:
        """NAL units, each behind its 2-byte length (ISO/IEC 14496-15 §5.3.3 and §8.3.3)."""
        return tuple(self.take(self.unsigned(2)) for _ in range(count))
