"""The packets that are missing, and when each is asked for (draft-sharabayko-srt §4.8.2).

    noticed ─► (on a line that reorders: a moment's patience) ─► asked for ─► asked for again, at intervals

Both stages are kept in the order in which their packets become due, so that looking costs nothing while none is.
Positions are unwrapped sequence numbers; times are monotonic microseconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from ingest.srt.packets import SequenceRange
from ingest.srt.sequence import SEQUENCE_MASK

MOST_TOLERANCE_PACKETS = 32
"""How many later packets may come before a missing one is asked for, on a line that reorders."""
LONGEST_TOLERANCE_US = 20_000
"""And for how long: with few packets a second their number would cost more time than the latency leaves."""
IN_ORDER_TO_TRUST = 512
"""Packets in order until the tolerance is lowered by one."""


class Losses:
    """One connection's missing packets."""

    def __init__(self) -> None:
        self._fresh: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """Not asked for yet: how many packets had come in order of sequence when it was noticed, and when that was."""
        self._requested_us: OrderedDict[int, int] = OrderedDict()
        """When each was asked for last."""
        self._tolerance = 0
        self._advance_count = 0
        """Packets that were newer than all before them."""
        self._advances_at_reorder = 0

    def __contains__(self, position: int) -> bool:
        return position in self._requested_us or position in self._fresh

    def __len__(self) -> int:
        return len(self._requested_us) + len(self._fresh)

    @property
    def has_fresh(self) -> bool:
        """Some have never been asked for."""
        return bool(self._fresh)

    @property
    def tolerance(self) -> int:
        """Packets that may overtake a missing one before it is asked for."""
        return self._tolerance

    def add(self, positions: Iterable[int], now_us: int) -> None:
        """They are missing, and later than all that were."""
        noticed = (self._advance_count + 1, now_us)  # the packet that revealed them is not a later one
        for position in positions:
            self._fresh[position] = noticed

    def discard(self, position: int) -> None:
        """It came, or will not."""
        if self._requested_us.pop(position, None) is None:
            self._fresh.pop(position, None)

    def note_newest(self) -> None:
        """A packet came that is newer than all before it."""
        self._advance_count += 1
        if self._tolerance and self._advance_count - self._advances_at_reorder >= IN_ORDER_TO_TRUST:
            self._tolerance -= 1
            self._advances_at_reorder = self._advance_count

    def note_reordered(self, distance: int) -> None:
        """A packet came, not sent again, that was overtaken by others: the newest is so much further."""
        self._tolerance = min(max(self._tolerance, distance), MOST_TOLERANCE_PACKETS)
        self._advances_at_reorder = self._advance_count

    def due_requests(self, now_us: int, interval_us: int) -> list[SequenceRange]:
        """The missing packets to ask for now; each is asked for again after ``interval_us``."""
        due = [*self._due_fresh(now_us), *self._due_again(now_us, interval_us)]
        for position in due:
            self._fresh.pop(position, None)
            self._requested_us[position] = now_us
            self._requested_us.move_to_end(position)
        return list(_ranges(sorted(due)))

    def _due_fresh(self, now_us: int) -> Iterator[int]:
        for position, (noticed_at, noticed_us) in self._fresh.items():
            if self._advance_count - noticed_at < self._tolerance and now_us - noticed_us < LONGEST_TOLERANCE_US:
                return
            yield position

    def _due_again(self, now_us: int, interval_us: int) -> Iterator[int]:
        for position, requested_us in self._requested_us.items():
            if now_us - requested_us < interval_us:
                return
            yield position


def _ranges(positions: list[int]) -> Iterator[SequenceRange]:
    """Neighbours together, as sequence numbers."""
    begin = 0
    for index, position in enumerate(positions):
        if index + 1 == len(positions) or positions[index + 1] != position + 1:
            yield SequenceRange(positions[begin] & SEQUENCE_MASK, position & SEQUENCE_MASK)
            begin = index + 1
