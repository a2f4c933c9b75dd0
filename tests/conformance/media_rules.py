"""Rules between what a playlist says and what its media is (RFC 8216bis §3, §4.4.4; ISO/IEC 23000-19)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.packager.fragments import Fragment, boxes, parse_fragment
from tests.playlist_reader import ListedPart, ListedSegment

PRINTED_SECONDS = 0.00002
"""Durations are printed with five digits."""
DATE_SECONDS = 0.002
"""Dates are printed with three, cut off."""
NON_SYNC = 0x00010000
"""The bit of a sample's flags."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an init segment says."""

    timescale: int
    codec: str
    """As CODECS has it, as far as it can be read here."""


def read_header(data: bytes) -> Header:
    moov = boxes(boxes(data)[b"moov"])
    mdia = boxes(boxes(moov[b"trak"])[b"mdia"])
    (timescale,) = struct.unpack_from(">I", mdia[b"mdhd"], 12)
    stsd = boxes(boxes(mdia[b"minf"])[b"stbl"])[b"stsd"]
    ((kind, entry),) = boxes(stsd[8:]).items()
    if kind == b"avc1":
        configuration = boxes(entry[78:])[b"avcC"]
        return Header(timescale, f"avc1.{configuration[1:4].hex()}")
    return Header(timescale, {b"mp4a": "mp4a.40.2"}.get(kind, kind.decode()))


@dataclass(slots=True)
class MediaWatch:
    """Follows one rendition's parts in their order."""

    header: Header | None = None
    first_times: dict[int, float] = field(default_factory=dict)
    """Presentation seconds of each segment's first sample, by sequence number."""
    _next_ticks: int | None = None
    _sequence_number: int = -1
    _durations_ticks: dict[int, int] = field(default_factory=dict)
    """Of the parts seen of each segment."""

    def observe_part(self, segment: ListedSegment, part: ListedPart, index: int, data: bytes) -> Iterator[str]:
        """A part as it was fetched: the next one behind the last, unless its segment says otherwise."""
        assert self.header is not None
        fragment = parse_fragment(data)
        is_break = index == 0 and segment.has_discontinuity
        yield from self._order_faults(fragment, is_break=is_break)
        seconds = sum(fragment.durations_ticks) / self.header.timescale
        if abs(seconds - part.seconds) > PRINTED_SECONDS:
            yield "4.4.4.9: a part lasts longer or shorter than it says"
        is_sync = [not flags & NON_SYNC for flags in fragment.flags]
        if any(is_sync) != part.is_independent:
            yield "4.4.4.9: INDEPENDENT is said of a part that is not, or not of one that is"
        if index == 0:
            self.first_times[segment.msn] = fragment.presentation_times_ticks[0] / self.header.timescale
            if not is_sync[0]:
                yield "B.1: a segment does not begin with a picture that can be decoded by itself"
        self._durations_ticks[segment.msn] = self._durations_ticks.get(segment.msn, 0) + sum(fragment.durations_ticks)
        self._next_ticks = fragment.decode_time_ticks + sum(fragment.durations_ticks)

    def lose_track(self) -> None:
        """What comes next has nothing to do with what was before."""
        self._next_ticks = None

    def segment_faults(self, segment: ListedSegment) -> Iterator[str]:
        """Of a whole segment, all parts of which were observed."""
        assert self.header is not None
        assert segment.seconds is not None
        seconds = self._durations_ticks[segment.msn] / self.header.timescale
        if abs(seconds - segment.seconds) > PRINTED_SECONDS:
            yield "4.4.4.1: EXTINF is not what the segment's samples last"

    def _order_faults(self, fragment: Fragment, *, is_break: bool) -> Iterator[str]:
        if self._next_ticks is not None and not is_break and fragment.decode_time_ticks != self._next_ticks:
            yield "CMAF 7.3: a part does not begin where the one before has ended"
        if fragment.sequence_number <= self._sequence_number:
            yield "14496-12 8.8.5: fragments' sequence numbers do not rise"
        self._sequence_number = fragment.sequence_number


class Timeline:
    """Dates against media times of all renditions: between two discontinuities they never shift (§4.4.4.6)."""

    def __init__(self) -> None:
        self._offsets: dict[int, float] = {}

    def observe(self, segment: ListedSegment, first_seconds: float) -> Iterator[str]:
        if segment.date is None:
            return
        offset = segment.date - first_seconds
        known = self._offsets.setdefault(segment.discontinuity_number, offset)
        if abs(offset - known) > DATE_SECONDS:
            yield "6.2.4: dates and media times shift against each other"
