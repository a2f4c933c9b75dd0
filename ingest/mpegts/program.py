"""The tables that say what a transport stream carries (ISO/IEC 13818-1 §2.4.4.3 and §2.4.4.8).

    PAT on PID 0 ─► programs, each with the PID of its PMT ─► elementary streams, each with type, PID and descriptors

A repetition reads the same as what it repeats, so tables are compared whole and version numbers are only needed where
sections make one table together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice

from ingest.mpegts.sections import CRC_SIZE, HEADER_SIZE
from ingest.mpegts.transport import NULL_PID
from pinkmedia.codecs.cursor import Cursor
from pinkmedia.errors import CodecError

PAT_PID = 0
FIRST_FREE_PID = 0x10
"""Those below belong to tables (§2.4.3.3, table 2-3)."""
MAX_PROGRAMS = 32
"""A multiplex of a satellite carries about 20; a publisher one. Those behind are ignored."""
MAX_ELEMENTARY_STREAMS = 32
"""Of a program; those behind are ignored. Each may hold a PES packet that is being put together."""

_PAT_TABLE_ID = 0x00
_PMT_TABLE_ID = 0x02


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An elementary stream in a PMT."""

    pid: int
    stream_type: int
    """As table 2-34 has it."""
    descriptors: bytes
    """Its descriptor loop as sent."""


@dataclass(frozen=True, slots=True)
class ProgramMap:
    """A PMT: what one program consists of."""

    program_number: int
    streams: tuple[StreamEntry, ...]
    """In the order of the table; each PID once."""


class ProgramAssociation:
    """The PAT, whose sections come one by one."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._sections: dict[int, dict[int, int]] = {}

    def receive(self, section: bytes) -> dict[int, int] | None:
        """PMT PIDs by program number once all sections of a version are there; else None. Raises CodecError."""
        table = _Table(section, _PAT_TABLE_ID)
        if not table.is_current:
            return None
        if table.version != self._version:
            self._version = table.version
            self._sections.clear()
        self._sections[table.number] = _programs(table.body)
        if any(number not in self._sections for number in range(table.last_number + 1)):
            return None
        programs = (self._sections[number].items() for number in range(table.last_number + 1))
        return dict(islice(chain.from_iterable(programs), MAX_PROGRAMS))


def parse_program_map(section: bytes) -> ProgramMap | None:
    """Reads a PMT; None for one that is not in force yet; raises CodecError."""
    table = _Table(section, _PMT_TABLE_ID)
    if not table.is_current:
        return None
    cursor = Cursor(table.body, "PMT")
    cursor.take(2)  # the PID with the clock: arrival has no part in times here
    cursor.take(cursor.unsigned(2) & 0xFFF)
    entries: dict[int, StreamEntry] = {}
    loop = cursor.rest()
    while loop and len(entries) < MAX_ELEMENTARY_STREAMS:
        cursor = Cursor(loop, "PMT")
        stream_type, pid = cursor.unsigned(1), cursor.unsigned(2) & NULL_PID
        descriptors = cursor.take(cursor.unsigned(2) & 0xFFF)
        if is_free_pid(pid):
            entries.setdefault(pid, StreamEntry(pid, stream_type, descriptors))
        loop = cursor.rest()
    return ProgramMap(table.extension, tuple(entries.values()))


def is_free_pid(pid: int) -> bool:
    """Whether a table may give this PID to a program or a stream."""
    return FIRST_FREE_PID <= pid < NULL_PID


class _Table:
    """What PAT and PMT sections have in common."""

    __slots__ = ("body", "extension", "is_current", "last_number", "number", "version")

    def __init__(self, section: bytes, table_id: int) -> None:
        cursor = Cursor(section[:-CRC_SIZE], "section")
        if cursor.unsigned(1) != table_id or not cursor.unsigned(HEADER_SIZE - 1) & 0x8000:
            raise CodecError(f"section is not of table {table_id}")
        self.extension = cursor.unsigned(2)
        """Of a PMT the program number."""
        flags = cursor.unsigned(1)
        self.version = flags >> 1 & 0x1F
        self.is_current = bool(flags & 1)
        self.number = cursor.unsigned(1)
        self.last_number = cursor.unsigned(1)
        self.body = cursor.rest()


def _programs(body: bytes) -> dict[int, int]:
    """PMT PIDs by program number; number 0 is the network's own table (§2.4.4.5)."""
    programs: dict[int, int] = {}
    for start in range(0, len(body) - 3, 4):
        program_number = int.from_bytes(body[start : start + 2])
        pid = int.from_bytes(body[start + 2 : start + 4]) & NULL_PID
        if program_number and is_free_pid(pid):
            programs[program_number] = pid
    return programs
