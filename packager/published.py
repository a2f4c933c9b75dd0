"""A presentation as players see it: its renditions' windows, and what holds for all of them.

The node's own (`packager.presentation`) is fed with packets; one in another process (`packager.replica`) does what that
one has done. What serves media knows no difference.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from packager.boundaries import Boundaries, Boundary
from packager.date_ranges import DateRanges
from packager.layout import Layout
from packager.strip import Strip
from packager.window import SegmentArchive, Window


class PublishedPresentation:
    """Holds what players ask for."""

    def __init__(
        self, epoch: str, layout: Layout, expected: Iterable[str], archive: SegmentArchive | None = None
    ) -> None:
        """``expected`` names the renditions that are planned; the ``archive`` takes what memory need not hold."""
        self.epoch = epoch
        self.layout = layout
        self.archive = archive
        self.epoch_wall_seconds = 0.0
        """Wall clock (Unix seconds) of presentation time 0, once it has begun."""
        self.begun_at: float | None = None
        """Monotonic seconds."""
        self.is_ended = False
        self.strip = Strip(layout.memory_seconds if archive is None else layout.window_seconds)
        self.observers: list[Callable[[], None]] = []
        """Called when a rendition is added or withdrawn, and at the end."""
        self.on_asked: Callable[[], None] = _ignore
        """Told of a player that asks for a dormant rendition."""
        self.expected = frozenset(expected)
        self.boundaries = Boundaries()
        self.date_ranges = DateRanges()
        self._windows: dict[str, Window] = {}

    @property
    def has_begun(self) -> bool:
        return self.begun_at is not None

    @property
    def windows(self) -> list[Window]:
        return list(self._windows.values())

    @property
    def breaks(self) -> list[Boundary]:
        """Where the timeline has been broken."""
        return list(self.boundaries.breaks)

    @property
    def end_seconds(self) -> float:
        """Presentation time up to which media is published."""
        return max((window.end_seconds for window in self.windows), default=0.0)

    @property
    def is_ready(self) -> bool:
        """Every planned rendition has something to play, or is withdrawn."""
        windows = [self.find(name) for name in self.expected]
        return all(window is not None and (window.is_playable or window.is_withdrawn) for window in windows)

    def find(self, rendition_name: str) -> Window | None:
        return self._windows.get(rendition_name)

    def others(self, window: Window) -> list[Window]:
        return [other for other in self.windows if other is not window and not other.is_withdrawn]

    def was_asked_for(self, rendition_name: str, since: float) -> bool:
        """Whether a player has asked for its playlist since then (monotonic seconds)."""
        window = self.find(rendition_name)
        return window is not None and window.asked_at is not None and window.asked_at >= since

    # What changes it

    def begin(self, epoch_wall_seconds: float, begun_at: float | None = None) -> None:
        """The first key frame is here: ``epoch_wall_seconds`` is the wall clock of presentation time 0."""
        self.epoch_wall_seconds = epoch_wall_seconds
        self.begun_at = time.monotonic() if begun_at is None else begun_at

    def add_window(self, window: Window) -> None:
        """A rendition begins."""
        window.on_asked = lambda: self.on_asked()
        self._windows[window.rendition.name] = window
        self.notify()

    def notify(self) -> None:
        """The observers are to look again."""
        for observer in self.observers:
            observer()


def _ignore() -> None:
    """Nobody is told."""
