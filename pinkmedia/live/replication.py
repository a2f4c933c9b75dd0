"""Where what is published is served: by this process alone, or by others, too (`pinkmedia.origins`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from packager.layout import Layout
from packager.presentation import Presentation
from packager.window import SegmentArchive
from pinkmedia.media import Part, Rendition


class Replication(Protocol):
    """Learns what is live and who may watch it."""

    def open_presentation(
        self,
        stream_name: str,
        epoch: str,
        layout: Layout,
        names: Iterable[str],
        *,
        on_part: Callable[[Rendition, Part], None],
        archive: SegmentArchive | None,
    ) -> Presentation:
        """A new one, which is served wherever it is to be."""

    def forget(self, presentation: Presentation) -> None:
        """It is not served any more."""

    def set_private(self, stream_name: str, *, is_private: bool) -> None:
        """Who may watch the stream from now on; at first everybody."""


class _ServedHere:
    """No other process serves anything."""

    def open_presentation(
        self,
        stream_name: str,
        epoch: str,
        layout: Layout,
        names: Iterable[str],
        *,
        on_part: Callable[[Rendition, Part], None],
        archive: SegmentArchive | None,
    ) -> Presentation:
        return Presentation(epoch, layout, names, on_part=on_part, archive=archive)

    def forget(self, presentation: Presentation) -> None:
        pass

    def set_private(self, stream_name: str, *, is_private: bool) -> None:
        pass


SERVED_HERE = _ServedHere()
