"""A rung of a lower frame rate gets every n-th picture, and never more than its rate, whatever the source does."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from pinkmedia.media import VIDEO_TIMESCALE
from transcode.frame_pacing import FramePacer

NTSC = Fraction(1000, 1001)


def taken(times: list[int], source_rate: Fraction, rung_rate: Fraction, idr_at: tuple[int, ...] = ()) -> list[int]:
    pacer = FramePacer(source_rate, rung_rate)
    return [ticks for ticks in times if pacer.takes(ticks, is_idr=ticks in idr_at)]


def steady(count: int, rate: Fraction) -> list[int]:
    return [round(number * VIDEO_TIMESCALE / rate) for number in range(count)]


@pytest.mark.parametrize(
    ("source_rate", "n"),
    [
        (Fraction(60), 2),
        (60 * NTSC, 2),
        (Fraction(120), 2),
        (Fraction(120), 4),
        (120 * NTSC, 4),
        (Fraction(240), 8),
        (240 * NTSC, 8),
        (Fraction(30), 1),
        (Fraction(50), 2),
        (Fraction(1), 1),
    ],
    ids=str,
)
def test_a_steady_source_gives_exactly_every_nth(source_rate: Fraction, n: int) -> None:
    times = steady(5000, source_rate)
    assert taken(times, source_rate, source_rate / n) == times[::n]


@pytest.mark.parametrize("n", [1, 2, 4])
def test_times_in_milliseconds_are_no_matter(n: int) -> None:
    times = [ticks // 90 * 90 for ticks in steady(5000, Fraction(60))]
    assert taken(times, Fraction(60), Fraction(60, n)) == times[::n]


def test_an_idr_picture_is_taken_and_the_phase_begins_there() -> None:
    times = steady(12, Fraction(60))
    assert taken(times, Fraction(60), Fraction(30), idr_at=(times[5],)) == [
        times[number] for number in (0, 2, 4, 5, 7, 9, 11)
    ]


def test_a_lower_rate_gets_pictures_that_a_higher_one_gets_too() -> None:
    times, idr_at = steady(200, Fraction(120)), (steady(200, Fraction(120))[77],)
    quarter = taken(times, Fraction(120), Fraction(30), idr_at)
    assert set(quarter) < set(taken(times, Fraction(120), Fraction(60), idr_at))


def test_a_source_slower_than_the_rung_loses_nothing() -> None:
    times = steady(500, Fraction(17))
    assert taken(times, Fraction(60), Fraction(30)) == times


def test_a_missing_picture_changes_no_phase() -> None:
    times = steady(12, Fraction(60))
    del times[4]
    assert taken(times, Fraction(60), Fraction(30)) == [round(1500 * slot) for slot in (0, 2, 5, 6, 8, 10)]


def test_after_a_pause_it_goes_on_at_once() -> None:
    times = [ticks + (1_000_003 if number >= 7 else 0) for number, ticks in enumerate(steady(14, Fraction(60)))]
    assert taken(times, Fraction(60), Fraction(30)) == [times[number] for number in (0, 2, 4, 6, 7, 9, 11, 13)]


@pytest.mark.parametrize("seed", range(5))
def test_irregular_times_never_exceed_the_rate(seed: int) -> None:
    times, ticks = [], 0
    for number in range(3000):
        ticks += 300 + (number * 7919 + seed * 104_729) % 2700
        times.append(ticks)
    kept = taken(times, Fraction(60), Fraction(30))
    for first in range(len(kept) - 30):
        assert kept[first + 30] - kept[first] >= 28 * 3000
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert max(gaps) < 2 * 3000 + 1500
