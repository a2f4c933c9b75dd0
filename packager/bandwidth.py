"""Measured bit rate of a rendition: the peak segment and the average so far (RFC 8216bis §4.4.6.2)."""

from __future__ import annotations

from typing import NamedTuple


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

    def add(self, size_bytes: int, seconds: float) -> None:
        """A whole segment."""
        before = self.measured
        peak_bps = max(before.peak_bps, size_bytes * 8 / seconds)
        self.measured = Measured(peak_bps, before.size_bytes + size_bytes, before.seconds + seconds)
