"""Measured bit rate of a rendition: the peak and the average so far (RFC 8216bis §4.4.6.2).

The peak is that of contiguous segments which together last about a target duration: where some are short, a single one
says little.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SHORTEST_RUN, LONGEST_RUN = 0.5, 1.5
"""Target durations that segments must last together, to count (§4.4.6.2: "peak segment bit rate")."""


class Measured(NamedTuple):
    """What whole segments have shown."""

    peak_bps: float = 0.0
    size_bytes: int = 0
    seconds: float = 0.0
    """Of media."""


NOTHING = Measured()


class BandwidthMeter:
    """Before the first segment, what was declared."""

    def __init__(self, declared_bps: int, measured: Measured = NOTHING) -> None:
        self.declared_bps = declared_bps
        self.measured = measured

    @property
    def peak_bps(self) -> int:
        return round(self.measured.peak_bps) or self.declared_bps

    @property
    def average_bps(self) -> int:
        _, size_bytes, seconds = self.measured
        return round(size_bytes * 8 / seconds) if seconds else self.declared_bps

    def add(self, newest: Iterable[tuple[int, float]], target_seconds: float) -> None:
        """A whole segment and those before it without a gap between, newest first: bytes and seconds of each."""
        peak_bps, all_bytes, all_seconds = self.measured
        run_bytes, run_seconds = 0, 0.0
        for index, (size_bytes, seconds) in enumerate(newest):
            if index == 0:
                all_bytes, all_seconds = all_bytes + size_bytes, all_seconds + seconds
            run_bytes, run_seconds = run_bytes + size_bytes, run_seconds + seconds
            if run_seconds > LONGEST_RUN * target_seconds:
                break
            if run_seconds >= SHORTEST_RUN * target_seconds:
                peak_bps = max(peak_bps, run_bytes * 8 / run_seconds)
        self.measured = Measured(peak_bps, all_bytes, all_seconds)
