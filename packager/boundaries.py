"""Where segments begin: one list per presentation, obeyed by every rendition.

A boundary gives a media sequence number its presentation time. The planner makes boundaries from the source's video
(or, without video, from its audio) as it comes in; each rendition cuts at its first sync sample at or after the
boundary, so the same sequence number holds the same content everywhere (RFC 8216bis §6.2.4).

Times are ticks of the video timescale (90 000 per second), on the presentation's timeline.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from pinkmedia.media import VIDEO_TIMESCALE

FIRST_MEDIA_SEQUENCE = 1
"""Not 0: hls.js takes a last sequence number of 0 for "unknown" and stops asking for blocking reloads."""
STUTTER_FRAMES = 8
"""A step of more frames than this between two pictures is lost time, not reordering."""
LONGEST_LEAD_TICKS = VIDEO_TIMESCALE
"""How far audio may be ahead of the video beside it; more, and the video has stopped."""
REMEMBERED_GOPS = 8
"""The longest of these is what the next one may be: a scene's own key frame makes some short."""
REMEMBERED_BOUNDARIES = 512
"""How many past boundaries are kept; a rendition lags by a few at most, so this only bounds memory."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """The beginning of a segment in all renditions."""

    msn: int
    pts_ticks: int
    has_discontinuity: bool
    discontinuity_count: int
    """Discontinuities up to and including this one: what a rendition that starts here must have counted."""

    @property
    def pts_seconds(self) -> float:
        return self.pts_ticks / VIDEO_TIMESCALE

    def pts_in(self, timescale: int) -> int:
        """Its time in another timescale, rounded up: the first sample at or after the boundary is the one meant."""
        return -(-self.pts_ticks * timescale // VIDEO_TIMESCALE)


class Boundaries:
    """The boundaries of a presentation, oldest first, with consecutive sequence numbers."""

    def __init__(self) -> None:
        self._items: deque[Boundary] = deque(maxlen=REMEMBERED_BOUNDARIES)
        self.breaks: deque[Boundary] = deque(maxlen=REMEMBERED_BOUNDARIES)
        """Those with a discontinuity; they are remembered longer than the others."""

    def append(self, pts_ticks: int, *, has_discontinuity: bool) -> Boundary:
        last = self._items[-1] if self._items else None
        msn = last.msn + 1 if last else FIRST_MEDIA_SEQUENCE
        count = (last.discontinuity_count if last else 0) + has_discontinuity
        boundary = Boundary(msn, pts_ticks, has_discontinuity, count)
        self._items.append(boundary)
        if has_discontinuity:
            self.breaks.append(boundary)
        return boundary

    def get(self, msn: int) -> Boundary | None:
        if not self._items:
            return None
        index = msn - self._items[0].msn
        return self._items[index] if 0 <= index < len(self._items) else None

    def latest_at(self, pts_ticks: int, timescale: int) -> Boundary | None:
        """The boundary of the segment that holds a sample with this time."""
        for boundary in reversed(self._items):
            if boundary.pts_in(timescale) <= pts_ticks:
                return boundary
        return None


class SegmentTooLong(Exception):
    """The source's key frames are too far apart for the promised target duration; the plan must change."""

    def __init__(self, elapsed_seconds: float, *, has_stuttered: bool) -> None:
        super().__init__(f"{elapsed_seconds:.3f} s without a usable key frame")
        self.elapsed_seconds = elapsed_seconds
        """From the segment's beginning to the end of the frame that made it too long."""
        self.has_stuttered = has_stuttered
        """Time was missing in the segment, or its pictures stopped: it says nothing of the encoder's settings."""


class Cadence(Enum):
    """What decides where segments begin."""

    SOURCE_KEY_FRAMES = auto()
    """The source is passed through: its own IDR pictures, at least about a segment target apart."""
    FIXED_GRID = auto()
    """Everything is encoded here: every segment target, wherever the source's IDR pictures are."""


class Cut(NamedTuple):
    """A boundary to be made."""

    pts_ticks: int
    is_break: bool
    """Time is missing before it: decode times begin anew."""


