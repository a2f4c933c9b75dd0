"""What a publisher may send in media time, and how fast."""

from __future__ import annotations

import pytest

from ingest.bit_rate import CATCH_UP_FACTOR, TOLERANCE, WINDOW_SECONDS, BitRateLimit
from ingest.errors import BitRateExceeded

LIMIT_BPS = 1_000_000
FRAME_BYTES = LIMIT_BPS // 8 // 25
"""Of a source with 25 frames per second, exactly at the limit."""


def send(limit: BitRateLimit, seconds: float, *, scale: float = 1.0, speed: float = 1.0, first_ms: int = 0) -> None:
    """So much media, at ``scale`` times the limit, ``speed`` times as fast as it plays."""
    for index in range(round(seconds * 25)):
        limit.count(round(FRAME_BYTES * scale), (first_ms + index * 40) % (1 << 32), index * 0.04 / speed)


@pytest.mark.parametrize("speed", [1.0, 2.0, CATCH_UP_FACTOR])
def test_at_the_limit(speed: float) -> None:
    send(BitRateLimit(LIMIT_BPS), 120, speed=speed)


def test_across_the_wrap() -> None:
    send(BitRateLimit(LIMIT_BPS), 120, first_ms=(1 << 32) - 30_000)


@pytest.mark.parametrize(("scale", "speed"), [(TOLERANCE * 1.05, 1.0), (1.0, CATCH_UP_FACTOR * 1.2)])
def test_above_it(scale: float, speed: float) -> None:
    with pytest.raises(BitRateExceeded, match="above this stream's limit of 1000 kb/s; lower the encoder's bit rate"):
        send(BitRateLimit(LIMIT_BPS), 3 * WINDOW_SECONDS * speed, scale=scale, speed=speed)


def test_a_large_key_frame_is_no_offence() -> None:
    limit = BitRateLimit(LIMIT_BPS)
    for index in range(30):
        limit.count(LIMIT_BPS // 8, index * 1000, float(index))


def flood(limit: BitRateLimit, step_ms: int) -> None:
    for index in range(10_000):
        limit.count(100_000, index * step_ms % (1 << 32), index * 0.001)


@pytest.mark.parametrize("step_ms", [0, 3_600_000, -3_600_000])
def test_timestamps_that_stand_still_or_jump_do_not_help(step_ms: int) -> None:
    with pytest.raises(BitRateExceeded):
        flood(BitRateLimit(LIMIT_BPS), step_ms)
