"""Which of the source's pictures a rung gets, when its frame rate is lower.

Strategy: by time, not by counting, so that a source which pauses or stutters stays smooth and never exceeds the rung's
rate for long. A slot opens every frame duration of the rung; the picture nearest to it is taken. At a steady n-fold
rate that is every n-th, however the times were rounded. Pictures keep their own times.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from pinkmedia.media import VIDEO_TIMESCALE


class FramePacer:
    """Of one rung."""

    def __init__(self, source_rate: Fraction, rung_rate: Fraction) -> None:
        """Rates are in frames per second."""
        interval_ticks = VIDEO_TIMESCALE / rung_rate
        early_ticks = VIDEO_TIMESCALE / max(source_rate, rung_rate) / 2
        self._units_per_tick = lcm(interval_ticks.denominator, early_ticks.denominator)
        """Whole numbers are exact, as fractions are, and cost a tenth."""
        self._interval = int(interval_ticks * self._units_per_tick)
        self._early = int(early_ticks * self._units_per_tick)
        self._slot: int | None = None

    def takes(self, pts_ticks: int, *, is_idr: bool) -> bool:
        """Whether the rung gets the picture of this time, later than all before it.

        An IDR picture is always taken, because all rungs have the same ones; the slots begin anew there.
        """
        shown = pts_ticks * self._units_per_tick
        if self._slot is None or is_idr:
            self._slot = shown + self._interval
            return True
        late = shown - self._slot
        if late < -self._early:
            return False
        self._slot = (shown if late >= self._interval else self._slot) + self._interval
        return True
