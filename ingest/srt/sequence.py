"""31-bit packet sequence numbers (SRT §3.1): after 0x7FFFFFFF comes 0."""

from __future__ import annotations

SEQUENCE_MASK = 0x7FFFFFFF

_HALF_RANGE = 1 << 30
_RANGE = 1 << 31


def next_sequence(sequence: int, steps: int = 1) -> int:
    """The number so many packets later; earlier for negative ``steps``."""
    return (sequence + steps) & SEQUENCE_MASK


def sequence_difference(sequence: int, reference: int) -> int:
    """``sequence`` minus ``reference`` around the circle, in -2^30 to 2^30-1."""
    return (sequence - reference + _HALF_RANGE) % _RANGE - _HALF_RANGE
