"""From a source's timeline to the presentation's.

A source's timestamps begin anywhere, and begin anew after a reconnect. The presentation's time begins at
START_TICKS with the first key frame, and each later source is placed where the wall clock says: EXT-X-PROGRAM-DATE-TIME
is then one constant plus the presentation time, for all renditions and the whole epoch.
"""

from __future__ import annotations

from pinkmedia.media import VIDEO_TIMESCALE, Packet

START_TICKS = VIDEO_TIMESCALE
"""One second: room for decode times that lie before the first presentation time."""


class SourceClock:
    """Moves one source's packets, video and audio by the same amount."""

    def __init__(self, source_pts_ticks: int, presentation_ticks: int) -> None:
        """A source's video time (or its audio's, converted to the video timescale) and where it is to be presented."""
        self._shift_ticks = presentation_ticks - source_pts_ticks
        self._shifts: dict[int, int] = {VIDEO_TIMESCALE: self._shift_ticks}

    def moved(self, video_ticks: int) -> int:
        """A time of the source at the video timescale, where it is to be presented."""
        return video_ticks + self._shift_ticks

    def move(self, packet: Packet, timescale: int) -> None:
        """Changes the packet's times in place."""
        shift_ticks = self._shifts.get(timescale)
        if shift_ticks is None:
            shift_ticks = round(self._shift_ticks * timescale / VIDEO_TIMESCALE)
            self._shifts[timescale] = shift_ticks
        packet.dts_ticks += shift_ticks
        packet.pts_ticks += shift_ticks
