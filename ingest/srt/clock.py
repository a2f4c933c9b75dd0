"""The sender's clock as the receiver follows it (draft-sharabayko-srt §4.5, §4.7): when each packet is due.

    due = arrival of the handshake + timestamp, unwrapped + latency + drift

All times are microseconds; ``now_us`` is monotonic.
"""

from __future__ import annotations

DRIFT_SAMPLES = 1_000
"""One for each ACKACK: some ten seconds. Fewer would follow the line's jitter."""
LARGEST_DRIFT_US = 5_000
"""A larger drift moves the base, so that what is traced stays small."""

_HALF_RANGE = 1 << 31
_RANGE = 1 << 32


class SenderClock:
    """Maps the sender's timestamps to the local clock."""

    def __init__(self, timestamp_us: int, now_us: int, latency_us: int) -> None:
        """``timestamp_us`` is that of the handshake packet that came at ``now_us``."""
        self._base_us = now_us - timestamp_us
        self._latency_us = latency_us
        self._drift_us = 0
        self._drift_sum_us = 0
        self._drift_count = 0

    @property
    def latency_us(self) -> int:
        """From a packet's time to when it must be delivered."""
        return self._latency_us

    @property
    def drift_us(self) -> int:
        """How far the sender's clock is behind where it was."""
        return self._drift_us

    def due_us(self, timestamp_us: int, now_us: int) -> int:
        """When a packet that came now, and everything before it, must be delivered.

        Never later than if it had been sent now: the handshake may have come late, and timestamps may be wrong.
        """
        return now_us + self._latency_us - max(0, self._lateness_us(timestamp_us, now_us))

    def sample(self, timestamp_us: int, now_us: int, rtt_change_us: int) -> None:
        """A packet without payload came now; half of what the round trip has changed by is not the clock's."""
        self._drift_sum_us += self._lateness_us(timestamp_us, now_us) - rtt_change_us // 2
        self._drift_count += 1
        if self._drift_count < DRIFT_SAMPLES:
            return
        self._drift_us += self._drift_sum_us // self._drift_count
        self._drift_sum_us = self._drift_count = 0
        if abs(self._drift_us) > LARGEST_DRIFT_US:
            excess_us = self._drift_us - (LARGEST_DRIFT_US if self._drift_us > 0 else -LARGEST_DRIFT_US)
            self._base_us += excess_us
            self._drift_us -= excess_us

    def _lateness_us(self, timestamp_us: int, now_us: int) -> int:
        """How much longer a packet was under way than the handshake; negative for a quicker one.

        Timestamps wrap after 71 minutes. The one meant is that next to now, so nothing need be kept of earlier ones.
        """
        expected_us = now_us - self._base_us - self._drift_us
        return (expected_us - timestamp_us + _HALF_RANGE) % _RANGE - _HALF_RANGE
