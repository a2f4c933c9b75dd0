"""A presentation that tells what happens to it (`packager.operations`), for others that are to say the same.

Strategy: each change is told before it is made. What a change brings about by itself is told behind it, and done twice
elsewhere: it is such that the second time changes nothing. A presentation that nobody repeats is a plain one, and pays
nothing for this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from packager import operations
from packager.boundaries import Boundary
from packager.layout import Layout
from packager.operations import Operation
from packager.presentation import Presentation
from packager.segment import Segment
from packager.window import SegmentArchive, Window
from pinkmedia.media import InitSegment, Part, PictureSheet, Rendition, TimedMetadata

Record = Callable[[Operation], None]
"""Takes what happens."""


class RecordedPresentation(Presentation):
    """Tells what happens to it, from its beginning on."""

    def __init__(
        self,
        epoch: str,
        layout: Layout,
        expected: Iterable[str],
        *,
        on_part: Callable[[Rendition, Part], None],
        record: Record,
        archive: SegmentArchive | None = None,
    ) -> None:
        super().__init__(epoch, layout, expected, on_part=on_part, archive=archive)
        self._record = record

    def _new_window(self, rendition: Rendition, layout: Layout, archive: SegmentArchive | None) -> Window:
        self._record(operations.RenditionAdded(rendition))
        return RecordedWindow(rendition, layout, archive, self._record)

    def begin(self, epoch_wall_seconds: float, begun_at: float | None = None) -> None:
        super().begin(epoch_wall_seconds, begun_at)
        if self.begun_at is not None:
            self._record(operations.Begun(epoch_wall_seconds, self.begun_at))

    def add_boundary(self, pts_ticks: int, *, has_discontinuity: bool = False) -> Boundary:
        boundary = super().add_boundary(pts_ticks, has_discontinuity=has_discontinuity)
        if has_discontinuity:
            self._record(operations.Broken(boundary))
        return boundary

    def write_metadata(self, metadata: TimedMetadata) -> None:
        self._record(operations.MetadataAdded(metadata))
        super().write_metadata(metadata)

    def show(self, thumbnail: bytes, sheet: PictureSheet) -> None:
        self._record(operations.SheetAdded(sheet))
        super().show(thumbnail, sheet)

    def give_up(self, rendition_name: str) -> None:
        super().give_up(rendition_name)
        self._record(operations.Expected(self.expected))

    def end(self) -> None:
        if not self.is_ended:
            super().end()
            self._record(operations.Ended())  # behind the last segment of each rendition


class RecordedWindow(Window):
    """Tells what the packager and the archive do with it."""

    def __init__(self, rendition: Rendition, layout: Layout, archive: SegmentArchive | None, record: Record) -> None:
        super().__init__(rendition, layout, archive)
        self._record = record

    @property
    def _name(self) -> str:
        return self.rendition.name

    def change(self, rendition: Rendition) -> None:
        self._record(operations.RenditionChanged(rendition))
        super().change(rendition)

    def count_discontinuities(self, count: int) -> None:
        self._record(operations.DiscontinuitiesCounted(self._name, count))
        super().count_discontinuities(count)

    def store(self, segment: Segment, path: Path) -> None:
        self._record(operations.SegmentStored(self._name, segment.msn, path))
        super().store(segment, path)

    def add_init(self, init: InitSegment) -> None:
        self._record(operations.InitAdded(self._name, init))
        super().add_init(init)

    def open(self, segment: Segment) -> None:
        self._record(operations.SegmentsOpened(self._name, (operations.SegmentHead.of(segment),)))
        super().open(segment)

    def publish(self, part: Part) -> None:
        self._record(operations.PartPublished(self._name, part))
        super().publish(part)

    def close(self) -> None:
        self._record(operations.SegmentClosed(self._name))
        super().close()

    def cut(self, msn: int) -> None:
        self._record(operations.WindowCut(self._name, msn))
        super().cut(msn)

    def clear(self) -> None:
        self._record(operations.WindowCleared(self._name))
        super().clear()

    def withdraw(self, *, is_dormant: bool = False) -> None:
        self._record(operations.Withdrawn(self._name, is_dormant))
        super().withdraw(is_dormant=is_dormant)

    def restore(self) -> None:
        self._record(operations.Restored(self._name))
        super().restore()
