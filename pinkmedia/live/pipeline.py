"""One source's packets on their way: clock, boundaries, passthrough, encoders, presentation.

    packet ─► SourceClock ─► BoundaryPlanner ─┬─► passthrough ─► Presentation
                                              ├─► Encoding ────► Presentation
                                  audio ──────┴────────────────► Presentation

It begins with the source's first key frame: audio that came before waits for it, because only then is it known where
on the presentation's timeline the source lies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from packager.boundaries import BoundaryPlanner, Cut
from packager.presentation import Presentation
from pinkmedia.live.clock import START_TICKS, SourceClock
from pinkmedia.live.encoding import Encoding
from pinkmedia.live.plan import AUDIO_RENDITION, SourcePlan
from pinkmedia.media import VIDEO_TIMESCALE, Packet, Rendition
from transcode.pool import WorkerPool

MOST_EARLY_AUDIO_PACKETS = 500
"""Audio kept until the first key frame: about ten seconds, more than any sensible key frame distance."""
DECLARED_PASSTHROUGH_BPS = 5_000_000
"""BANDWIDTH of a source before its first segment is measured."""
DECLARED_AUDIO_BPS = 160_000


class SourcePipeline:
    """From the tracks of one source until they change or it ends."""

    def __init__(
        self,
        plan: SourcePlan,
        presentation: Presentation,
        pool: WorkerPool,
        *,
        stream_name: str,
        on_worker_restart: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._presentation = presentation
        self._is_continuing = presentation.has_begun
        self._clock: SourceClock | None = None
        self._early_audio: deque[Packet] = deque(maxlen=MOST_EARLY_AUDIO_PACKETS)
        self._first_audio_ticks: int | None = None
        self._planner = BoundaryPlanner(
            plan.cadence,
            target_ticks=round(plan.layout.segment_target_seconds * VIDEO_TIMESCALE),
            longest_ticks=round(plan.layout.longest_segment_seconds * VIDEO_TIMESCALE),
        )
        self._pool = pool
        self._stream_name = stream_name
        self._on_worker_restart = on_worker_restart
        self._encoding: Encoding | None = None
        self._add_source_renditions()

    def write(self, packet: Packet) -> None:
        """One packet on the source's timeline; it is changed in place. Raises SegmentTooLong."""
        is_leader = packet.track_id == self._plan.leader.track_id
        if self._clock is None:
            if not (is_leader and packet.is_sync):
                self._wait_for_key_frame(packet, is_leader=is_leader)
                return
            self._clock = self._start_clock(packet)
            self._encoding = self._start_encoding()
        if is_leader:
            self._clock.move(packet, self._plan.leader.timescale)
            self._write_leader(packet)
        else:
            self._write_audio(packet, self._clock)

    async def drain(self, timeout_seconds: float) -> None:
        """The source has ended: what the encoders still hold is delivered."""
        if self._encoding is not None:
            await self._encoding.drain(timeout_seconds)

    def kill(self) -> None:
        if self._encoding is not None:
            self._encoding.kill()

    def _add_source_renditions(self) -> None:
        plan, add = self._plan, self._presentation.add_rendition
        if plan.video and plan.passthrough_name:
            add(Rendition(plan.passthrough_name, plan.video, DECLARED_PASSTHROUGH_BPS, is_passthrough=True))
        if plan.audio:
            bit_rate_bps = plan.audio.bit_rate_bps or DECLARED_AUDIO_BPS
            add(Rendition(AUDIO_RENDITION, plan.audio, bit_rate_bps, is_passthrough=True))

    # The first key frame

    def _wait_for_key_frame(self, packet: Packet, *, is_leader: bool) -> None:
        if not is_leader:
            self._early_audio.append(packet)

    def _start_clock(self, packet: Packet) -> SourceClock:
        """The source's first key frame has its place on the presentation's timeline."""
        presentation, wall_seconds = self._presentation, time.time()
        if not presentation.has_begun:
            # Later where the source reorders deeply: no decode time may lie before zero.
            start_ticks = max(START_TICKS, packet.pts_ticks - packet.dts_ticks)
            presentation.begin(wall_seconds - start_ticks / VIDEO_TIMESCALE)
            return SourceClock(self._in_video_ticks(packet.pts_ticks), start_ticks)
        # After a break: where the wall clock says, but never before what is published already.
        seconds = max(wall_seconds - presentation.epoch_wall_seconds, presentation.end_seconds)
        return SourceClock(self._in_video_ticks(packet.pts_ticks), round(seconds * VIDEO_TIMESCALE))

    def _start_encoding(self) -> Encoding | None:
        """Not before there is something to encode: a worker is not to be had by a connection alone."""
        video, rungs = self._plan.video, self._plan.rungs
        if not video or not rungs:
            return None
        return Encoding(
            self._pool,
            video,
            rungs,
            self._presentation,
            stream_name=self._stream_name,
            on_restart=self._on_worker_restart,
        )

    def _in_video_ticks(self, leader_ticks: int) -> int:
        return leader_ticks * VIDEO_TIMESCALE // self._plan.leader.timescale

    # Everything after it

    def _write_leader(self, packet: Packet) -> None:
        """The track that decides where segments begin: video, or audio when there is no video."""
        needs_restart = self._encoding is not None and self._encoding.needs_restart
        cut = self._planner.offer(
            self._in_video_ticks(packet.pts_ticks),
            duration_ticks=self._in_video_ticks(packet.duration_ticks),
            is_sync=packet.is_sync,
            cut_now=needs_restart,
        )
        if cut is not None:
            self._begin_segment(cut, is_restart=needs_restart and packet.is_sync)
        if self._encoding is not None:
            self._encoding.write_source(packet)
        if self._plan.leader_rendition is not None:
            self._presentation.write(self._plan.leader_rendition, packet)

    def _begin_segment(self, cut: Cut, *, is_restart: bool) -> None:
        has_discontinuity, self._is_continuing = self._is_continuing or is_restart or cut.is_break, False
        self._presentation.add_boundary(cut.pts_ticks, has_discontinuity=has_discontinuity)
        if self._encoding is not None:
            if is_restart:
                self._encoding.restart()
            self._encoding.begin_segment_at(cut.pts_ticks)
        if self._first_audio_ticks is None and self._plan.audio and self._clock:
            self._first_audio_ticks = cut.pts_ticks * self._plan.audio.timescale // VIDEO_TIMESCALE
            while self._early_audio:
                self._write_audio(self._early_audio.popleft(), self._clock)

    def _write_audio(self, packet: Packet, clock: SourceClock) -> None:
        """Audio beside video. What lies before the first key frame belongs to nothing and is dropped."""
        audio = self._plan.audio
        if audio is None or self._first_audio_ticks is None:
            return
        clock.move(packet, audio.timescale)
        self._planner.check_follower(packet.pts_ticks * VIDEO_TIMESCALE // audio.timescale)
        if packet.pts_ticks >= self._first_audio_ticks:
            self._presentation.write(AUDIO_RENDITION, packet)
