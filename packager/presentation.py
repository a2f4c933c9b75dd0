"""One presentation: the renditions of a live stream that share a timeline, sequence numbers and durations.

Its life is one epoch: every URL below it names one content for ever, so that caches may keep what they are given. What
cannot continue under the same promises (other renditions, longer key frame distance) becomes a new presentation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from packager.boundaries import Boundaries, Boundary
from packager.date_ranges import DateRanges
from packager.event_message import event_message
from packager.layout import Layout
from packager.rendition import RenditionPackager
from packager.strip import Strip
from packager.window import SegmentArchive, Window
from pinkmedia.media import Packet, Part, PictureSheet, Rendition, TimedMetadata, VideoTrack


class Presentation:
    """Takes packets on the presentation's timeline; holds what players ask for."""

    def __init__(
        self,
        epoch: str,
        layout: Layout,
        expected: Iterable[str],
        *,
        on_part: Callable[[Rendition, Part], None],
        archive: SegmentArchive | None = None,
    ) -> None:
        """``expected`` names the renditions that are planned; ``on_part`` is told of every part published; the
        ``archive`` takes what memory need not hold."""
        self.epoch = epoch
        self.layout = layout
        self.epoch_wall_seconds = 0.0
        """Wall clock (Unix seconds) of presentation time 0, once it has begun."""
        self.has_begun = False
        self.begun_at: float | None = None
        """Monotonic seconds."""
        self.is_ended = False
        self.thumbnail: bytes | None = None
        """The newest still picture (JPEG), where there are any; None after the end."""
        self.strip = Strip(layout.memory_seconds if archive is None else layout.window_seconds)
        self.observers: list[Callable[[], None]] = []
        """Called when a rendition is added or withdrawn, and at the end."""
        self.on_asked: Callable[[], None] = _ignore
        """Told of a player that asks for a dormant rendition."""
        self._expected = set(expected)
        self._given_up: set[str] = set()
        self._boundaries = Boundaries()
        self.date_ranges = DateRanges()
        self._metadata_count = 0
        self._packagers: dict[str, RenditionPackager] = {}
        self._on_part = on_part
        self._archive = archive

    @property
    def windows(self) -> list[Window]:
        return [packager.window for packager in self._packagers.values()]

    @property
    def breaks(self) -> list[Boundary]:
        """Where the timeline has been broken."""
        return list(self._boundaries.breaks)

    @property
    def names(self) -> frozenset[str]:
        """Every rendition planned or there, and not given up."""
        return frozenset((self._expected | self._packagers.keys()) - self._given_up)

    @property
    def end_seconds(self) -> float:
        """Presentation time up to which media is published."""
        return max((window.end_seconds for window in self.windows), default=0.0)

    @property
    def is_ready(self) -> bool:
        """Every planned rendition has something to play, or is withdrawn."""
        windows = [self.find(name) for name in self._expected]
        return all(window is not None and (window.is_playable or window.is_withdrawn) for window in windows)

    def begin(self, epoch_wall_seconds: float) -> None:
        """The first key frame is here: ``epoch_wall_seconds`` is the wall clock of presentation time 0."""
        self.epoch_wall_seconds = epoch_wall_seconds
        self.begun_at = time.monotonic()
        self.has_begun = True

    def find(self, rendition_name: str) -> Window | None:
        packager = self._packagers.get(rendition_name)
        return packager.window if packager else None

    def others(self, window: Window) -> list[Window]:
        return [other for other in self.windows if other is not window and not other.is_withdrawn]

    def add_rendition(self, rendition: Rendition) -> None:
        """A rendition begins, or goes on with what may be another configuration."""
        packager = self._packagers.get(rendition.name)
        if packager is not None:
            packager.change(rendition)
            return
        packager = RenditionPackager(
            rendition, self.layout, self._boundaries, on_part=self._on_part, archive=self._archive
        )
        packager.window.on_asked = lambda: self.on_asked()
        self._packagers[rendition.name] = packager
        self._changed()

    def was_asked_for(self, rendition_name: str, since: float) -> bool:
        """Whether a player has asked for its playlist since then (monotonic seconds)."""
        window = self.find(rendition_name)
        return window is not None and window.asked_at is not None and window.asked_at >= since

    def add_boundary(self, pts_ticks: int, *, has_discontinuity: bool = False) -> Boundary:
        return self._boundaries.append(pts_ticks, has_discontinuity=has_discontinuity)

    def skip_to(self, rendition_name: str, msn: int, *, is_lost: bool = False) -> None:
        """See `RenditionPackager.skip_to`. A rendition that has never come has nothing to skip."""
        if (packager := self._packagers.get(rendition_name)) is not None:
            packager.skip_to(msn, is_lost=is_lost)

    def write(self, rendition_name: str, packet: Packet) -> None:
        """What still comes for a rendition that was given up goes nowhere."""
        if rendition_name not in self._given_up:
            self._packagers[rendition_name].write(packet)

    def write_metadata(self, metadata: TimedMetadata) -> None:
        """Players that read one rendition must find it there: so it goes into all that lead, video if there is any.

        Playlists list it from their next part on.
        """
        self.date_ranges.add(metadata)
        self._metadata_count += 1
        message = event_message(metadata, number=self._metadata_count)
        packagers = list(self._packagers.values())
        leading = [each for each in packagers if isinstance(each.window.rendition.track, VideoTrack)] or packagers
        for packager in leading:
            packager.add_message(message)

    def show(self, thumbnail: bytes, sheet: PictureSheet) -> None:
        """What the stream looks like now, and what it has looked like."""
        self.thumbnail = thumbnail
        self.strip.add(sheet)

    def flush(self) -> None:
        """The source has stopped, perhaps for good: what is held back is published."""
        for packager in self._packagers.values():
            packager.flush()

    def withdraw(self, rendition_name: str, *, is_dormant: bool = False) -> None:
        """Nothing comes for this rendition for now; it is served again when something does. The others go on.

        One that is ``is_dormant`` is still offered to players.
        """
        if (packager := self._packagers.get(rendition_name)) is not None:
            packager.withdraw(is_dormant=is_dormant)
        self._changed()

    def give_up(self, rendition_name: str) -> None:
        """This rendition will not come, or not come back: it is not offered any more, the others go on."""
        self._expected.discard(rendition_name)
        self._given_up.add(rendition_name)
        self.withdraw(rendition_name)

    def end(self) -> None:
        """All playlists end. Calling it again does nothing."""
        if self.is_ended:
            return
        self.is_ended = True
        self.thumbnail = None
        for packager in self._packagers.values():
            packager.end()
        self._changed()

    def _changed(self) -> None:
        for observer in self.observers:
            observer()


def _ignore() -> None:
    """Nobody is told."""
