"""How fast packets arrive (draft-sharabayko-srt §3.2.4, §4.8): for the sender's information, and the operator's."""

from __future__ import annotations

from collections import deque
from statistics import median

RATE_WINDOW_US = 1_000_000
"""Rates are those of the last whole second."""
PROBE_PERIOD = 16
"""The packet after each sixteenth is sent right behind it: their distance on arrival tells the line's capacity."""
PROBES_KEPT = 16


class ArrivalRates:
    """Counts arrivals. Times are monotonic microseconds."""

    def __init__(self, now_us: int) -> None:
        self.packets_per_second = 0
        self.bytes_per_second = 0
        self._window_began_us = now_us
        self._packet_count = 0
        self._byte_count = 0
        self._probe_sequence = -1
        self._probe_us = 0
        self._probe_distances_us: deque[int] = deque(maxlen=PROBES_KEPT)

    @property
    def capacity_packets_per_second(self) -> int:
        """0 while it is not known."""
        return round(1_000_000 / median(self._probe_distances_us)) if self._probe_distances_us else 0

    def note(self, sequence: int, byte_count: int, now_us: int) -> None:
        """A packet came."""
        self._packet_count += 1
        self._byte_count += byte_count
        if sequence % PROBE_PERIOD == 0:
            self._probe_sequence, self._probe_us = sequence, now_us
        elif sequence == self._probe_sequence + 1:
            self._probe_distances_us.append(max(1, now_us - self._probe_us))
            self._probe_sequence = -1

    def tick(self, now_us: int) -> None:
        """Also while nothing comes."""
        elapsed_us = now_us - self._window_began_us
        if elapsed_us >= RATE_WINDOW_US:
            self.packets_per_second = self._packet_count * 1_000_000 // elapsed_us
            self.bytes_per_second = self._byte_count * 1_000_000 // elapsed_us
            self._window_began_us, self._packet_count, self._byte_count = now_us, 0, 0
