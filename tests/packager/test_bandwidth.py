"""Measured bit rates (RFC 8216bis §4.4.6.2)."""

from __future__ import annotations

import pytest

from packager.bandwidth import BandwidthMeter

DECLARED_BPS = 5_000_000


def measured(*segments: tuple[float, float]) -> BandwidthMeter:
    """Of segments of so many seconds at so many Mbit/s, with a target duration of two seconds."""
    meter = BandwidthMeter(DECLARED_BPS)
    sizes = [(round(mbps * 1e6 * seconds / 8), seconds) for seconds, mbps in segments]
    for count in range(1, len(sizes) + 1):
        meter.add(reversed(sizes[:count]), 2)
    return meter


def test_at_first_it_is_what_was_declared() -> None:
    meter = BandwidthMeter(DECLARED_BPS)
    assert (meter.peak_bps, meter.average_bps) == (DECLARED_BPS, DECLARED_BPS)


@pytest.mark.parametrize(
    ("segments", "peak_mbps"),
    [
        ([(2, 1), (2, 3), (2, 2)], 3.0),
        ([(2, 1), (0.8, 5), (2, 1.1)], (0.8 * 5 + 2 * 1.1) / 2.8),
        ([(2, 1), (0.8, 5), (0.8, 4), (2, 1)], 4.5),
        ([(2.4, 1), (0.9, 5)], 1.0),  # together they are longer than what counts
        ([(0.5, 9)], DECLARED_BPS / 1e6),
    ],
)
def test_the_peak_is_that_of_runs_of_about_a_target_duration(
    segments: list[tuple[float, float]], peak_mbps: float
) -> None:
    assert measured(*segments).peak_bps == pytest.approx(peak_mbps * 1e6, rel=1e-6)


def test_the_average_is_that_of_all() -> None:
    assert measured((2, 1), (0.5, 9), (2, 1)).average_bps == pytest.approx((2 + 4.5 + 2) / 4.5 * 1e6, rel=1e-6)
