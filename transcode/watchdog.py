"""Notices a worker process that lives but does not work.

Strategy: the node looks once a second, and counts silence in its own looks, none of which counts for more than a few
seconds: a node that was stopped itself (a suspended machine, a debugger) must not find all of its workers silent when
it wakes. Pure: time is an argument.

    looks    ─ no word at all ──────────────────────► hangs: a stopped process, a dead lock
             ─ words, but no packet is taken in ────► hangs: its main thread is stuck
"""

from __future__ import annotations

LOOK_SECONDS = 1.0
"""Between two looks of the node."""
LONGEST_LOOK_SECONDS = 2.0
"""What one look counts at most, however late it comes: the fault is the node's then."""
START_SECONDS = 60.0
"""From the process's start until it is warm: loading FFmpeg takes one second, and many on a machine that swaps."""
SILENT_SECONDS = 6.0
"""Without a word from a worker that speaks every second: no busy machine delays one thread so long, and a live stream
is lost after half of it."""
STUCK_SECONDS = 8.0
"""Without a packet taken in although some wait: the slowest picture (4K, a busy machine) takes a small part of it."""


class Watchdog:
    """Looks after one worker."""

    def __init__(self, now: float) -> None:
        self._looked_at = now
        self._is_warm = False
        self._silent_seconds = 0.0
        self._packets_taken = 0
        self._stuck_seconds = 0.0

    def greet(self) -> None:
        """The worker is warm."""
        self._is_warm = True
        self._silent_seconds = 0.0

    def hear(self, packets_taken: int) -> None:
        """The worker reports: it has taken in so many packets since it was configured."""
        if self._is_warm:
            self._silent_seconds = 0.0
        if packets_taken != self._packets_taken:
            self._packets_taken = packets_taken
            self._stuck_seconds = 0.0

    def look(self, now: float, packets_written: int) -> str | None:
        """What is wrong with a worker that was given so many packets; None while all is well."""
        elapsed_seconds = min(now - self._looked_at, LONGEST_LOOK_SECONDS)
        self._looked_at = now
        self._silent_seconds += elapsed_seconds
        has_work = self._is_warm and packets_written > self._packets_taken
        self._stuck_seconds = self._stuck_seconds + elapsed_seconds if has_work else 0.0
        return self._verdict()

    def _verdict(self) -> str | None:
        if not self._is_warm:
            late = self._silent_seconds > START_SECONDS
            return f"worker hangs: it has not started within {START_SECONDS:g} s" if late else None
        if self._silent_seconds > SILENT_SECONDS:
            return f"worker hangs: not a word for {SILENT_SECONDS:g} s"
        if self._stuck_seconds > STUCK_SECONDS:
            return f"worker hangs: no packet taken in for {STUCK_SECONDS:g} s"
        return None
