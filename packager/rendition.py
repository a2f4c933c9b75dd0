"""Packets of one rendition become parts and segments in its window.

Strategy:

- A part is published when its last frame *arrives*. That frame is given its nominal duration; when the next frame
  shows that the truth was different, the deviation goes into the next sample's duration. Decode times therefore have
  no gap or overlap, and presentation times stay exact: the composition offset takes up the difference.
- A segment begins at the first sync sample at or after a boundary (`packager.boundaries`). What the open part
  holds by then is published first, as the last part of its segment.
- A boundary after which the timeline breaks, or one that comes after numbers were missed, restarts the decode time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from packager.boundaries import Boundaries, Boundary
from packager.fragment import Sample, write_fragment
from packager.init_segment import init_segment
from packager.layout import Layout
from packager.segment import Segment
from packager.window import SegmentArchive, Window
from pinkmedia.media import InitSegment, Packet, Part, Rendition, VideoTrack

SHORTEST_SAMPLE_TICKS = 1
"""A sample that comes too early still lasts a tick: zero durations make some players drop it."""
MOST_SAMPLES_RATIO = 10
"""A part takes so many times the samples it should have: where time stands still, it would never be full."""
MOST_SEGMENTS_BEHIND = 2
"""A rendition this far behind the newest boundary has stopped; tracks that are sent apart are nearer."""
MOST_MESSAGES = 32
"""Event messages that wait for a part; of more, the oldest are lost. Nobody sends so many in a fifth of a second."""
MOST_GAPS = 6
"""More segments missed than this, and the list begins anew: nobody plays from before so long a gap."""


class RenditionPackager:
    """Cuts one rendition. Its window is what the origin reads."""

    def __init__(
        self,
        rendition: Rendition,
        layout: Layout,
        boundaries: Boundaries,
        *,
        on_part: Callable[[Rendition, Part], None],
        archive: SegmentArchive | None = None,
        new_window: Callable[[Rendition, Layout, SegmentArchive | None], Window] = Window,
    ) -> None:
        self._on_part = on_part
        self.window = new_window(rendition, layout, archive)
        self._layout = layout
        self._boundaries = boundaries
        self._segment_msn: int | None = None
        self._samples: list[Sample] = []
        self._messages: deque[bytes] = deque(maxlen=MOST_MESSAGES)
        self._part_start_ticks = 0
        self._next_decode_ticks = 0
        self._last_received_at = 0.0
        self._init_count = 0
        self._fragment_count = 0
        self._configure(rendition)

    def change(self, rendition: Rendition) -> None:
        """The packets after the next boundary belong to this track: a new init segment if its configuration differs."""
        if rendition.track != self.window.rendition.track:
            self.flush()
            self._configure(rendition)
        self.window.change(rendition)

    def write(self, packet: Packet) -> None:
        """One access unit on the presentation's timeline, in decode order.

        Ignored before the first segment begins, and after the end.
        """
        if self.window.is_ended:
            return
        boundary = self._due_boundary(packet)
        if boundary is not None:
            if self.window.is_withdrawn:
                self._restore(boundary)
            self._begin_segment(boundary, packet)
        elif self.window.is_withdrawn:
            return
        elif self.window.open_segment is None:
            return  # nothing has begun, or its segment was listed as a gap
        self._append(packet)

    def add_message(self, message: bytes) -> None:
        """An event message box: it goes in front of the next part."""
        self._messages.append(message)

    def skip_to(self, msn: int, *, is_lost: bool) -> None:
        """Segments before this one for which nothing came are listed as gaps, so that players go on without.

        ``is_lost``: nothing can come for them any more; otherwise they may be late.
        """
        most_behind = 1 if is_lost else MOST_SEGMENTS_BEHIND
        if self.window.is_ended or self._segment_msn is None or msn - self._segment_msn <= most_behind:
            return
        self._close_segment()
        self._list_gaps(self._segment_msn + 1, msn)
        self._segment_msn = msn - 1

    def flush(self) -> None:
        """Publishes what the open part holds: the source has stopped."""
        if self._samples:
            self._publish_part()

    def withdraw(self, *, is_dormant: bool) -> None:
        """Nothing comes for now: it is not served before the segment that begins with the next packet."""
        if self.window.is_ended:
            return
        self._close_segment()
        self._segment_msn = None
        self.window.withdraw(is_dormant=is_dormant)

    def end(self) -> None:
        """Completes the last segment; the playlist ends."""
        self._close_segment()
        self._segment_msn = None
        self.window.end()

    def _configure(self, rendition: Rendition) -> None:
        track = rendition.track
        self._init_count += 1
        self._init = InitSegment(f"init-{self._init_count}.mp4", init_segment(track))
        self._timescale = track.timescale
        self._is_video = isinstance(track, VideoTrack)
        self._nominal_ticks = track.frame_duration_ticks
        self._part_ticks = self._layout.part_ticks(track)
        self.window.add_init(self._init)

    # Segments

    def _due_boundary(self, packet: Packet) -> Boundary | None:
        """The boundary of a segment that begins with this packet, if one does."""
        if not packet.is_sync:
            return None
        boundary = self._boundaries.latest_at(packet.pts_ticks, self._timescale)
        is_due = boundary is not None and (self._segment_msn is None or boundary.msn > self._segment_msn)
        return boundary if is_due else None

    def _begin_segment(self, boundary: Boundary, packet: Packet) -> None:
        self._close_segment()
        previous_msn, self._segment_msn = self._segment_msn, boundary.msn
        is_broken = previous_msn is None or boundary.has_discontinuity or boundary.msn != previous_msn + 1
        is_broken |= bool(self.window.segments) and self.window.segments[-1].is_gap
        if previous_msn is not None:
            self._list_gaps(previous_msn + 1, boundary.msn)
        if is_broken:
            self._next_decode_ticks = packet.dts_ticks
        if not self.window.segments:
            self.window.count_discontinuities(boundary.discontinuity_count)
        # The first segment of all has nothing before it to be discontinuous with.
        has_discontinuity = boundary.has_discontinuity and bool(self.window.segments)
        start_seconds = packet.pts_ticks / self._timescale
        self.window.open(Segment(boundary.msn, start_seconds, self._init.uri, has_discontinuity))

    def _restore(self, boundary: Boundary) -> None:
        """The segment after which it begins again is listed, too, as a gap: hls.js takes parts alone for nothing."""
        self.window.restore()
        before = self._boundaries.get(boundary.msn - 1)
        if before is not None:
            self.window.count_discontinuities(before.discontinuity_count - before.has_discontinuity)
            self._list_gaps(before.msn, boundary.msn)

    def _list_gaps(self, first_msn: int, end_msn: int) -> None:
        """Stand-ins for segments that this rendition missed, so that its numbers stay those of the others."""
        if end_msn - first_msn > MOST_GAPS:
            self.window.clear()
            return
        for msn in range(first_msn, end_msn):
            boundary, following = self._boundaries.get(msn), self._boundaries.get(msn + 1)
            if boundary is None or following is None:
                continue
            gap = Segment(msn, boundary.pts_seconds, self._init.uri, boundary.has_discontinuity, is_gap=True)
            # The time before a break may be that of an interruption: no segment is as long as that.
            lasted_seconds = following.pts_seconds - boundary.pts_seconds
            gap.duration_seconds = min(lasted_seconds, self._layout.longest_segment_seconds)
            self.window.open(gap)
            self.window.close()

    def _close_segment(self) -> None:
        self.flush()
        if self.window.open_segment is not None:
            self.window.close()

    # Parts

    def _append(self, packet: Packet) -> None:
        if not self._samples:
            self._part_start_ticks = self._next_decode_ticks
        lasted_ticks = self._next_decode_ticks - self._part_start_ticks
        deviation_ticks = packet.dts_ticks - self._next_decode_ticks
        # Never longer than the part may be: what is left of a large deviation goes into the samples after this one.
        room_ticks = self._part_ticks - lasted_ticks
        duration_ticks = max(SHORTEST_SAMPLE_TICKS, min(self._nominal_ticks + deviation_ticks, room_ticks))
        offset_ticks = packet.pts_ticks - self._next_decode_ticks
        self._samples.append(
            Sample(duration_ticks, offset_ticks if self._is_video else 0, packet.is_sync, packet.payload)
        )
        self._next_decode_ticks += duration_ticks
        self._last_received_at = packet.received_at
        is_full = len(self._samples) >= MOST_SAMPLES_RATIO * self._part_ticks // self._nominal_ticks
        if is_full or room_ticks - duration_ticks < self._nominal_ticks // 2:
            self._publish_part()

    def _take_messages(self) -> Sequence[bytes]:
        if not self._messages:
            return ()
        messages = tuple(self._messages)
        self._messages.clear()
        return messages

    def _publish_part(self) -> None:
        segment = self.window.segments[-1]
        samples, self._samples = self._samples, []
        self._fragment_count += 1
        data = write_fragment(
            samples,
            sequence_number=self._fragment_count,
            decode_time_ticks=self._part_start_ticks,
            default_duration_ticks=self._nominal_ticks,
            is_video=self._is_video,
            wall_clock_seconds=time.time(),
            messages=self._take_messages(),
        )
        part = Part(
            uri=segment.part_uri(len(segment.parts)),
            data=data,
            duration_seconds=(self._next_decode_ticks - self._part_start_ticks) / self._timescale,
            is_independent=any(sample.is_sync for sample in samples),
            last_received_at=self._last_received_at,
            published_at=time.monotonic(),
        )
        self.window.publish(part)
        self._on_part(self.window.rendition, part)
