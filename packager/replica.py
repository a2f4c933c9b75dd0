"""A presentation in another process than that which makes it: what happens there is done again here.

It never stores anything: its segments are in the files that the other one's archive has written, as it is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from packager.layout import Layout
from packager.published import PublishedPresentation
from packager.segment import Segment
from packager.window import Window


class _KeptElsewhere:
    """Stands for the other one's archive: what that does comes as operations."""

    def keep(self, window: Window, segment: Segment) -> None:
        pass

    def forget(self, segment: Segment) -> None:
        pass


KEPT_ELSEWHERE = _KeptElsewhere()


def replica(epoch: str, layout: Layout, expected: Iterable[str], *, is_archived: bool) -> PublishedPresentation:
    """A new one, to which operations may be applied."""
    return PublishedPresentation(epoch, layout, expected, KEPT_ELSEWHERE if is_archived else None)
