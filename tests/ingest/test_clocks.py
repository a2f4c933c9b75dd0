"""Milliseconds in, exact ticks out."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from ingest.clocks import AUDIO_RESYNC_MS, AudioClock, VideoClock, serial_difference_ms


@pytest.mark.parametrize(
    ("timestamp_ms", "reference_ms", "expected"),
    [(5, 3, 2), (3, 5, -2), (3, 2**32 - 2, 5), (2**32 - 2, 3, -5), (2**31, 0, -(2**31)), (0, 2**33, 0)],
)
def test_serial_difference(timestamp_ms: int, reference_ms: int, expected: int) -> None:
    assert serial_difference_ms(timestamp_ms, reference_ms) == expected


@pytest.mark.parametrize("rate", [24, 25, 30, 50, 60, 120, Fraction(24000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("rounding", [round, int])
def test_rounded_frames_return_to_the_grid(rate: Fraction, rounding: type[int]) -> None:
    clock, frame_rate = VideoClock(Fraction(rate)), Fraction(rate)
    dts = [clock.times(rounding(7 + index * 1000 / frame_rate), 0)[0] for index in range(1000)]
    grid = [dts[0] + round(index * 90_000 / frame_rate) for index in range(1000)]
    assert dts == grid


def test_presentation_times_are_on_the_same_grid() -> None:
    clock = VideoClock(Fraction(30))
    arrivals = [(0, 67), (33, 133), (67, 0), (100, -67), (133, 0)]
    assert [clock.times(*each) for each in arrivals] == [
        (0, 6000),
        (3000, 15000),
        (6000, 6000),
        (9000, 3000),
        (12000, 12000),
    ]


def test_a_real_change_of_pace_is_kept() -> None:
    clock = VideoClock(Fraction(30))
    assert [clock.times(time_ms, 0)[0] for time_ms in (0, 33, 80, 113, 147)] == [0, 3000, 7200, 10200, 13200]


def test_decode_times_strictly_increase() -> None:
    clock = VideoClock(Fraction(30))
    dts = [clock.times(time_ms, 0)[0] for time_ms in (0, 33, 33, 30, 67, 66, 100)]
    assert all(earlier < later for earlier, later in pairwise(dts))


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_audio_counts_samples(sample_rate: int) -> None:
    clock = AudioClock(sample_rate)
    times = [clock.time(index * 1024 * 1000 // sample_rate + 3 * (index % 2), 1024) for index in range(2000)]
    assert times == [1024 * index for index in range(2000)]


def test_audio_resumes_after_a_gap() -> None:
    clock = AudioClock(48_000)
    assert [clock.time(time_ms, 1024) for time_ms in (0, 21, 43, 300, 321)] == [0, 1024, 2048, 14_400, 15_424]


def test_audio_too_much_for_its_time_is_dropped() -> None:
    clock = AudioClock(48_000)
    times = [clock.time(0, 1024) for _ in range(6)]
    assert times == [0, 1024, 2048, None, None, None]
    assert clock.time(AUDIO_RESYNC_MS, 1024) == 3072


def test_audio_frames_of_different_lengths() -> None:
    clock = AudioClock(48_000)
    assert [clock.time(time_ms, count) for time_ms, count in ((0, 960), (20, 480), (30, 960))] == [0, 960, 1440]


def test_nanoseconds_are_kept() -> None:
    clock = VideoClock(Fraction(30))
    assert clock.times(0, 0.0) == (0, 0)
    assert clock.times(40, 47.5) == (3600, 7875)
