"""The elementary streams of the program that is played: opened, renumbered and ended as its PMT says.

A stream is what its PMT entry and its track number say. As long as both stay, it goes on through any other change of
the table; if one of them changes, it ends, and another begins. Times are in ticks of 90 kHz.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

from ingest.elementary import MediaKind
from ingest.mpegts.clock import ProgramClock
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.pes import PesAssembler
from ingest.mpegts.program import StreamEntry
from ingest.mpegts.sections import SectionAssembler
from ingest.mpegts.transport import PayloadSink, TransportReader
from ingest.mpegts.units import TICKS_PER_MS, PesPacket, TimedEvent, TimedTag
from pinkmedia.codecs.scte35 import PTS_BITS, TICKS_PER_SECOND, parse_splice
from pinkmedia.errors import CodecError

TsEvent: TypeAlias = TimedTag | TimedEvent

_METADATA_STREAM_TYPE = 0x15
"""Metadata in PES packets, ID3 among others (table 2-34)."""
_ID3_MAGIC = b"ID3"
FARTHEST_SPLICE_SECONDS = 600
"""Breaks are announced seconds before they begin; a time farther ahead than this is none, or past."""
_SCTE35_STREAM_TYPE = 0x86
"""Sections (ANSI/SCTE 35 §8.1)."""
_SPLICE_INFO_TABLE_ID = 0xFC


class ElementaryStream(Protocol):
    """Finds headers and frames in the PES packets of one stream."""

    def receive(self, pes: PesPacket) -> list[TimedTag]:
        """Raises CodecError for a stream that cannot be served."""

    def flush(self) -> list[TimedTag]:
        """What is left when no packet follows."""


class StreamTable(Protocol):
    """Knows the types of elementary streams."""

    def media_kind(self, stream_type: int, descriptors: bytes) -> MediaKind | None:
        """What a stream carries; None for neither sound nor pictures."""

    def elementary_stream(
        self, stream_type: int, descriptors: bytes, *, track_number: int, counters: TsCounters
    ) -> ElementaryStream | None:
        """Its reader; None for a type that is ignored; raises UnsupportedCodec for one that is known and not served."""


@dataclass(frozen=True, slots=True)
class _OpenStream:
    track_number: int
    sink: PayloadSink | None
    """None for a stream that is ignored."""
    media: ElementaryStream | None
    """None for one that carries events."""


class ProgramStreams:
    """What is open, by PMT entry. Whatever readers of streams raise passes through."""

    def __init__(
        self, table: StreamTable, reader: TransportReader, counters: TsCounters, events: list[TsEvent]
    ) -> None:
        """``events`` gets what the streams carry, in the order of arrival."""
        self._table = table
        self._reader = reader
        self._counters = counters
        self._events = events
        self._clock = ProgramClock()
        self._video_dts_ticks: int | None = None
        self._open: dict[StreamEntry, _OpenStream] = {}

    @property
    def pids(self) -> set[int]:
        """PIDs of the streams that are open."""
        return {entry.pid for entry in self._open}

    def has_media(self, entries: Iterable[StreamEntry]) -> bool:
        """Whether there is sound or a picture among them."""
        return any(self._table.media_kind(entry.stream_type, entry.descriptors) for entry in entries)

    def update(self, entries: Iterable[StreamEntry]) -> None:
        """Ends and begins streams until exactly these are open; changes nothing when they are."""
        wanted = self._numbered(entries)
        for entry, stream in list(self._open.items()):
            if wanted.get(entry) != stream.track_number:
                self._end(entry)
        for entry, track_number in wanted.items():
            if entry not in self._open:
                self._begin(entry, track_number)

    def flush(self) -> None:
        """Delivers what has begun; every stream stays open."""
        for stream in self._open.values():
            self._drain(stream)

    def _numbered(self, entries: Iterable[StreamEntry]) -> dict[StreamEntry, int]:
        """Track numbers count each kind in the order of the PMT."""
        counts: Counter[MediaKind | None] = Counter()
        numbers: dict[StreamEntry, int] = {}
        for entry in entries:
            kind = self._table.media_kind(entry.stream_type, entry.descriptors)
            numbers[entry] = counts[kind] if kind else 0
            counts[kind] += 1
        return numbers

    def _begin(self, entry: StreamEntry, track_number: int) -> None:
        stream = self._opened(entry, track_number)
        self._open[entry] = stream
        if stream.sink is not None:
            self._reader.listen(entry.pid, stream.sink)

    def _opened(self, entry: StreamEntry, track_number: int) -> _OpenStream:
        if entry.stream_type == _SCTE35_STREAM_TYPE:
            return _OpenStream(track_number, SectionAssembler(self._receive_splice, self._counters), None)
        if entry.stream_type == _METADATA_STREAM_TYPE:
            return _OpenStream(track_number, PesAssembler(self._receive_metadata, self._clock, self._counters), None)
        media = self._table.elementary_stream(
            entry.stream_type, entry.descriptors, track_number=track_number, counters=self._counters
        )
        if media is None:
            return _OpenStream(track_number, None, None)
        kind = self._table.media_kind(entry.stream_type, entry.descriptors)
        receive = self._receive_video if kind is MediaKind.VIDEO else self._receive_media
        return _OpenStream(track_number, PesAssembler(partial(receive, media), self._clock, self._counters), media)

    def _end(self, entry: StreamEntry) -> None:
        stream = self._open.pop(entry)
        self._reader.ignore(entry.pid)
        self._drain(stream)

    def _drain(self, stream: _OpenStream) -> None:
        if stream.sink is not None:
            stream.sink.flush()
        if stream.media is not None:
            self._events += stream.media.flush()

    def _receive_media(self, media: ElementaryStream, pes: PesPacket) -> None:
        self._events += media.receive(pes)

    def _receive_video(self, media: ElementaryStream, pes: PesPacket) -> None:
        if pes.dts_ticks is not None:
            self._video_dts_ticks = pes.dts_ticks
        self._receive_media(media, pes)

    def _receive_metadata(self, pes: PesPacket) -> None:
        if not pes.is_damaged and pes.pts_ticks is not None and pes.payload[: len(_ID3_MAGIC)] == _ID3_MAGIC:
            self._events.append(TimedEvent("id3", pes.pts_ticks / TICKS_PER_MS, bytes(pes.payload)))
        elif not pes.is_damaged:
            self._counters.dropped_units += 1

    def _receive_splice(self, section: bytes) -> None:
        """It has the time of the splice; what is to be at once, or cannot be read, that of the newest picture.

        Programs without pictures have the time of their sound.
        """
        time_ticks = self._clock.latest_ticks if self._video_dts_ticks is None else self._video_dts_ticks
        if time_ticks is None or section[0] != _SPLICE_INFO_TABLE_ID:
            self._counters.dropped_sections += 1
        else:
            ahead_ticks = _ticks_until_splice(section, time_ticks)
            self._events.append(TimedEvent("scte35", (time_ticks + ahead_ticks) / TICKS_PER_MS, section))


def _ticks_until_splice(section: bytes, time_ticks: int) -> int:
    try:
        splice = parse_splice(section)
    except CodecError:
        return 0
    if splice is None or splice.pts_ticks is None:
        return 0
    ahead_ticks = (splice.pts_ticks - time_ticks) % (1 << PTS_BITS)
    return ahead_ticks if ahead_ticks <= FARTHEST_SPLICE_SECONDS * TICKS_PER_SECOND else 0
