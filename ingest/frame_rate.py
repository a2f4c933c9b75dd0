"""What frame rate a source has, from unreliable witnesses: its metadata, its parameter sets, its first timestamps.

Senders write 29.97 for 30000/1001 and round timestamps to milliseconds, so a rate near a common one is that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

MIN_FRAME_RATE = 1
MAX_FRAME_RATE = 300
"""Outside, a declared rate is an error of its sender."""
FALLBACK_FRAME_RATE = Fraction(30)
"""When nothing is declared and too few frames came to measure."""
METADATA_FIELDS = ("framerate", "videoframerate", "fps")
"""Of onMetaData, in the order of trust."""

_COMMON_RATES = (
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 100, 120, 144, 240, 15, 20, 10, 12, 5)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60, 120, 15)),
)
_DECLARED_TOLERANCE = Fraction(3, 10_000)
"""29.97 and 23.98 are this close to what they mean, and 30 is three times as far from 29.97."""
_MEASURED_TOLERANCE = Fraction(2, 100)
"""Timestamps in milliseconds over the frames of a quarter of a second say no more."""


def declared_frame_rate(metadata: Mapping[str, object]) -> Fraction | None:
    """The rate in onMetaData, if it has a sane one."""
    for field in METADATA_FIELDS:
        rate = metadata.get(field)
        if isinstance(rate, float) and MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE:
            return _nearest_common(Fraction(rate), _DECLARED_TOLERANCE)
    return None


def measured_frame_rate(timestamps_ms: Sequence[int]) -> Fraction:
    """The rate of frames with these decode times."""
    span_ms = timestamps_ms[-1] - timestamps_ms[0] if timestamps_ms else 0
    if span_ms <= 0:
        return FALLBACK_FRAME_RATE
    rate = Fraction(1000 * (len(timestamps_ms) - 1), span_ms)
    bounded = min(max(rate, Fraction(MIN_FRAME_RATE)), Fraction(MAX_FRAME_RATE))
    return _nearest_common(bounded, _MEASURED_TOLERANCE)


def _nearest_common(rate: Fraction, tolerance: Fraction) -> Fraction:
    nearest = min(_COMMON_RATES, key=lambda common: abs(common - rate))
    return nearest if abs(nearest - rate) <= tolerance * rate else rate.limit_denominator(1001)
