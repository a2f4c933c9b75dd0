"""From any loudspeaker layout to two channels (ITU-R BS.775-3 annex 4, table 2) or one.

Centre and surrounds go in at −3 dB, the low-frequency effects are left out, and the sum is scaled so that it cannot
clip. A stereo source stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

Wave: TypeAlias = NDArray[np.float32]
"""Samples, channel by channel (rows)."""
MINUS_3_DB = 0.5**0.5

_LEFT, _RIGHT = (1.0, 0.0), (0.0, 1.0)
_LEFT_SIDE, _RIGHT_SIDE = (MINUS_3_DB, 0.0), (0.0, MINUS_3_DB)
_BOTH = (MINUS_3_DB, MINUS_3_DB)
_NEITHER = (0.0, 0.0)
_GAINS = {
    "FL": _LEFT, "FR": _RIGHT, "DL": _LEFT, "DR": _RIGHT,
    "FLC": _LEFT, "FRC": _RIGHT,
    "SL": _LEFT_SIDE, "BL": _LEFT_SIDE, "WL": _LEFT_SIDE,
    "SR": _RIGHT_SIDE, "BR": _RIGHT_SIDE, "WR": _RIGHT_SIDE,
    "LFE": _NEITHER, "LFE2": _NEITHER,
}  # fmt: skip
"""Into left and right, by FFmpeg's names of channels; what is not here (centre, rear centre, unknown) goes to both."""


def mixing_matrix(channel_names: Sequence[str], channels: int) -> Wave:
    """What each output channel (rows; one or two) takes of each input channel (columns)."""
    if len(channel_names) == 1 == channels:
        return np.ones((1, 1), np.float32)
    gains = np.array([_GAINS.get(name, _BOTH) for name in channel_names], np.float32).T
    if channels == 1:
        gains = gains.mean(axis=0, keepdims=True)
    largest = float(np.abs(gains).sum(axis=1).max())
    return gains / max(largest, 1.0)


def wave_of(frame: AudioFrame) -> Wave:
    """The samples of a frame of floats; packed ones are one row."""
    return cast(Wave, frame.to_ndarray())
