"""Whether a publisher keeps to its bit rate: by its media's own time, and by the wall clock.

The tier's bit rate is meant by media time: an encoder that was cut off for some seconds sends what it kept as fast as
it can, and that is right. How fast it may do so is the second limit, without which timestamps that stand still would
allow anything.
"""

from __future__ import annotations

from ingest.clocks import serial_difference_ms
from ingest.errors import BitRateExceeded

WINDOW_SECONDS = 10.0
"""Mean rates count: five times a usual key frame distance, so that a large key frame alone breaks nothing."""
CATCH_UP_FACTOR = 4
"""So many times its bit rate a publisher may send to catch up with the wall clock."""
TOLERANCE = 1.1
"""Rate control overshoots, and protocols count more than what the encoder is set to."""


class _Window:
    """Bytes since the window began; a new one begins when it is over."""

    def __init__(self, limit_bps: float) -> None:
        self._limit_bytes = limit_bps * WINDOW_SECONDS / 8
        self._byte_count = 0

    def begin(self) -> None:
        self._byte_count = 0

    def add(self, byte_count: int) -> bool:
        """Whether the window holds more than it may."""
        self._byte_count += byte_count
        return self._byte_count > self._limit_bytes


class BitRateLimit:
    """Counts one publisher's media."""

    def __init__(self, bit_rate_bps: int) -> None:
        self._bit_rate_bps = bit_rate_bps
        self._media = _Window(bit_rate_bps * TOLERANCE)
        self._arrival = _Window(bit_rate_bps * TOLERANCE * CATCH_UP_FACTOR)
        self._media_began_ms: int | None = None
        self._arrival_began_at: float | None = None

    def count(self, byte_count: int, timestamp_ms: int, now: float) -> None:
        """So many bytes, their time modulo 2^32, and when they came (monotonic seconds). Raises BitRateExceeded."""
        if self._is_over(timestamp_ms):
            self._media_began_ms = timestamp_ms
            self._media.begin()
        if self._arrival_began_at is None or now - self._arrival_began_at >= WINDOW_SECONDS:
            self._arrival_began_at = now
            self._arrival.begin()
        exceeds_media, exceeds_arrival = self._media.add(byte_count), self._arrival.add(byte_count)
        if exceeds_media or exceeds_arrival:
            limit_kbps = self._bit_rate_bps // 1000
            raise BitRateExceeded(
                f"the bit rate is above this stream's limit of {limit_kbps} kb/s; lower the encoder's bit rate"
            )

    def _is_over(self, timestamp_ms: int) -> bool:
        """Also when time jumps: what was counted belongs to another time."""
        if self._media_began_ms is None:
            return True
        elapsed_seconds = serial_difference_ms(timestamp_ms, self._media_began_ms) / 1000
        return not -WINDOW_SECONDS < elapsed_seconds < WINDOW_SECONDS
