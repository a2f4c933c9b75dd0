"""What one rendition has published: init segments, segments, parts, and the edge where the next part will be.

Everything published is immutable. Parts are stored once; a segment's bytes are its parts' bytes in order
(RFC 8216bis §4.4.4.9: the parts hold exactly the samples of their parent).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Protocol

from packager.bandwidth import BandwidthMeter, Measured
from packager.layout import Layout
from packager.segment import Segment
from pinkmedia.media import InitSegment, Part, Rendition

LINGERING_SEGMENTS = 3
"""Segments no longer listed that still answer, for players that read the playlist a moment ago."""
FEWEST_LISTED_SEGMENTS = 6
"""Apple's authoring rules want six; RFC 8216bis §6.2.2 demands three target durations."""


class WindowState(NamedTuple):
    """What a window has beside its segments: with them, another one can be made that says the same."""

    lingering_count: int
    """How many of the segments, the oldest, are not listed any more."""
    newest_init_uri: str
    discontinuity_sequence: int
    listed_seconds: float
    held_count: int
    held_seconds: float
    declared_bps: int
    peak_bps: float
    measured_bytes: int
    measured_seconds: float
    is_withdrawn: bool
    is_dormant: bool
    is_ended: bool


class SegmentArchive(Protocol):
    """Takes what memory does not hold any more. No call waits."""

    def keep(self, window: Window, segment: Segment) -> None:
        """A segment is to be stored (`Window.store`); or, if that cannot be, the window to be cut behind it."""

    def forget(self, segment: Segment) -> None:
        """A segment is not served any more; it may be stored, or not yet."""


