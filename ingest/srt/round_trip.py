"""The round trip time, smoothed (draft-sharabayko-srt §4.10; RFC 6298 with SRT's weights), in microseconds."""

from __future__ import annotations

FIRST_RTT_US = 100_000
FIRST_VARIANCE_US = 50_000
"""Until it is measured."""


class RoundTrip:
    """Takes measured round trips."""

    def __init__(self) -> None:
        self.rtt_us = FIRST_RTT_US
        self.variance_us = FIRST_VARIANCE_US
        self.first_rtt_us: int | None = None

    def sample(self, rtt_us: int) -> None:
        if self.first_rtt_us is None:
            self.first_rtt_us, self.rtt_us, self.variance_us = rtt_us, rtt_us, rtt_us // 2
            return
        self.variance_us = (3 * self.variance_us + abs(self.rtt_us - rtt_us)) // 4
        self.rtt_us = (7 * self.rtt_us + rtt_us) // 8
