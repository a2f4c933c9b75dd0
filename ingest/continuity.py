"""One unbroken count of milliseconds from interleaved series of 32-bit timestamps, and where it breaks.

A break (the encoder restarted its clock, or lost seconds) begins a new timeline. Around a break the other tracks'
packets may still come on the old timeline for a moment; they belong to nothing and are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.clocks import serial_difference_ms
from ingest.elementary import TrackKey

MAX_FORWARD_GAP_MS = 2_000
"""A longer gap in all tracks is a break; a shorter one is a stutter that players bridge."""
MAX_BACKWARD_MS = 500
"""Within one track decode times only grow; going back further than sloppy interleaving does is a new clock."""
MAX_LEFT_OVER_MS = 1_000
"""How long after a break another track may stay on the old timeline: the deepest interleaving of encoders."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a packet lies."""

    time_ms: int
    """On the current timeline; unbounded, and may be negative."""
    is_break: bool
    """A new timeline begins with this packet."""


class Continuity:
    """Places each packet's timestamp."""

    def __init__(self) -> None:
        self._latest_ms: int | None = None
        self._last_ms: dict[TrackKey, int] = {}
        self._broken_at_ms = 0
        self._left_over_ms: dict[TrackKey, int] = {}
        """Where the tracks were before the break that have not followed it."""

    def locate(self, timestamp_ms: int) -> int | None:
        """Where a timestamp lies on the current timeline; None before the first packet."""
        if self._latest_ms is None:
            return None
        return self._latest_ms + serial_difference_ms(timestamp_ms, self._latest_ms)

    def place(self, key: TrackKey, timestamp_ms: int) -> Placement | None:
        """None for a packet left over from before a break."""
        latest_ms = timestamp_ms if self._latest_ms is None else self._latest_ms
        time_ms = latest_ms + serial_difference_ms(timestamp_ms, latest_ms)
        if self._is_left_over(key, time_ms, latest_ms):
            return None
        is_break = self._is_break(self._last_ms.get(key), time_ms, latest_ms)
        if is_break:
            self._left_over_ms = {other: last_ms for other, last_ms in self._last_ms.items() if other != key}
            self._last_ms = {}
            self._broken_at_ms = latest_ms = time_ms
        self._last_ms[key] = time_ms
        self._latest_ms = max(latest_ms, time_ms)
        return Placement(time_ms, is_break)

    def _is_break(self, last_ms: int | None, time_ms: int, latest_ms: int) -> bool:
        """Silence of one track is no break as long as another goes on."""
        if last_ms is None or time_ms > last_ms + MAX_FORWARD_GAP_MS:
            return time_ms > latest_ms + MAX_FORWARD_GAP_MS
        return time_ms < last_ms - MAX_BACKWARD_MS

    def _is_left_over(self, key: TrackKey, time_ms: int, latest_ms: int) -> bool:
        old_ms = self._left_over_ms.get(key)
        if old_ms is None:
            return False
        is_nearer_old = abs(time_ms - old_ms) < abs(time_ms - latest_ms)
        if is_nearer_old and latest_ms - self._broken_at_ms < MAX_LEFT_OVER_MS:
            return True
        del self._left_over_ms[key]
        return False
