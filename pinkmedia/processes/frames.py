"""The framing between the node and its child processes: sans-I/O, the same in both directions.

    frame = length (4 bytes, of the body, big-endian), kind (1 byte), body

Strategy: the writer makes the header alone, so that a large body is never copied on its way into the socket; the
reader collects bytes and cuts complete frames off their front. Whoever sends what cannot be read is broken for good:
there is no resynchronising.

    PinkmediaError
    └── WireError    the peer's bytes are not a frame, or not what a frame may hold
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pinkmedia.errors import PinkmediaError

MAX_BODY_BYTES = 16 * 1024 * 1024
"""More than any access unit or part that a player could use (a 4K intra picture has about 2 MB); a corrupt length must
not make the reader wait, and collect, for ever."""

_HEADER = struct.Struct("!IB")


class WireError(PinkmediaError):
    """The other side sent what is not a frame, or would have to be sent one that is too large."""


def frame_header(kind: int, body_bytes: int) -> bytes:
    """What stands before a body of this size. Raises WireError when that is too large."""
    _check_size(body_bytes, MAX_BODY_BYTES)
    return _HEADER.pack(body_bytes, kind)


class FrameReader:
    """Bytes in, frames out, however the bytes are cut."""

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and body of the frames that are complete now, in order. Consume it whole before feeding more.

        Raises WireError at the first bytes that are no frame.
        """
        self._buffer += data
        start = 0
        try:
            while (end := self._frame_end(start)) is not None:
                _length, kind = _HEADER.unpack_from(self._buffer, start)
                body = bytes(memoryview(self._buffer)[start + _HEADER.size : end])
                start = end
                yield kind, body
        finally:
            del self._buffer[:start]

    def _frame_end(self, start: int) -> int | None:
        """Where the frame that begins there ends; None while it is incomplete."""
        if len(self._buffer) - start < _HEADER.size:
            return None
        body_bytes, _kind = _HEADER.unpack_from(self._buffer, start)
        _check_size(body_bytes, self._max_body_bytes)
        end: int = start + _HEADER.size + body_bytes
        return end if end <= len(self._buffer) else None


def _check_size(body_bytes: int, max_bytes: int) -> None:
    if body_bytes > max_bytes:
        raise WireError(f"frame of {body_bytes} bytes; {max_bytes} are allowed")
