"""A table of elementary streams that looks into nothing: each hands on its PES packets as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from ingest.elementary import AudioTag, MediaKind, VideoTag
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.demuxer import TsDemuxer
from ingest.mpegts.program_streams import TsEvent
from ingest.mpegts.units import PesPacket, TimedEvent, TimedTag
from pinkmedia.errors import UnsupportedCodec

KINDS = {0x1B: MediaKind.VIDEO, 0x24: MediaKind.VIDEO, 0x0F: MediaKind.AUDIO, 0x03: MediaKind.AUDIO}
UNSERVED = 0x24
IGNORED = 0x03


@dataclass(frozen=True, slots=True)
class RawPes:
    """In the place of a tag."""

    kind: MediaKind
    track_number: int
    pes: PesPacket


@dataclass(frozen=True, slots=True)
class RawEnd:
    """The stream was told that nothing follows."""

    kind: MediaKind
    track_number: int


@dataclass(slots=True)
class RawStream:
    """One elementary stream."""

    kind: MediaKind
    track_number: int

    def receive(self, pes: PesPacket) -> list[TimedTag]:
        return [TimedTag(cast("VideoTag | AudioTag", RawPes(self.kind, self.track_number, pes)), 0.0)]

    def flush(self) -> list[TimedTag]:
        return [TimedTag(cast("VideoTag | AudioTag", RawEnd(self.kind, self.track_number)), 0.0)]


class RawTable:
    """Every stream is served as it is, but for two types."""

    def media_kind(self, stream_type: int, descriptors: bytes) -> MediaKind | None:
        return KINDS.get(stream_type)

    def elementary_stream(
        self, stream_type: int, descriptors: bytes, *, track_number: int, counters: TsCounters
    ) -> RawStream | None:
        if stream_type == UNSERVED:
            raise UnsupportedCodec("this test serves no HEVC")
        kind = KINDS.get(stream_type)
        return None if kind is None or stream_type == IGNORED else RawStream(kind, track_number)


@dataclass(slots=True)
class Demuxed:
    """What came out, by track."""

    packets: dict[tuple[MediaKind, int], list[PesPacket]] = field(default_factory=dict)
    ends: list[tuple[MediaKind, int]] = field(default_factory=list)
    events: list[TimedEvent] = field(default_factory=list)

    def add(self, events: list[TsEvent]) -> None:
        for event in events:
            tag: object = event if isinstance(event, TimedEvent) else event.tag
            if isinstance(tag, RawPes):
                self.packets.setdefault((tag.kind, tag.track_number), []).append(tag.pes)
            elif isinstance(tag, RawEnd):
                self.ends.append((tag.kind, tag.track_number))
            elif isinstance(event, TimedEvent):
                self.events.append(event)

    @property
    def video(self) -> list[PesPacket]:
        return self.packets.get((MediaKind.VIDEO, 0), [])

    @property
    def audio(self) -> list[PesPacket]:
        return self.packets.get((MediaKind.AUDIO, 0), [])


def raw_demuxer() -> TsDemuxer:
    """One that delivers `RawPes`."""
    return TsDemuxer(RawTable())


def demux(data: bytes, piece_size: int | None = None) -> Demuxed:
    """A whole stream, in pieces of a size, to its end."""
    demuxer, demuxed = raw_demuxer(), Demuxed()
    step = piece_size or max(1, len(data))
    for start in range(0, len(data), step):
        demuxed.add(demuxer.receive_data(data[start : start + step]))
    demuxed.add(demuxer.flush())
    return demuxed
