"""One source's packets on their way: clock, boundaries, passthrough, encoders, presentation.

    leader ─► SourceClock ─► BoundaryPlanner ─┬─► passthrough ─► Presentation
                                              ├─► Encoding ────► Presentation
                            more video, audio ┴────────────────► Presentation        (audio: `audio_lane`)

It begins with the source's first key frame: audio that came before waits for it, because only then is it known where
on the presentation's timeline the source lies.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from packager.boundaries import BoundaryPlanner, Cut
from packager.presentation import Presentation
from pinkmedia.live.audio_lane import MOST_AUDIO_PACKETS, AudioGate, AudioLane, EncodedSound
from pinkmedia.live.clock import START_TICKS, SourceClock
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.encoding import NOT_ENCODING, Encoding, EncodingStatus
from pinkmedia.live.extra_video import ExtraVideo
from pinkmedia.live.plan import SourcePlan
from pinkmedia.media import VIDEO_TIMESCALE, AudioTrack, Packet, Rendition, TimedMetadata, VideoTrack
from pinkmedia.tiers import Tier

DECLARED_PASSTHROUGH_BPS = 5_000_000
"""BANDWIDTH of a source before its first segment is measured."""
DECLARED_AUDIO_BPS = 160_000
MEASURED_SECONDS = 10.0
"""Over which a source's bit rate is known: one busy scene must not decide."""


log = structlog.get_logger(__name__)