class BoundaryPlanner:
    """Decides, packet by packet in decode order, whether the source's next segment begins here."""

    def __init__(self, cadence: Cadence, target_ticks: int, longest_ticks: int) -> None:
        self._cadence = cadence
        self._target_ticks = target_ticks
        self._longest_ticks = longest_ticks
        self._begin_ticks: int | None = None
        self._sync_ticks: int | None = None
        self._gops_ticks: deque[int] = deque([0], maxlen=REMEMBERED_GOPS)
        self._latest_ticks = 0
        self._has_stuttered = False
        self._follower_ticks: int | None = None
        """How far the other tracks have come."""
        self._follower_base_ticks = 0
        """How far they were when the leader's last packet came."""

    def offer(self, pts_ticks: int, *, duration_ticks: int, is_sync: bool, cut_now: bool = False) -> Cut | None:
        """The boundary that this packet of the leading track brings, if it brings one.

        ``cut_now`` asks for a boundary at the earliest sync packet (after a break). Before the first sync packet
        there is none. Raises SegmentTooLong.
        """
        self._follower_base_ticks = pts_ticks if self._follower_ticks is None else self._follower_ticks
        self._note(pts_ticks, duration_ticks, is_sync=is_sync)
        if is_sync and (self._begin_ticks is None or cut_now):
            return self._cut(pts_ticks)
        if self._begin_ticks is None:
            return None
        elapsed_ticks = pts_ticks - self._begin_ticks
        if self._cadence is Cadence.FIXED_GRID:
            return self._next_on_grid(self._begin_ticks, elapsed_ticks // self._target_ticks)
        if is_sync:
            is_due = self._is_long_enough(elapsed_ticks, duration_ticks)
            return self._cut(pts_ticks, is_break=elapsed_ticks > self._longest_ticks) if is_due else None
        # A frame that would end when the segment is over-long already makes it so.
        if elapsed_ticks + duration_ticks > self._longest_ticks:
            raise SegmentTooLong((elapsed_ticks + duration_ticks) / VIDEO_TIMESCALE, has_stuttered=self._has_stuttered)
        return None

    @property
    def latest_end_ticks(self) -> int:
        """The open segment ends here at the latest; what is later belongs to a segment that has not begun."""
        return (self._begin_ticks or 0) + self._longest_ticks

    def check_follower(self, pts_ticks: int) -> None:
        """A packet of another track: it goes on although the leader has stopped. Raises SegmentTooLong."""
        if self._begin_ticks is None:
            return
        self._follower_ticks = max(pts_ticks, self._follower_ticks or pts_ticks)
        elapsed_ticks = pts_ticks - self._begin_ticks
        has_stopped = pts_ticks - self._follower_base_ticks > LONGEST_LEAD_TICKS
        if has_stopped and elapsed_ticks > self._longest_ticks + LONGEST_LEAD_TICKS:
            raise SegmentTooLong(elapsed_ticks / VIDEO_TIMESCALE, has_stuttered=True)

    def _note(self, pts_ticks: int, duration_ticks: int, *, is_sync: bool) -> None:
        if pts_ticks - self._latest_ticks > STUTTER_FRAMES * duration_ticks:
            self._has_stuttered = True
        self._latest_ticks = max(self._latest_ticks, pts_ticks)
        if is_sync:
            if self._sync_ticks is not None:
                self._gops_ticks.append(pts_ticks - self._sync_ticks)
            self._sync_ticks = pts_ticks

    def _next_on_grid(self, begin_ticks: int, steps: int) -> Cut | None:
        """After a pause, the newest grid point that is due: what lies before it never was."""
        return self._cut(begin_ticks + steps * self._target_ticks, is_break=steps > 1) if steps else None

    def _is_long_enough(self, elapsed_ticks: int, duration_ticks: int) -> bool:
        """At the target, or where waiting for the next key frame would overshoot the longest segment allowed."""
        is_at_target = elapsed_ticks + duration_ticks // 2 >= self._target_ticks
        return is_at_target or elapsed_ticks + max(self._gops_ticks) > self._longest_ticks

    def _cut(self, pts_ticks: int, *, is_break: bool = False) -> Cut:
        self._begin_ticks = pts_ticks
        self._has_stuttered = False
        return Cut(pts_ticks, is_break)
