"""From RTMP's rounded milliseconds to ticks: one clock for the connection, one for each track.

RTMP timestamps count milliseconds modulo 2^32 from anywhere. Frames at 59.94 per second or 1024 samples at 44.1 kHz do
not last whole milliseconds, so each timestamp is off by up to one; the track clocks put back what the rounding took.
"""

from __future__ import annotations

from fractions import Fraction

from pinkmedia.media import VIDEO_TIMESCALE

SNAP_TOLERANCE_MS = 1.5
"""A decode time this near to the nominal grid belongs on it: two roundings, the frame's and the anchor's, of at most
half a millisecond by rounding senders, one by truncating ones."""
AUDIO_RESYNC_MS = 45
"""Counted samples and timestamps may differ this much: twice the duration of a frame, for senders that stamp packets
when they are sent, and about where viewers begin to see it (ITU-R BT.1359)."""

_VIDEO_TICKS_PER_MS = VIDEO_TIMESCALE // 1000
_HALF_RANGE = 1 << 31
_RANGE = 1 << 32


def serial_difference_ms(timestamp_ms: int, reference_ms: int) -> int:
    """``timestamp_ms`` minus ``reference_ms`` modulo 2^32, in -2^31 to 2^31-1 (RFC 1982)."""
    return (timestamp_ms - reference_ms + _HALF_RANGE) % _RANGE - _HALF_RANGE


class VideoClock:
    """Snaps decode and presentation times to the grid of nominal frame durations.

    The grid begins at an anchor; a time that is off the grid (a real change of pace) becomes the new anchor.
    """

    def __init__(self, frame_rate: Fraction) -> None:
        self._frame_ticks = float(VIDEO_TIMESCALE / frame_rate)
        self._tolerance_ticks = min(SNAP_TOLERANCE_MS * _VIDEO_TICKS_PER_MS, self._frame_ticks / 2)
        self._anchor_ticks: int | None = None
        self._last_dts_ticks: int | None = None

    def times(self, dts_ms: int, composition_ms: float) -> tuple[int, int]:
        """Decode and presentation time in ticks; decode times strictly increase."""
        dts_ticks = self._snap(dts_ms)
        if dts_ticks is None:
            dts_ticks = self._anchor_ticks = dts_ms * _VIDEO_TICKS_PER_MS
        pts_ticks = self._snap(dts_ms + composition_ms)
        if self._last_dts_ticks is not None and dts_ticks <= self._last_dts_ticks:
            dts_ticks, pts_ticks = self._last_dts_ticks + 1, None  # presented as much later as it is decoded
        self._last_dts_ticks = dts_ticks
        if pts_ticks is None:
            pts_ticks = dts_ticks + round(composition_ms * _VIDEO_TICKS_PER_MS)
        return dts_ticks, pts_ticks

    def _snap(self, time_ms: float) -> int | None:
        """The grid point that this time was rounded from, if there is one."""
        if self._anchor_ticks is None:
            return None
        time_ticks = time_ms * _VIDEO_TICKS_PER_MS
        frame_index = round((time_ticks - self._anchor_ticks) / self._frame_ticks)
        snapped = self._anchor_ticks + round(frame_index * self._frame_ticks)
        return snapped if abs(snapped - time_ticks) <= self._tolerance_ticks else None


class AudioClock:
    """Counts samples, and lets timestamps overrule the count only when they differ for good."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._resync_ticks = AUDIO_RESYNC_MS * sample_rate // 1000
        self._next_ticks: int | None = None

    def time(self, timestamp_ms: int, sample_count: int) -> int | None:
        """The time in ticks of a frame with so many samples; None for one to drop: earlier ones fill its time already.

        Times increase by a frame's samples, or by more after a gap.
        """
        timestamp_ticks = timestamp_ms * self._sample_rate // 1000
        error_ticks = 0 if self._next_ticks is None else timestamp_ticks - self._next_ticks
        if error_ticks < -self._resync_ticks:
            return None
        is_in_step = self._next_ticks is not None and error_ticks <= self._resync_ticks
        time_ticks = self._next_ticks if self._next_ticks is not None and is_in_step else timestamp_ticks
        self._next_ticks = time_ticks + sample_count
        return time_ticks
