"""A presentation as it is now, as operations: done on a new one, they make it say the same (`packager.operations`)."""

from __future__ import annotations

from collections.abc import Iterator

from packager import operations
from packager.operations import Operation, SegmentHead
from packager.published import PublishedPresentation
from packager.window import Window


def snapshot(presentation: PublishedPresentation) -> Iterator[Operation]:
    """All of it. Consume it whole before anything happens to the presentation."""
    if presentation.begun_at is not None:
        yield operations.Begun(presentation.epoch_wall_seconds, presentation.begun_at)
    for boundary in presentation.breaks:
        yield operations.Broken(boundary)
    if presentation.date_ranges.count:
        yield operations.DateRangesLoaded(presentation.date_ranges.count, presentation.date_ranges.kept)
    for number, sheet in presentation.strip.sheets:
        yield operations.SheetLoaded(number, sheet)
    for name, jpeg in presentation.strip.versions:
        yield operations.SheetVersionLoaded(name, jpeg)
    for window in presentation.windows:
        yield from _rendition(window)
    if presentation.is_ended:
        yield operations.Ended()


def _rendition(window: Window) -> Iterator[Operation]:
    name = window.rendition.name
    yield operations.RenditionAdded(window.rendition)
    for init in window.inits:
        yield operations.InitAdded(name, init)
    yield from _segments(window)
    yield operations.WindowLoaded(name, window.state)


def _segments(window: Window) -> Iterator[Operation]:
    """Those without parts together with the next one that has some: of hours on disk there are thousands."""
    name = window.rendition.name
    heads: list[SegmentHead] = []
    for segment in window.remembered_segments:
        heads.append(SegmentHead.of(segment))
        if segment.parts:
            yield operations.SegmentsOpened(name, tuple(heads))
            heads.clear()
            for part in segment.parts:
                yield operations.PartPublished(name, part)
    if heads:
        yield operations.SegmentsOpened(name, tuple(heads))
