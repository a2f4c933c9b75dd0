"""Putting sections together from the payloads of one PID (ISO/IEC 13818-1 §2.4.4).

    │ table_id: 8 │ flags: 4 │ section_length: 12 │ … │ CRC_32 │ next section, or FF to the end of the packet

Sections may share a packet or span several. A payload in which one begins has a pointer in front to the first such.
The 12 bits of the length are the limit: 4 KB for each PID.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from ingest.mpegts.counters import TsCounters

CRC_SIZE = 4
HEADER_SIZE = 3
"""Up to section_length."""

_STUFFING = 0xFF
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""Every byte with its bits in reverse order."""


class SectionAssembler:
    """One PID's sections; a `PayloadSink`."""

    def __init__(self, deliver: Callable[[bytes], None], counters: TsCounters) -> None:
        """``deliver`` gets every section whose CRC_32 is right, whole; what it raises passes through."""
        self._deliver = deliver
        self._counters = counters
        self._buffer = b""
        self._is_gathering = False

    @property
    def is_assembling(self) -> bool:
        return self._is_gathering

    def receive_payload(self, payload: bytes, is_start: bool) -> None:
        if not is_start:
            self._continue(payload)
        elif payload:
            first = 1 + payload[0]
            self._continue(payload[1:first])
            self._begin(payload[first:])

    def note_gap(self) -> None:
        self._is_gathering = False

    def note_stuffing(self) -> None:
        """A section's length tells where it ends."""

    def flush(self) -> None:
        self._is_gathering = False

    def _continue(self, payload: bytes) -> None:
        """More of the section that began in an earlier packet; behind its end there is only stuffing."""
        if self._is_gathering:
            self._buffer += payload
            self._is_gathering = self._take() is None

    def _begin(self, payload: bytes) -> None:
        """Sections one behind the other, the last of which may go on in the next packet."""
        rest: bytes | None = payload
        while rest and rest[0] != _STUFFING:
            self._buffer = rest
            rest = self._take()
        self._is_gathering = rest is None

    def _take(self) -> bytes | None:
        """Delivers the section at the front of the buffer and returns what follows it; None when it is not whole."""
        size = section_size(self._buffer)
        if size is None or size > len(self._buffer):
            return None
        section, rest = self._buffer[:size], self._buffer[size:]
        self._buffer = b""
        if crc32_mpeg2(section):
            self._counters.crc_errors += 1
        else:
            self._deliver(section)
        return rest


def section_size(head: bytes) -> int | None:
    """Size in bytes of the section that ``head`` begins with; None when it is too short to say."""
    return HEADER_SIZE + (int.from_bytes(head[1:HEADER_SIZE]) & 0xFFF) if len(head) >= HEADER_SIZE else None


def crc32_mpeg2(data: bytes) -> int:
    """The CRC of annex A, high bit first; 0 for a section with its own CRC_32 at the end.

    zlib's has the same polynomial but takes the low bit first and inverts the result.
    """
    return int(f"{zlib.crc32(data.translate(_REVERSED)) ^ 0xFFFFFFFF:032b}"[::-1], 2)
