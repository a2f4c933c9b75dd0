"""One presentation: the renditions of a live stream that share a timeline, sequence numbers and durations.

Its life is one epoch: every URL below it names one content for ever, so that caches may keep what they are given. What
cannot continue under the same promises (other renditions, longer key frame distance) becomes a new presentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from packager.boundaries import Boundary
from packager.event_message import event_message
from packager.layout import Layout
from packager.published import PublishedPresentation
from packager.rendition import RenditionPackager
from packager.window import SegmentArchive, Window
from pinkmedia.media import Packet, Part, PictureSheet, Rendition, TimedMetadata, VideoTrack


class Presentation(PublishedPresentation):
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
        """As `PublishedPresentation`; ``on_part`` is told of every part published."""
        super().__init__(epoch, layout, expected, archive)
        self.thumbnail: bytes | None = None
        """The newest still picture (JPEG), where there are any; None after the end."""
        self._given_up: set[str] = set()
        self._metadata_count = 0
        self._packagers: dict[str, RenditionPackager] = {}
        self._on_part = on_part

    @property
    def names(self) -> frozenset[str]:
        """Every rendition planned or there, and not given up."""
        return frozenset((self.expected | self._packagers.keys()) - self._given_up)

    def add_rendition(self, rendition: Rendition) -> None:
        """A rendition begins, or goes on with what may be another configuration."""
        packager = self._packagers.get(rendition.name)
        if packager is not None:
            packager.change(rendition)
            return
        packager = RenditionPackager(
            rendition,
            self.layout,
            self.boundaries,
            on_part=self._on_part,
            archive=self.archive,
            new_window=self._new_window,
        )
        self._packagers[rendition.name] = packager
        self.add_window(packager.window)

    def _new_window(self, rendition: Rendition, layout: Layout, archive: SegmentArchive | None) -> Window:
        return Window(rendition, layout, archive)

    def add_boundary(self, pts_ticks: int, *, has_discontinuity: bool = False) -> Boundary:
        return self.boundaries.append(pts_ticks, has_discontinuity=has_discontinuity)

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
        self.notify()

    def give_up(self, rendition_name: str) -> None:
        """This rendition will not come, or not come back: it is not offered any more, the others go on."""
        self.expected -= {rendition_name}
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
        self.notify()
