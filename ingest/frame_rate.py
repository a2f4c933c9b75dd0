"""What frame rate a source has, from unreliable witnesses: its metadata, its parameter sets, its first timestamps.

Senders write 29.97 for 30000/1001 and round timestamps to milliseconds, so a rate near a common one is that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import median_low

MIN_FRAME_RATE = 1
MAX_FRAME_RATE = 300
"""Outside, a declared rate is an error of its sender."""
FALLBACK_FRAME_RATE = Fraction(30)
"""When nothing is declared and too few frames came to measure."""
WRONG_RATIO = 3
"""Thirty declared and less than ten sent: a slide show, or a camera in the dark."""
WATCHED_MS = 3_000
"""How long is watched before a change of rate is believed."""
FEWEST_STEPS = 2
"""From frame to frame: one alone may be a stutter."""
MOST_STEPS = 2_000
"""More than three seconds at the highest rate have."""
FIRST_WATCHED_MS = 500
"""At the start, where a wrong rate is found before much is packaged by it."""
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


class FrameRateWatch:
    """Whether a track's frames come at the rate that its packets are packaged for.

    A declared rate that is wrong by some is made up for, frame by frame. One that is wrong by more than WRONG_RATIO is
    not: a part of so many frames would last much longer or shorter than was promised.
    """

    def __init__(self, nominal: Fraction) -> None:
        self._nominal = nominal
        self._last_ms: int | None = None
        self._steps_ms: list[int] = []
        self._elapsed_ms = 0
        self._watched_ms = FIRST_WATCHED_MS

    def note(self, time_ms: int) -> Fraction | None:
        """A frame's decode time; returns the true rate when the nominal one turns out to be wrong."""
        if self._last_ms is not None:
            self._steps_ms.append(time_ms - self._last_ms)
            self._elapsed_ms += time_ms - self._last_ms
        self._last_ms = time_ms
        if len(self._steps_ms) >= MOST_STEPS:
            self._begin_again()  # time stands still
        if len(self._steps_ms) < FEWEST_STEPS or self._elapsed_ms < self._watched_ms:
            return None
        self._watched_ms = WATCHED_MS
        # The median, because a stutter is no change of rate.
        rate = Fraction(1000, max(1, median_low(self._steps_ms)))
        self._begin_again()
        is_wrong = rate * WRONG_RATIO < self._nominal or rate > self._nominal * WRONG_RATIO
        bounded = min(max(rate, Fraction(MIN_FRAME_RATE)), Fraction(MAX_FRAME_RATE))
        return _nearest_common(bounded, _MEASURED_TOLERANCE) if is_wrong else None

    def _begin_again(self) -> None:
        self._steps_ms.clear()
        self._elapsed_ms = 0
