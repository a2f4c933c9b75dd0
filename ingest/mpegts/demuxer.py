"""From the bytes of an MPEG transport stream to headers, frames and events of one program.

    bytes ─► TransportReader ─┬─ PID 0 ─► SectionAssembler ─► PAT: which PIDs carry a PMT
                              ├─ PMT ───► SectionAssembler ─► which elementary streams there are
                              ├─ video, audio ─► PesAssembler ─► ElementaryStream ─► TimedTag
                              └─ SCTE-35 ─► SectionAssembler, ID3 ─► PesAssembler ─► TimedEvent

Knows no I/O. The program whose PMT is the first to name sound or pictures is played until it names none, or the PAT
has it no more; then another may be.
"""

from __future__ import annotations

from functools import partial

from ingest.mpegts import es_table
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.program import PAT_PID, ProgramAssociation, parse_program_map
from ingest.mpegts.program_streams import ProgramStreams, StreamTable, TsEvent
from ingest.mpegts.sections import SectionAssembler
from ingest.mpegts.transport import TransportReader
from pinkmedia.errors import CodecError


class TsDemuxer:
    """One publisher's transport stream.

    Bytes and the end raise nothing but CodecError, for streams that cannot be served; counters tell of other faults.
    """

    def __init__(self, table: StreamTable = es_table) -> None:
        self.counters = TsCounters()
        self._events: list[TsEvent] = []
        self._reader = TransportReader(self.counters)
        self._streams = ProgramStreams(table, self._reader, self.counters, self._events)
        self._association = ProgramAssociation()
        self._pmt_pids: dict[int, int] = {}
        """By program number, as the PAT has it."""
        self._program_number: int | None = None
        self._reader.listen(PAT_PID, SectionAssembler(self._receive_pat, self.counters))

    def receive_data(self, data: bytes) -> list[TsEvent]:
        """Takes the next bytes, cut anywhere; returns what is whole now. Whole packets are read without a copy."""
        self._reader.receive_data(data)
        return self._take_events()

    def note_loss(self) -> None:
        """Bytes before the next ones are missing; what they damaged is told by the units that follow."""
        self._reader.note_loss()

    def flush(self) -> list[TsEvent]:
        """Returns what is left when no byte follows."""
        self._streams.flush()
        return self._take_events()

    def _take_events(self) -> list[TsEvent]:
        events = self._events.copy()
        self._events.clear()
        return events

    def _receive_pat(self, section: bytes) -> None:
        try:
            pmt_pids = self._association.receive(section)
        except CodecError:
            self.counters.dropped_sections += 1
            return
        if pmt_pids is not None and pmt_pids != self._pmt_pids:
            self._change_programs(pmt_pids)

    def _change_programs(self, pmt_pids: dict[int, int]) -> None:
        known, wanted = set(self._pmt_pids.values()), set(pmt_pids.values())
        self._pmt_pids = pmt_pids
        if self._program_number not in pmt_pids or self._streams.pids & wanted:
            self._program_number = None
            self._streams.update(())
        for pid in known - wanted:
            self._reader.ignore(pid)
        for pid in wanted - known:
            self._reader.listen(pid, SectionAssembler(partial(self._receive_pmt, pid), self.counters))

    def _receive_pmt(self, pid: int, section: bytes) -> None:
        try:
            program_map = parse_program_map(section)
        except CodecError:
            self.counters.dropped_sections += 1
            return
        if program_map is None or self._pmt_pids.get(program_map.program_number) != pid:
            return  # not in force, or of a program that shares the PID and is not in the PAT
        taken = set(self._pmt_pids.values())
        entries = [entry for entry in program_map.streams if entry.pid not in taken]
        has_media = self._streams.has_media(entries)
        if self._program_number is None and has_media:
            self._program_number = program_map.program_number
        if self._program_number == program_map.program_number:
            self._streams.update(entries)
            if not has_media:
                self._program_number = None
