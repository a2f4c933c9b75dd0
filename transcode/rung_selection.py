"""Which rungs are encoded, and from which picture on: told ahead, obeyed in order of presentation."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


class RungSelection:
    """Of rungs that are numbered from 0."""

    def __init__(self, count: int) -> None:
        self.indices = frozenset(range(count))
        """Those that are encoded now; at first all."""
        self._pending: list[tuple[int, int, frozenset[int]]] = []
        self._told_count = 0

    def select_at(self, pts_ticks: int, indices: Iterable[int]) -> None:
        """Only these from the first picture shown at or after this time on. Of two for one time the later holds."""
        self._told_count += 1
        heapq.heappush(self._pending, (pts_ticks, self._told_count, frozenset(indices)))

    def reach(self, pts_ticks: int) -> frozenset[int]:
        """The picture shown at this time comes: what is due holds now. Returns the rungs that end with it."""
        before = self.indices
        while self._pending and self._pending[0][0] <= pts_ticks:
            _, _, self.indices = heapq.heappop(self._pending)
        return before - self.indices
