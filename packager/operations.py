"""What happens to a presentation, as records: done again on another one, in their order, they make it say the same.

Windows change by few methods, which depend on nothing but what they are given; an operation is a call of one of them.
`packager.recorded` tells them as they happen, `packager.snapshot` gives those that lead to a presentation as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from packager.boundaries import Boundary
from packager.date_ranges import DateRange
from packager.published import PublishedPresentation
from packager.segment import Segment
from packager.window import Window, WindowState
from pinkmedia.media import InitSegment, Part, PictureSheet, Rendition, TimedMetadata


class Operation(Protocol):
    """Something that is done to a presentation."""

    def apply(self, presentation: PublishedPresentation) -> None:
        """Does it. Raises KeyError when the presentation has no such rendition."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The first key frame is here."""

    epoch_wall_seconds: float
    begun_at: float
    """Monotonic seconds, which are the same in all processes of a machine."""

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.begin(self.epoch_wall_seconds, self.begun_at)


@dataclass(frozen=True, slots=True)
class Expected:
    """These renditions are planned, and no others any more."""

    names: frozenset[str]

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.expected = self.names
        presentation.notify()


@dataclass(frozen=True, slots=True)
class Broken:
    """The timeline is broken at this boundary."""

    boundary: Boundary

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.boundaries.breaks.append(self.boundary)


@dataclass(frozen=True, slots=True)
class Ended:
    """All playlists end."""

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.is_ended = True
        for window in presentation.windows:
            window.end()
        presentation.notify()


# Metadata


@dataclass(frozen=True, slots=True)
class MetadataAdded:
    """Something belongs to a moment."""

    metadata: TimedMetadata

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.date_ranges.add(self.metadata)


@dataclass(frozen=True, slots=True)
class DateRangesLoaded:
    """What may be listed."""

    count: int
    """Of all that there ever were."""
    kept: tuple[DateRange, ...]

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.date_ranges.load(self.count, self.kept)


# Pictures


@dataclass(frozen=True, slots=True)
class SheetAdded:
    """There is one more small picture."""

    sheet: PictureSheet

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.strip.add(self.sheet)


@dataclass(frozen=True, slots=True)
class SheetLoaded:
    """A sheet that is listed."""

    number: int
    sheet: PictureSheet

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.strip.load_sheet(self.number, self.sheet)


@dataclass(frozen=True, slots=True)
class SheetVersionLoaded:
    """One that players may still ask for."""

    name: str
    jpeg: bytes

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.strip.load_version(self.name, self.jpeg)


# Renditions


@dataclass(frozen=True, slots=True)
class RenditionAdded:
    """There is one more."""

    rendition: Rendition

    def apply(self, presentation: PublishedPresentation) -> None:
        presentation.add_window(Window(self.rendition, presentation.layout, presentation.archive))


@dataclass(frozen=True, slots=True)
class WindowLoaded:
    """Its inits and segments are there, and this is the rest."""

    rendition_name: str
    state: WindowState

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).load(self.state)


@dataclass(frozen=True, slots=True)
class RenditionChanged:
    """What follows belongs to another track."""

    rendition: Rendition

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition.name).change(self.rendition)


@dataclass(frozen=True, slots=True)
class InitAdded:
    """Segments that follow need it."""

    rendition_name: str
    init: InitSegment

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).add_init(self.init)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A rendition is not served for now."""

    rendition_name: str
    is_dormant: bool

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).withdraw(is_dormant=self.is_dormant)
        presentation.notify()


@dataclass(frozen=True, slots=True)
class Restored:
    """It begins anew."""

    rendition_name: str

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).restore()


@dataclass(frozen=True, slots=True)
class DiscontinuitiesCounted:
    """So many were before the first segment that is listed."""

    rendition_name: str
    count: int

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).count_discontinuities(self.count)


# Segments and parts


class SegmentHead(NamedTuple):
    """What is known of a segment before its parts."""

    msn: int
    start_seconds: float
    init_uri: str
    has_discontinuity: bool
    is_gap: bool
    is_complete: bool
    duration_seconds: float
    """Without the parts that are told after it."""
    size_bytes: int
    """Without the parts that are told after it."""
    stored_at: str
    """A file; empty: none."""

    @classmethod
    def of(cls, segment: Segment) -> SegmentHead:
        has_parts = bool(segment.parts)
        return cls(
            segment.msn,
            segment.start_seconds,
            segment.init_uri,
            segment.has_discontinuity,
            segment.is_gap,
            segment.is_complete,
            0.0 if has_parts else segment.duration_seconds,
            0 if has_parts else segment.size_bytes,
            "" if segment.stored_at is None else str(segment.stored_at),
        )

    def segment(self) -> Segment:
        return Segment(
            msn=self.msn,
            start_seconds=self.start_seconds,
            init_uri=self.init_uri,
            has_discontinuity=self.has_discontinuity,
            is_gap=self.is_gap,
            is_complete=self.is_complete,
            duration_seconds=self.duration_seconds,
            size_bytes=self.size_bytes,
            stored_at=Path(self.stored_at) if self.stored_at else None,
        )


@dataclass(frozen=True, slots=True)
class SegmentsOpened:
    """One has begun; or there are so many. What is published next belongs to the last one."""

    rendition_name: str
    heads: tuple[SegmentHead, ...]

    def apply(self, presentation: PublishedPresentation) -> None:
        window = _window(presentation, self.rendition_name)
        for head in self.heads:
            window.open(head.segment())


@dataclass(frozen=True, slots=True)
class PartPublished:
    """There is one more part, of the newest segment."""

    rendition_name: str
    part: Part

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).publish(self.part)


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """The newest segment is complete."""

    rendition_name: str

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).close()


@dataclass(frozen=True, slots=True)
class SegmentStored:
    """A segment's bytes are in a file now."""

    rendition_name: str
    msn: int
    path: Path

    def apply(self, presentation: PublishedPresentation) -> None:
        window = _window(presentation, self.rendition_name)
        if (segment := window.find_segment(self.msn)) is not None:
            window.store(segment, self.path)


@dataclass(frozen=True, slots=True)
class WindowCut:
    """All segments up to this one are forgotten."""

    rendition_name: str
    msn: int

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).cut(self.msn)


@dataclass(frozen=True, slots=True)
class WindowCleared:
    """All segments are forgotten."""

    rendition_name: str

    def apply(self, presentation: PublishedPresentation) -> None:
        _window(presentation, self.rendition_name).clear()


OPERATIONS = (
    *(Begun, Expected, Broken, Ended),
    *(MetadataAdded, DateRangesLoaded),
    *(SheetAdded, SheetLoaded, SheetVersionLoaded),
    *(RenditionAdded, WindowLoaded, RenditionChanged, InitAdded, Withdrawn, Restored, DiscontinuitiesCounted),
    *(SegmentsOpened, PartPublished, SegmentClosed, SegmentStored, WindowCut, WindowCleared),
)
"""All kinds."""


def _window(presentation: PublishedPresentation, rendition_name: str) -> Window:
    window = presentation.find(rendition_name)
    if window is None:
        raise KeyError(rendition_name)
    return window
