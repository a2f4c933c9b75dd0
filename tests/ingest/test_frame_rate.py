"""Frame rates as senders write and stamp them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ingest.frame_rate import FALLBACK_FRAME_RATE, FrameRateWatch, declared_frame_rate, measured_frame_rate


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (30.0, Fraction(30)),
        (29.97, Fraction(30000, 1001)),
        (29.97002997, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (24.0, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (0.0, None),
        (1000.0, None),
        (float("nan"), None),
        ("30", None),
        (None, None),
    ],
)
def test_declared(declared: object, expected: Fraction | None) -> None:
    assert declared_frame_rate({"framerate": declared}) == expected


def test_declared_under_other_names() -> None:
    assert declared_frame_rate({"videoframerate": 25.0}) == 25
    assert declared_frame_rate({}) is None


@pytest.mark.parametrize("rate", [24, 25, 30, 50, 60])
def test_measured(rate: int) -> None:
    assert measured_frame_rate([index * 1000 // rate for index in range(10)]) == rate


@pytest.mark.parametrize("timestamps_ms", [[], [5], [5, 5, 5], [9, 5]])
def test_unmeasurable(timestamps_ms: list[int]) -> None:
    assert measured_frame_rate(timestamps_ms) == FALLBACK_FRAME_RATE


def watched(nominal: int, *times_ms: int) -> list[Fraction]:
    watch = FrameRateWatch(Fraction(nominal))
    return [rate for rate in map(watch.note, times_ms) if rate is not None]


@pytest.mark.parametrize(
    ("nominal", "step_ms", "expected"),
    [(30, 1000, 1), (30, 250, 4), (30, 167, 6), (60, 20, None), (30, 100, None), (30, 33, None), (1, 33, 30)],
)
def test_a_rate_that_is_declared_wrong_is_found_out(nominal: int, step_ms: int, expected: int | None) -> None:
    found = watched(nominal, *range(0, 4 * max(step_ms, 250), step_ms))
    assert found[:1] == ([] if expected is None else [pytest.approx(expected, rel=0.02)])


def test_a_stutter_is_no_change_of_rate() -> None:
    assert watched(30, 0, 33, 900, 933, 967, 2900, 2933, 2967, 3000, 3033, 6000) == []


def test_time_that_stands_still_holds_nothing() -> None:
    assert watched(30, *([5] * 10_000)) == []
