"""When packets are due (draft-sharabayko-srt §4.5, §4.7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.clock import DRIFT_SAMPLES, LARGEST_DRIFT_US, SenderClock

LATENCY_US = 120_000
WRAP_US = 1 << 32


def test_due_is_the_time_of_the_packet_plus_latency() -> None:
    clock = SenderClock(5_000, 1_000_000, LATENCY_US)
    assert clock.due_us(15_000, 1_010_000) == 1_010_000 + LATENCY_US
    assert clock.due_us(15_000, 1_050_000) == 1_010_000 + LATENCY_US


def test_due_is_never_later_than_the_latency_from_now() -> None:
    clock = SenderClock(0, 1_000_000, LATENCY_US)
    assert clock.due_us(90_000, 1_050_000) == 1_050_000 + LATENCY_US


@pytest.mark.parametrize("timestamp_us", [WRAP_US - 2_000, WRAP_US - 1, WRAP_US, WRAP_US + 5_000, 3 * WRAP_US + 7])
def test_timestamps_wrap(timestamp_us: int) -> None:
    clock = SenderClock(WRAP_US - 3_000, 1_000_000, LATENCY_US)
    sent_us = 1_000_000 + timestamp_us - (WRAP_US - 3_000)
    assert clock.due_us(timestamp_us % WRAP_US, sent_us + 500) == sent_us + LATENCY_US


@given(st.integers(0, WRAP_US - 1), st.integers(0, 1 << 44), st.integers(0, 60_000_000))
def test_any_timestamp_and_age(first_us: int, age_us: int, late_us: int) -> None:
    clock = SenderClock(first_us, 1_000_000, LATENCY_US)
    assert clock.due_us((first_us + age_us) % WRAP_US, 1_000_000 + age_us + late_us) == 1_000_000 + age_us + LATENCY_US


def _trace(clock: SenderClock, lateness_us: int, *, rtt_change_us: int = 0, rounds: int = 1) -> None:
    for index in range(DRIFT_SAMPLES * rounds):
        clock.sample(index * 10_000, index * 10_000 + lateness_us, rtt_change_us)


def test_drift_is_traced_after_enough_samples() -> None:
    clock = SenderClock(0, 0, LATENCY_US)
    for index in range(DRIFT_SAMPLES - 1):
        clock.sample(index * 10_000, index * 10_000 + 2_000, 0)
    assert clock.drift_us == 0
    clock.sample(0, 2_000, 0)
    assert clock.drift_us == 2_000
    assert clock.due_us(100_000, 150_000) == 102_000 + LATENCY_US


def test_drift_that_is_known_is_not_counted_twice() -> None:
    clock = SenderClock(0, 0, LATENCY_US)
    _trace(clock, 2_000, rounds=5)
    assert clock.drift_us == 2_000


@pytest.mark.parametrize("lateness_us", [12_000, -12_000])
def test_large_drift_moves_the_base(lateness_us: int) -> None:
    clock = SenderClock(0, 0, LATENCY_US)
    _trace(clock, lateness_us)
    assert abs(clock.drift_us) == LARGEST_DRIFT_US
    assert clock.due_us(1_000_000, 1_100_000) == 1_000_000 + lateness_us + LATENCY_US


def test_a_longer_line_is_not_drift() -> None:
    clock = SenderClock(0, 0, LATENCY_US)
    _trace(clock, 3_000, rtt_change_us=6_000)
    assert clock.drift_us == 0


def test_drift_is_traced_beyond_the_wrap() -> None:
    clock = SenderClock(WRAP_US - 1_000_000, 0, LATENCY_US)
    for index in range(DRIFT_SAMPLES):
        clock.sample((WRAP_US - 1_000_000 + index * 10_000) % WRAP_US, index * 10_000 + 1_500, 0)
    assert clock.drift_us == 1_500
