"""A video rendition that the publisher encodes itself, beside the one that leads (multitrack).

Its key frames must be the leader's: then it is cut at the same boundaries, and players switch. A sender that
interleaves its tracks may send this one's key frame before the leader's has made the boundary, so packets wait until
the leader has come as far. A track whose key frames are elsewhere cannot be switched to and is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from pinkmedia.media import Packet, VideoTrack

MOST_HELD_PACKETS = 240
"""Four seconds at 60 frames per second: the leader has stopped, and the presentation ends soon."""
MOST_HELD_BYTES = 8 * 1024 * 1024
"""As much in bytes, at 16 Mb/s."""
REMEMBERED_KEY_FRAMES = 64
"""More than there are between two boundaries, even when every frame is one."""
MOST_MISSED_BOUNDARIES = 3
"""Boundaries in a row without a key frame there: it is no accident, the encoder does not align its tracks."""


class ExtraVideo:
    """One track's way to its rendition. Times are ticks of the video timescale."""

    def __init__(self, rendition_name: str, track: VideoTrack) -> None:
        self.rendition_name = rendition_name
        self.is_given_up = False
        self._tolerance_ticks = track.frame_duration_ticks // 2
        self._held: deque[Packet] = deque()
        self._held_bytes = 0
        self._needs_sync = True
        self._sync_ticks: deque[int] = deque(maxlen=REMEMBERED_KEY_FRAMES)
        self._newest_boundary_ticks: int | None = None
        self._missed_count = 0

    def hold(self, packet: Packet) -> None:
        """A packet as it comes. When too many wait, they are dropped up to the next key frame."""
        if self.is_given_up or (self._needs_sync and not packet.is_sync):
            return
        self._needs_sync = False
        self._held.append(packet)
        self._held_bytes += len(packet.payload)
        if len(self._held) > MOST_HELD_PACKETS or self._held_bytes > MOST_HELD_BYTES:
            self._held.clear()
            self._held_bytes, self._needs_sync = 0, True

    def released(self, leader_pts_ticks: int) -> Iterator[Packet]:
        """The packets that the leader's newest presentation time has reached, all on the source's timeline."""
        while self._held and self._held[0].pts_ticks <= leader_pts_ticks + self._tolerance_ticks:
            packet = self._held.popleft()
            self._held_bytes -= len(packet.payload)
            yield packet

    def note_key_frame(self, pts_ticks: int) -> None:
        """A released key frame's place on the presentation's timeline."""
        self._sync_ticks.append(pts_ticks)

    def check(self, boundary_ticks: int) -> None:
        """A new boundary is made on the presentation's timeline: the one before has its key frame by now, or never."""
        before_ticks, self._newest_boundary_ticks = self._newest_boundary_ticks, boundary_ticks
        if before_ticks is None or not self._sync_ticks:
            return
        is_there = any(abs(ticks - before_ticks) <= self._tolerance_ticks for ticks in self._sync_ticks)
        self._missed_count = 0 if is_there else self._missed_count + 1
        self.is_given_up = self._missed_count >= MOST_MISSED_BOUNDARIES
