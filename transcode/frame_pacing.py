"""Which of the source's pictures a rung gets, when its frame rate is lower.

Strategy: by time, not by counting, so that a source which pauses or stutters stays smooth and never exceeds the rung's
rate for long. A slot opens every frame duration of the rung; the picture nearest to it is taken. At a steady n-fold
rate that is every n-th, however the times were rounded. Pictures keep their own times.
"""

from __future__ import annotations

from fractions import Fraction

from pinkmedia.media import VIDEO_TIMESCALE


class FramePacer:
    """Of one rung."""

    def __init__(self, source_rate: Fraction, rung_rate: Fraction) -> None:
        """Rates are in frames per second."""
        self._interval_ticks = VIDEO_TIMESCALE / rung_rate
        self._early_ticks = VIDEO_TIMESCALE / max(source_rate, rung_rate) / 2
        self._slot_ticks: Fraction | None = None

    def takes(self, pts_ticks: int, *, is_idr: bool) -> bool:
        """Whether the rung gets the picture of this time, later than all before it.

        An IDR picture is always taken, because all rungs have the same ones; the slots begin anew there.
        """
        if self._slot_ticks is None or is_idr:
            self._slot_ticks = pts_ticks + self._interval_ticks
            return True
        late_ticks = pts_ticks - self._slot_ticks
        if late_ticks < -self._early_ticks:
            return False
        is_gap = late_ticks >= self._interval_ticks
        self._slot_ticks = (pts_ticks if is_gap else self._slot_ticks) + self._interval_ticks
        return True
