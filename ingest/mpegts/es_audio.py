"""Sound in PES packets: frames one after another, which the packets may cut anywhere.

    PES ─► bytes ─► frames, each found by its sync word and its length ─► header when the format is new ─► AudioFrame

A PES packet's time is that of the first frame that begins in it (ISO/IEC 13818-1 §2.4.3.7); frames behind it follow at
their own durations. What differs between codecs is how a frame is found: a `FrameReader`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from ingest.elementary import AudioFrame, AudioSequenceHeader
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.units import TICKS_PER_MS, PesPacket, TimedTag
from pinkmedia.codecs.formats import AudioFormat

_TICKS_PER_SECOND = TICKS_PER_MS * 1000


class NoFrame(Exception):
    """What stands there is no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it was found."""

    size: int
    """Bytes until the next one."""
    payload: bytes = field(repr=False)
    """As `pinkmedia.media.Packet` has it."""
    format: AudioFormat
    sample_rate: int


class FrameReader(Protocol):
    """How a codec's frames are found."""

    sync: bytes
    """What a frame may begin with: its first byte."""

    def read(self, data: bytes, position: int) -> Frame | None:
        """The frame at this position; None when it is not all there. Raises NoFrame, CodecError."""


class AudioStream:
    """One audio track; an `ElementaryStream`."""

    def __init__(self, reader: FrameReader, track_number: int, counters: TsCounters) -> None:
        self._reader = reader
        self._track_number = track_number
        self._counters = counters
        self._format: AudioFormat | None = None
        """Announced."""
        self._rest = b""
        """Of a frame that goes on in the next packet: shorter than the longest frame."""
        self._next_ticks: Fraction | None = None
        """Decode time of the next frame, if nothing is missing before it."""

    def receive(self, pes: PesPacket) -> list[TimedTag]:
        """Raises CodecError for a format that cannot be served."""
        if pes.is_damaged:
            self._rest, self._next_ticks = b"", None
            return []
        rest_bytes = len(self._rest)
        data, self._rest = self._rest + pes.payload, b""
        if pes.dts_ticks is not None and not rest_bytes:
            self._next_ticks = Fraction(pes.dts_ticks)
        return self._read(data, rest_bytes, pes.dts_ticks)

    def flush(self) -> list[TimedTag]:
        return []

    def _read(self, data: bytes, rest_bytes: int, pes_ticks: int | None) -> list[TimedTag]:
        """All frames; ``rest_bytes`` of the data are older than the packet's time."""
        tags: list[TimedTag] = []
        position, is_timed = 0, not rest_bytes
        while position < len(data):
            if position >= rest_bytes and not is_timed and pes_ticks is not None:
                self._next_ticks, is_timed = Fraction(pes_ticks), True
            try:
                frame = self._reader.read(data, position)
            except NoFrame:
                position = self._resynchronise(data, position)
                continue
            if frame is None:
                self._rest = data[position:]
                break
            tags += self._deliver(frame)
            position += frame.size
        return tags

    def _resynchronise(self, data: bytes, position: int) -> int:
        """Where the next frame may begin. One was lost."""
        self._counters.dropped_units += 1
        found = data.find(self._reader.sync, position + 1)
        return found if found >= 0 else len(data)

    def _deliver(self, frame: Frame) -> list[TimedTag]:
        """Frames before the first known time have none."""
        if self._next_ticks is None:
            self._counters.dropped_units += 1
            return []
        timestamp_ms = float(self._next_ticks / TICKS_PER_MS)
        tags: list[TimedTag] = []
        if frame.format != self._format:
            self._format = frame.format
            tags.append(TimedTag(AudioSequenceHeader(self._track_number, frame.format), timestamp_ms))
        sample_count = frame.format.sample_count(frame.payload)
        tags.append(TimedTag(AudioFrame(self._track_number, sample_count, frame.payload), timestamp_ms))
        self._next_ticks += Fraction(sample_count * _TICKS_PER_SECOND, frame.sample_rate)
        return tags