class Window:
    """The published state of one rendition. Observers are called after every change, when it is already readable."""

    def __init__(self, rendition: Rendition, layout: Layout, archive: SegmentArchive | None = None) -> None:
        """Without an archive only what memory holds is listed."""
        self.rendition = rendition
        self.layout = layout
        self.segments: deque[Segment] = deque()
        """Listed segments, oldest first; the last one may still be open."""
        self.is_ended = False
        self.is_withdrawn = False
        """Not served now; players on it change to another rendition."""
        self.is_dormant = False
        """Withdrawn for want of players: it is offered all the same, and begins again when it is asked for."""
        self.asked_at: float | None = None
        """Monotonic seconds when a player last asked for its playlist."""
        self.on_asked: Callable[[], None] | None = None
        """Told of a player that asks while it is dormant."""
        self.version = 0
        """Counts changes: what was rendered for one version stays true for it."""
        self.discontinuity_sequence = 0
        """Discontinuities that have left the list (EXT-X-DISCONTINUITY-SEQUENCE)."""
        self.bandwidth = BandwidthMeter(rendition.bit_rate_bps)
        self.observers: list[Callable[[], None]] = []
        self._archive = archive
        self._lingering: deque[Segment] = deque()
        self._listed_seconds = 0.0
        """Of complete segments."""
        self._held_count = 0
        """How many of these, the newest, memory holds."""
        self._held_seconds = 0.0
        self._inits: dict[str, InitSegment] = {}
        self._newest_init_uri = ""

    @property
    def open_segment(self) -> Segment | None:
        return self.segments[-1] if self.segments and not self.segments[-1].is_complete else None

    @property
    def is_playable(self) -> bool:
        return not self.is_withdrawn and any(segment.parts for segment in reversed(self.segments))

    @property
    def has_segment(self) -> bool:
        """A whole one is listed, that is: more than parts."""
        return any(segment.is_complete and not segment.is_gap for segment in self.segments)

    @property
    def is_offered(self) -> bool:
        """Players may choose it."""
        return self.is_playable or (self.is_dormant and not self.is_ended)

    @property
    def end_seconds(self) -> float:
        """Presentation time up to which media is published."""
        last = self.segments[-1] if self.segments else None
        return last.start_seconds + last.duration_seconds if last else 0.0

    @property
    def edge(self) -> tuple[int, int]:
        """Media sequence number and index of the part that comes next."""
        if not self.segments:
            return 0, 0
        last = self.segments[-1]
        return (last.msn + 1, 0) if last.is_complete else (last.msn, len(last.parts))

    @property
    def hinted(self) -> tuple[int, int]:
        """The part to announce in EXT-X-PRELOAD-HINT.

        At the end of what looks like a whole segment (as long as the one before it) that is the next segment's first
        part: the segment itself is only known to be complete when the next key frame is here.
        """
        msn, index = self.edge
        if index and len(self.segments) > 1:
            last, before = self.segments[-1], self.segments[-2]
            shortest_part_seconds = last.parts[-1].duration_seconds / 2
            difference_seconds = abs(last.duration_seconds - before.duration_seconds)
            if not before.is_gap and difference_seconds < shortest_part_seconds:
                return msn + 1, 0
        return msn, index

    def has_reached(self, msn: int, part: int | None) -> bool:
        """Whether this part, or this whole segment (``part`` None), or anything later, is published (§6.2.5.2).

        A part beyond the last one of a complete segment stands for the first part of the next segment.
        """
        if self.is_ended or self.is_withdrawn:
            return True
        if part is None:
            return self.edge[0] > msn
        segment = self.find_segment(msn)
        if segment is not None and segment.is_complete and part >= len(segment.parts):
            return self.edge > (msn + 1, 0)
        return self.edge > (msn, part)

    def find_init(self, uri: str) -> InitSegment | None:
        return self._inits.get(uri)

    def find_segment(self, msn: int) -> Segment | None:
        """A segment that is listed or was until a moment ago."""
        if self.segments and msn >= self.segments[0].msn:
            index = msn - self.segments[0].msn
            return self.segments[index] if index < len(self.segments) else None
        return next((segment for segment in self._lingering if segment.msn == msn), None)

    def find_part(self, msn: int, index: int) -> Part | None:
        segment = self.find_segment(msn)
        return segment.parts[index] if segment and index < len(segment.parts) else None

    def ask(self, now: float) -> None:
        """A player wants its playlist. ``now`` is monotonic seconds."""
        self.asked_at = now
        if self.is_dormant and self.on_asked is not None:
            self.on_asked()

    # What only the packager calls, and whoever does the same again (`packager.operations`):

    def change(self, rendition: Rendition) -> None:
        """What follows belongs to this track."""
        self.rendition = rendition

    def count_discontinuities(self, count: int) -> None:
        """So many were before the first segment that is listed."""
        self.discontinuity_sequence = count

    def store(self, segment: Segment, path: Path) -> None:
        """The segment's bytes are in this file from now on; its parts are gone."""
        segment.stored_at = path
        segment.parts = []

    def add_init(self, init: InitSegment) -> None:
        self._inits[init.uri] = init
        self._newest_init_uri = init.uri

    def open(self, segment: Segment) -> None:
        """Begins a segment; it becomes visible with its first part."""
        self.segments.append(segment)

    def publish(self, part: Part) -> None:
        self.segments[-1].add(part)
        self._changed()

    def close(self) -> None:
        """Completes the open segment, which has at least one part or is a gap, and lets the oldest go."""
        segment = self.segments[-1]
        segment.is_complete = True
        self._held_count += 1
        self._held_seconds += segment.duration_seconds
        self._listed_seconds += segment.duration_seconds
        if not segment.is_gap:
            unbroken = takewhile(lambda each: not each.is_gap, reversed(self.segments))
            sizes = ((each.size_bytes, each.duration_seconds) for each in unbroken)
            self.bandwidth.add(sizes, self.layout.target_duration_seconds)
        self._store_old()
        self._trim()
        self._changed()

    def cut(self, msn: int) -> None:
        """Forgets all segments up to this one: what is listed has no holes."""
        while self.segments and self.segments[0].is_complete and self.segments[0].msn <= msn:
            self._forget_oldest()
        self._changed()

    def clear(self) -> None:
        """Forgets all segments: what follows has nothing to do with them any more."""
        if self._archive is not None:
            for segment in (*self._lingering, *self.segments):
                self._archive.forget(segment)
        self.segments.clear()
        self._lingering.clear()
        self._held_count, self._held_seconds, self._listed_seconds = 0, 0.0, 0.0
        self._changed()

    def withdraw(self, *, is_dormant: bool = False) -> None:
        """What players have fetched the names of can still be fetched."""
        self.is_withdrawn, self.is_dormant = True, is_dormant
        self._changed()

    def restore(self) -> None:
        """It begins anew."""
        self.is_withdrawn = self.is_dormant = False
        self.clear()

    def end(self) -> None:
        self.is_ended = True
        self._changed()

    # For a second window that says the same:

    @property
    def inits(self) -> list[InitSegment]:
        """Those that segments need."""
        return list(self._inits.values())

    @property
    def remembered_segments(self) -> list[Segment]:
        """All that answer, oldest first."""
        return [*self._lingering, *self.segments]

    @property
    def state(self) -> WindowState:
        """With the init and remembered segments it is all there is."""
        return WindowState(
            len(self._lingering),
            self._newest_init_uri,
            self.discontinuity_sequence,
            self._listed_seconds,
            self._held_count,
            self._held_seconds,
            self.bandwidth.declared_bps,
            *self.bandwidth.measured,
            self.is_withdrawn,
            self.is_dormant,
            self.is_ended,
        )

    def load(self, state: WindowState) -> None:
        """When the init and remembered segments have been added and opened."""
        self._lingering.extend(self.segments.popleft() for _ in range(state.lingering_count))
        self._newest_init_uri = state.newest_init_uri
        self.discontinuity_sequence = state.discontinuity_sequence
        self._listed_seconds = state.listed_seconds
        self._held_count, self._held_seconds = state.held_count, state.held_seconds
        measured = Measured(state.peak_bps, state.measured_bytes, state.measured_seconds)
        self.bandwidth = BandwidthMeter(state.declared_bps, measured)
        self.is_withdrawn, self.is_dormant, self.is_ended = state.is_withdrawn, state.is_dormant, state.is_ended
        self._changed()

    def _store_old(self) -> None:
        """Hands to the archive what memory need not hold."""
        while self._archive is not None and self._held_count > FEWEST_LISTED_SEGMENTS:
            oldest = self.segments[-self._held_count]
            if self._held_seconds - oldest.duration_seconds < self.layout.memory_seconds:
                return
            self._held_count -= 1
            self._held_seconds -= oldest.duration_seconds
            self._archive.keep(self, oldest)

    def _trim(self) -> None:
        window_seconds = self.layout.memory_seconds if self._archive is None else self.layout.window_seconds
        while len(self.segments) > FEWEST_LISTED_SEGMENTS:
            if self._listed_seconds - self.segments[0].duration_seconds < window_seconds:
                return
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self.segments.popleft()
        self.discontinuity_sequence += oldest.has_discontinuity
        self._listed_seconds -= oldest.duration_seconds
        if self._held_count > len(self.segments) - (self.open_segment is not None):  # it was one of these
            self._held_count -= 1
            self._held_seconds -= oldest.duration_seconds
        self._lingering.append(oldest)
        if len(self._lingering) > LINGERING_SEGMENTS:
            gone = self._lingering.popleft()
            if self._archive is not None:
                self._archive.forget(gone)
        self._forget_unused_inits()

    def _forget_unused_inits(self) -> None:
        used = {segment.init_uri for segment in (*self._lingering, *self.segments)} | {self._newest_init_uri}
        self._inits = {uri: init for uri, init in self._inits.items() if uri in used}

    def _changed(self) -> None:
        self.version += 1
        for observer in self.observers:
            observer()