class SourcePipeline:
    """From the tracks of one source until they change or it ends."""

    def __init__(
        self,
        plan: SourcePlan,
        presentation: Presentation,
        host: EncoderHost,
        *,
        stream_name: str,
        tier: Tier,
        on_worker_restart: Callable[[], None],
        on_encoding_given_up: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._leader_rendition = plan.leader_rendition
        self._presentation = presentation
        self._is_continuing = presentation.has_begun
        self._clock: SourceClock | None = None
        self._early_audio: deque[Packet] = deque(maxlen=MOST_AUDIO_PACKETS)
        self._begin_ticks: int | None = None
        """Where the first segment begins on the presentation's timeline."""
        self._planner = BoundaryPlanner(
            plan.cadence,
            target_ticks=round(plan.layout.segment_target_seconds * VIDEO_TIMESCALE),
            longest_ticks=round(plan.layout.longest_segment_seconds * VIDEO_TIMESCALE),
        )
        self._host = host
        self._tier = tier
        self._stream_name = stream_name
        self._on_worker_restart = on_worker_restart
        self._on_encoding_given_up = on_encoding_given_up
        self._encoding: Encoding | None = None
        self._extra_videos: dict[int, ExtraVideo] = {}
        self._lanes: list[AudioLane] = []
        self._gate = AudioGate(presentation, self._planner)
        self._encoded_sound = EncodedSound(self._gate, plan.sounds)
        self._leader_pts_ticks: int | None = None
        """The newest, on the source's own timeline."""
        self._add_carried_videos()
        self._add_audios()

    @property
    def encoding_status(self) -> EncodingStatus:
        return NOT_ENCODING if self._encoding is None else self._encoding.status

    @property
    def carries_video(self) -> bool:
        """There are pictures without any encoder."""
        return any(isinstance(carried.track, VideoTrack) for carried in self._plan.carried)

    def write(self, packet: Packet) -> None:
        """One packet on the source's timeline; it is changed in place. Raises SegmentTooLong."""
        if packet.track_id == self._plan.leader.track_id:
            self._write_leader(packet)
        elif (extra := self._extra_videos.get(packet.track_id)) is not None:
            extra.hold(packet)
            self._release(extra)
        else:
            self._write_audio(packet)

    @property
    def has_begun(self) -> bool:
        """Its first key frame is on the timeline."""
        return self._clock is not None

    def is_leader(self, packet: Packet) -> bool:
        return packet.track_id == self._plan.leader.track_id

    def measured_source_bps(self) -> int | None:
        """Of the pictures that are passed through; None before MEASURED_SECONDS, and when they are not."""
        window = self._presentation.find(self._leader_rendition) if self._leader_rendition else None
        if window is None or window.bandwidth.measured.seconds < MEASURED_SECONDS:
            return None
        return window.bandwidth.average_bps

    def write_metadata(self, metadata: TimedMetadata) -> None:
        """What comes before the first key frame belongs to nothing."""
        if self._clock is not None:
            moved_ticks = self._clock.moved(metadata.pts_ticks)
            self._presentation.write_metadata(replace(metadata, pts_ticks=moved_ticks))

    async def drain(self, timeout_seconds: float) -> None:
        """The source has ended: what the encoders still hold is delivered."""
        if self._encoding is not None:
            await self._encoding.drain(timeout_seconds)

    def kill(self) -> None:
        if self._encoding is not None:
            self._encoding.kill()

    def _add_carried_videos(self) -> None:
        for name, track in ((carried.rendition_name, carried.track) for carried in self._plan.carried):
            if isinstance(track, VideoTrack):
                if track is not self._plan.leader:
                    self._extra_videos[track.track_id] = ExtraVideo(name, track)
                rendition = Rendition(name, track, DECLARED_PASSTHROUGH_BPS, is_passthrough=True)
                self._presentation.add_rendition(rendition)

    def _add_audios(self) -> None:
        """In the order of the tracks, whatever becomes of them: players begin with the first."""
        renditions: list[Rendition] = []
        for name, track in ((carried.rendition_name, carried.track) for carried in self._plan.carried):
            if isinstance(track, AudioTrack):
                self._add_lane([name], track, is_encoded=False)
                renditions.append(Rendition(name, track, track.bit_rate_bps or DECLARED_AUDIO_BPS, is_passthrough=True))
        encoded_names: dict[AudioTrack, list[str]] = {}
        for sound in self._plan.sounds:
            encoded_names.setdefault(sound.source, []).append(sound.name)
            renditions.append(
                Rendition(sound.name, sound.track, sound.bit_rate_bps, is_passthrough=False, audio_group=sound.group)
            )
        for track, names in encoded_names.items():
            self._add_lane(names, track, is_encoded=True)
        for rendition in sorted(renditions, key=lambda rendition: rendition.track.track_id):
            stands_alone = rendition.name == self._plan.audio_only
            self._presentation.add_rendition(replace(rendition, stands_alone=stands_alone))

    def _add_lane(self, rendition_names: list[str], track: AudioTrack, *, is_encoded: bool) -> None:
        fills_silence = self._plan.fills_silence and track is not self._plan.leader
        self._lanes.append(AudioLane(rendition_names, track, is_encoded=is_encoded, fills_silence=fills_silence))

    # The first key frame

    def _start_clock(self, packet: Packet) -> SourceClock:
        """The source's first key frame has its place on the presentation's timeline."""
        presentation, wall_seconds = self._presentation, time.time()
        if not presentation.has_begun:
            # Later where the source reorders deeply: no decode time may lie before zero.
            start_ticks = max(START_TICKS, packet.pts_ticks - packet.dts_ticks)
            # At a whole millisecond, which is what playlists tell: then most of the times in them are exact.
            presentation.begin(round(wall_seconds - start_ticks / VIDEO_TIMESCALE, 3))
            return SourceClock(self._in_video_ticks(packet.pts_ticks), start_ticks)
        # After a break: where the wall clock says, but never before what is published already.
        seconds = max(wall_seconds - presentation.epoch_wall_seconds, presentation.end_seconds)
        milliseconds = math.ceil(seconds * 1000)
        return SourceClock(self._in_video_ticks(packet.pts_ticks), milliseconds * (VIDEO_TIMESCALE // 1000))

    def _start_encoding(self) -> Encoding | None:
        """Not before there is something to encode: a worker is not to be had by a connection alone."""
        leader, rungs, sounds = self._plan.leader, self._plan.rungs, self._plan.sounds
        if not rungs and not sounds:
            return None
        self._presentation.on_asked = self._host.governor.reconsider
        return Encoding(
            self._host,
            leader if rungs and isinstance(leader, VideoTrack) else None,
            rungs,
            self._presentation,
            sounds=sounds,
            on_sound=self._encoded_sound.write,
            stream_name=self._stream_name,
            tier=self._tier,
            essential=self._plan.essential,
            hdr=self._plan.hdr,
            on_restart=self._on_worker_restart,
            on_given_up=self._on_encoding_given_up,
        )

    def _in_video_ticks(self, leader_ticks: int) -> int:
        return leader_ticks * VIDEO_TIMESCALE // self._plan.leader.timescale

    # The track that decides where segments begin: video, or audio when there is no video

    def _write_leader(self, packet: Packet) -> None:
        if self._clock is None:
            if not packet.is_sync:
                return
            self._clock = self._start_clock(packet)
            self._encoding = self._start_encoding()
        self._leader_pts_ticks = max(self._leader_pts_ticks or packet.pts_ticks, packet.pts_ticks)
        self._clock.move(packet, self._plan.leader.timescale)
        self._cut(packet)
        if self._encoding is not None:
            self._encoding.write_source(packet)
        if self._leader_rendition is not None:
            self._presentation.write(self._leader_rendition, packet)
        for extra in self._extra_videos.values():
            self._release(extra)
        for lane in self._lanes:
            self._deliver(lane.advanced(packet, self._in_video_ticks(packet.pts_ticks)), lane)

    def _cut(self, packet: Packet) -> None:
        """Begins a segment when one is due."""
        needs_restart = self._encoding is not None and self._encoding.needs_restart
        cut = self._planner.offer(
            self._in_video_ticks(packet.pts_ticks),
            duration_ticks=self._in_video_ticks(packet.duration_ticks),
            is_sync=packet.is_sync,
            cut_now=needs_restart,
        )
        if cut is not None:
            self._begin_segment(cut, is_restart=needs_restart and packet.is_sync)

    def _begin_segment(self, cut: Cut, *, is_restart: bool) -> None:
        has_discontinuity, self._is_continuing = self._is_continuing or is_restart or cut.is_break, False
        boundary = self._presentation.add_boundary(cut.pts_ticks, has_discontinuity=has_discontinuity)
        for name in (name for lane in self._lanes for name in lane.rendition_names):
            self._presentation.skip_to(name, boundary.msn)
        if self._encoding is not None:
            if is_restart:
                self._encoding.restart()
                self._encoded_sound.begin_at(cut.pts_ticks)
            for name in self._encoding.lost_names:
                self._presentation.skip_to(name, boundary.msn, is_lost=True)
            self._encoding.begin_segment_at(cut.pts_ticks)
        for extra in self._extra_videos.values():
            self._check_alignment(extra, cut)
        self._gate.release(cut)
        if self._begin_ticks is None:
            self._begin_audio(cut.pts_ticks)

    def _begin_audio(self, begin_ticks: int) -> None:
        """The first segment begins: what came before its key frame may be heard in it."""
        self._begin_ticks = begin_ticks
        self._encoded_sound.begin_at(begin_ticks)
        for lane in self._lanes:
            lane.begin(begin_ticks)
        while self._early_audio:
            self._write_audio(self._early_audio.popleft())

    # Everything beside it

    def _release(self, extra: ExtraVideo) -> None:
        if self._clock is None or self._leader_pts_ticks is None:
            return
        for packet in extra.released(self._leader_pts_ticks):
            self._clock.move(packet, VIDEO_TIMESCALE)
            if packet.is_sync:
                extra.note_key_frame(packet.pts_ticks)
            self._presentation.write(extra.rendition_name, packet)

    def _check_alignment(self, extra: ExtraVideo, cut: Cut) -> None:
        if extra.is_given_up:
            return
        extra.check(cut.pts_ticks)
        if extra.is_given_up:
            self._presentation.give_up(extra.rendition_name)
            log.warning(
                "track_not_aligned",
                stream=self._stream_name,
                rendition=extra.rendition_name,
                advice="give all of the encoder's video tracks the same key frames",
            )

    def _write_audio(self, packet: Packet) -> None:
        """Audio beside video, if it is a track that is heard. What lies before the first key frame is dropped."""
        lanes = [lane for lane in self._lanes if lane.track.track_id == packet.track_id]
        if not lanes:
            return
        if self._clock is None or self._begin_ticks is None:
            self._early_audio.append(packet)
            return
        timescale = lanes[0].track.timescale
        self._clock.move(packet, timescale)
        self._planner.check_follower(packet.pts_ticks * VIDEO_TIMESCALE // timescale)
        for lane in lanes:
            self._deliver(lane.filled(packet), lane)

    def _deliver(self, packets: Iterable[Packet], lane: AudioLane) -> None:
        for packet in packets:
            if not lane.is_encoded:
                self._gate.write(lane.rendition_names[0], lane.track.timescale, packet)
            elif self._encoding is not None:
                self._encoding.write_source(packet)
