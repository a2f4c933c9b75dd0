"""Silence where a track's sound is missing: players that wait for sound stop the picture, too.

Strategy: a track is missing when the picture has gone on for a while (its *patience*) since the last frame of sound
arrived. From then on silence is laid where the sound would have been, as far behind the picture as the sound always
was; so sound that merely comes late, always by as much, is never touched. When it comes back, what is filled already
is dropped, and whole frames of silence fill the rest. A sender that is found out to interleave more deeply is given
more patience.

Times are samples of the track, on the presentation's timeline.
"""

from __future__ import annotations

from collections.abc import Iterator

PATIENCE_SECONDS = 0.8
"""FFmpeg collects up to 0.7 s of audio for one packet of a transport stream; players keep more than that."""
MOST_PATIENCE_SECONDS = 2.0
"""Players have stopped by then."""


class Silence:
    """Keeps one track's time filled."""

    def __init__(self, timescale: int, frame_ticks: int, *, may_overlap: bool) -> None:
        """``may_overlap``: of a frame whose time is partly filled, somebody cuts that part off."""
        self._frame_ticks = frame_ticks
        self._may_overlap = may_overlap
        self._patience_ticks = round(PATIENCE_SECONDS * timescale)
        self._most_patience_ticks = round(MOST_PATIENCE_SECONDS * timescale)
        self._filled_ticks = 0
        """Up to here there is sound or silence."""
        self._heard_ticks = 0
        """Up to here sound has come."""
        self._laid_with_patience_ticks = self._patience_ticks
        """What it was when silence was laid last."""
        self._leader_ticks = 0
        self._leader_when_heard_ticks = 0

    def begin(self, ticks: int) -> None:
        """The track's time begins here, and so does the leader's."""
        self._filled_ticks = self._heard_ticks = ticks
        self._leader_ticks = self._leader_when_heard_ticks = ticks

    def advance(self, leader_ticks: int) -> Iterator[int]:
        """The leader has come as far: the times of the silent frames that are due."""
        self._leader_ticks = max(self._leader_ticks, leader_ticks)
        self._laid_with_patience_ticks = self._patience_ticks
        missed_ticks = self._leader_ticks - self._leader_when_heard_ticks - self._patience_ticks
        return self._fill(self._heard_ticks + missed_ticks)

    def hear(self, ticks: int, duration_ticks: int) -> Iterator[int] | None:
        """A frame of sound has come: the times of the silent frames before it; None when its time is filled already."""
        self._heard_ticks = max(self._heard_ticks, ticks + duration_ticks)
        self._leader_when_heard_ticks = self._leader_ticks
        usable_from_ticks = ticks + duration_ticks - 1 if self._may_overlap else ticks
        if usable_from_ticks < self._filled_ticks:
            self._learn(self._filled_ticks - ticks)
            return None
        silent = list(self._fill(ticks))
        self._filled_ticks = ticks + duration_ticks
        return iter(silent)

    def _learn(self, late_ticks: int) -> None:
        needed_ticks = self._laid_with_patience_ticks + late_ticks
        self._patience_ticks = max(self._patience_ticks, min(needed_ticks, self._most_patience_ticks))

    def _fill(self, end_ticks: int) -> Iterator[int]:
        while self._filled_ticks + self._frame_ticks <= end_ticks:
            yield self._filled_ticks
            self._filled_ticks += self._frame_ticks
