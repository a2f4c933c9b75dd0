"""Putting PES packets together from the payloads of one PID (ISO/IEC 13818-1 §2.4.3.6).

    start ─► buffer ─► length reached (audio), or its last packet is filled up, or the next start (video) ─► PesPacket
               └─ gap ─► the rest is skipped; at the next start a damaged PesPacket

Pictures have no length, and waiting for the next one would show each a frame later. Where a unit ends its last packet
is nearly always filled up, and no other packet need be: so that is taken for the end, until a sender is found that
fills up others, too.

A single number says how long the buffer may get before something is to be done, so that a payload that only continues
costs an append and a comparison.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.mpegts.clock import ProgramClock
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.pes_header import PREFIX_SIZE, PesHeader, packet_size, parse_header
from ingest.mpegts.units import PesPacket
from pinkmedia.errors import CodecError

MAX_PES_BYTES = 8 << 20
"""One picture of 4K at its largest: 12.4 MB raw, of which no level allows more than half (H.264 §A.3.1, MinCR)."""


class PesAssembler:
    """One elementary stream's PES packets; a `PayloadSink`."""

    def __init__(self, deliver: Callable[[PesPacket], None], clock: ProgramClock, counters: TsCounters) -> None:
        """``deliver`` gets every packet in the order of arrival; what it raises passes through."""
        self._deliver = deliver
        self._clock = clock
        self._counters = counters
        self._buffer = bytearray()
        self._limit = PREFIX_SIZE
        """Bytes in the buffer when its prefix is to be read, or the packet is whole, or too large."""
        self._size: int | None = None
        """Of the whole packet in bytes; None as long as the length is not known, or for good when it is not bounded."""
        self._is_length_known = False
        self._is_gathering = False
        self._is_damaged = False
        self._has_ended_early = False
        """The packet was taken to be whole because it was filled up."""
        self._fills_up_anywhere = False
        """This sender does."""

    @property
    def is_assembling(self) -> bool:
        return self._is_gathering

    def receive_payload(self, payload: bytes, is_start: bool) -> None:
        if is_start:
            self._end()
            self._is_gathering = True
        elif not self._is_gathering:
            self._note_more()
            return
        self._buffer += payload
        if len(self._buffer) >= self._limit:
            self._reach_limit()

    def note_gap(self) -> None:
        self._is_gathering = False
        self._is_damaged = True

    def note_stuffing(self) -> None:
        is_open = self._is_gathering and self._is_length_known and self._size is None
        if is_open and not self._fills_up_anywhere:
            self._end()
            self._has_ended_early = True

    def flush(self) -> None:
        self._end()

    def _note_more(self) -> None:
        """Nothing more should come; if it was not whole, what was delivered is broken, and what needs it."""
        if self._has_ended_early:
            self._has_ended_early, self._fills_up_anywhere, self._is_damaged = False, True, True

    def _reach_limit(self) -> None:
        """The prefix is there, or the whole packet, or too much."""
        if not self._is_length_known:
            self._is_length_known = True
            self._size = packet_size(self._buffer)
            self._limit = self._size or MAX_PES_BYTES
        if len(self._buffer) < self._limit:
            return
        if self._size is None:
            self._counters.dropped_units += 1
            self._buffer.clear()
            self.note_gap()
        else:
            self._end()

    def _end(self) -> None:
        """Delivers what was gathered and waits for the next start."""
        if self._is_gathering and not self._is_whole():
            self._is_damaged = True
        buffer, size, is_damaged = self._buffer, self._size, self._is_damaged
        self._buffer, self._limit, self._size = bytearray(), PREFIX_SIZE, None
        self._is_length_known = self._is_gathering = self._is_damaged = self._has_ended_early = False
        if buffer or is_damaged:
            self._deliver_packet(buffer, size, is_damaged)

    def _is_whole(self) -> bool:
        """A packet without a length is, as soon as the next one begins."""
        return self._is_length_known and (self._size is None or len(self._buffer) >= self._size)

    def _deliver_packet(self, packet: bytearray, size: int | None, is_damaged: bool) -> None:
        header = None
        if packet:
            try:
                header = parse_header(packet)
            except CodecError:
                is_damaged = True
            if header is None:
                self._counters.dropped_units += 1
        if is_damaged:
            self._counters.damaged_units += 1
        elif header is None:
            return
        pts_ticks, dts_ticks = self._times(header)
        payload = bytes(memoryview(packet)[header.size : size]) if header else b""
        self._deliver(PesPacket(pts_ticks, dts_ticks, is_damaged, payload))

    def _times(self, header: PesHeader | None) -> tuple[int | None, int | None]:
        """Presentation and decode time. The decode time is placed first: it never goes back."""
        if header is None or header.pts_ticks is None:
            return None, None
        dts_ticks = self._clock.place(header.pts_ticks if header.dts_ticks is None else header.dts_ticks)
        return (dts_ticks if header.dts_ticks is None else self._clock.place(header.pts_ticks)), dts_ticks
