"""The time axis of a program: 33-bit times become times without a wrap.

All elementary streams of a program are stamped by one clock (ISO/IEC 13818-1 §2.4.2.1), so one reference serves all:
each time is taken to be within half the range, 13 hours, of the one before, whichever stream that was on. A sender
that sets its clock anew makes a jump, never a wrong wrap; what a jump means is for `ingest.timeline` to say.
"""

from __future__ import annotations

_RANGE_TICKS = 1 << 33
_HALF_RANGE_TICKS = 1 << 32


class ProgramClock:
    """Undoes the wrap of one program's times, in ticks of 90 kHz."""

    def __init__(self) -> None:
        self.latest_ticks: int | None = None
        """The newest time that was placed; None before the first."""

    def place(self, time_ticks: int) -> int:
        """A 33-bit time on the axis without a wrap. The first stays as it is, so one from before it may be negative."""
        if self.latest_ticks is None:
            self.latest_ticks = time_ticks
        step_ticks = (time_ticks - self.latest_ticks + _HALF_RANGE_TICKS) % _RANGE_TICKS - _HALF_RANGE_TICKS
        self.latest_ticks += step_ticks
        return self.latest_ticks
