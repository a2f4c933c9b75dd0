"""One time that a stream is live: from its first publisher until that says goodbye or stays away too long.

Its states are in `pinkmedia.lifecycle`. A source that fits the presentation goes on in it, behind a discontinuity. One
that does not (other renditions, longer segments) gets a new presentation; the old one's playlists end, and players
reload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from packager.boundaries import SegmentTooLong
from packager.layout import Layout, PackagerSettings
from packager.presentation import Presentation
from pinkmedia.lifecycle import Lifecycle, Occurrence, State, Transition
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.encoding import NOT_ENCODING, EncodingStatus
from pinkmedia.live.pipeline import SourcePipeline
from pinkmedia.live.plan import SourceHistory, SourcePlan, StreamPolicy, plan_source
from pinkmedia.media import VIDEO_TIMESCALE, Packet, TimedMetadata, Track, VideoTrack

DRAIN_SECONDS = 1.0
"""How long the encoders may take to deliver their last frames: they hold a few, and a stop must be quick."""
LAST_PARTS_SECONDS = 0.2
"""Between the last parts and the end of the playlists: players that hear of both at once (hls.js) take a segment of
which so little is missing for whole, and never ask for the rest. Who waits for a part is answered long before."""

NOT_BACK = "the publisher did not come back in time"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BroadcastSettings:
    """What holds for every broadcast of a node."""

    packager: PackagerSettings
    reconnect_grace_seconds: float
    longest_seconds: float | None = None
    """Then a broadcast is ended; its publisher may begin another."""


class Broadcast:
    """A stream while it is live."""

    def __init__(
        self,
        stream_name: str,
        settings: BroadcastSettings,
        host: EncoderHost,
        *,
        policy: StreamPolicy,
        history: SourceHistory,
        open_presentation: Callable[[Layout, frozenset[str]], Presentation],
        on_worker_restart: Callable[[], None],
        on_encoding_given_up: Callable[[], None],
        on_hopeless: Callable[[str], None],
        on_transition: Callable[[Transition], None],
        on_ended: Callable[[], None],
    ) -> None:
        """``on_hopeless`` is told why there are no pictures any more although the publisher sends some; not from within
        a call of this object."""
        self.stream_name = stream_name
        self.lifecycle = Lifecycle(stream_name, on_transition)
        self.presentation: Presentation | None = None
        self._policy = policy
        self._history = history
        self._settings = settings
        self._host = host
        self._open_presentation = open_presentation
        self._on_worker_restart = on_worker_restart
        self._on_encoding_given_up = on_encoding_given_up
        self._on_hopeless = on_hopeless
        self._on_ended = on_ended
        self._pipeline: SourcePipeline | None = None
        self._tracks: Sequence[Track] = ()
        self._has_source_begun = False
        """Pictures of the present source are published."""
        self._is_waiting_for_key_frame = False
        self._seconds_since_boundary: float | None = None
        """Counted while the distance of key frames is being measured."""
        self._grace: asyncio.TimerHandle | None = None
        self._log = log.bind(stream=stream_name)

    # The source

    def begin_source(self, tracks: Sequence[Track]) -> None:
        """A publisher's media begins, or begins anew with other tracks."""
        if self.lifecycle.state is State.ENDED:  # its publisher has not heard of the end yet
            return
        self._stop_grace()
        if self._pipeline is not None:
            self._pipeline.kill()
        self._has_source_begun = False
        self._tracks = tracks
        self._is_waiting_for_key_frame = False
        plan = self._plan(tracks)
        presentation = self._presentation_for(plan)
        self._pipeline = SourcePipeline(
            plan,
            presentation,
            self._host,
            stream_name=self.stream_name,
            tier=self._policy.tier,
            on_worker_restart=self._on_worker_restart,
            on_encoding_given_up=self._encoding_given_up,
        )
        self._log.info("source_began", epoch=presentation.epoch, **_described(plan))

    def _plan(self, tracks: Sequence[Track]) -> SourcePlan:
        """Without anything encoded when all workers are taken."""
        plan = plan_source(tracks, self._history, self._policy, self._settings.packager)
        if not (plan.rungs or plan.sounds) or self._host.governor.has_room():
            return plan
        self._log.warning("no_worker_free", advice="raise max_workers; viewers get what is sent")
        policy = replace(self._policy, ladder=None)
        return plan_source(tracks, self._history, policy, self._settings.packager)

    def write(self, packet: Packet) -> None:
        if self._is_waiting_for_key_frame:
            self._wait_for_key_frame(packet)
        if self._pipeline is not None and packet.is_sync:
            self._check_bit_rate(packet, self._pipeline)
        if self._pipeline is None:
            return
        try:
            self._pipeline.write(packet)
        except SegmentTooLong as too_long:
            self._stop_for_long_segment(too_long)
        else:
            if not self._has_source_begun and self._pipeline.has_begun:
                self._has_source_begun = True
                self.lifecycle.occur(Occurrence.PICTURES)

    def write_metadata(self, metadata: TimedMetadata) -> None:
        if self._pipeline is not None:
            self._pipeline.write_metadata(metadata)

    @property
    def encoding_status(self) -> EncodingStatus:
        """How the rungs fare."""
        return NOT_ENCODING if self._pipeline is None else self._pipeline.encoding_status

    def _encoding_given_up(self, reason: str) -> None:
        self._on_encoding_given_up()
        if self._pipeline is not None and not self._pipeline.carries_video:
            asyncio.get_running_loop().call_soon(self._on_hopeless, f"what is sent cannot be transcoded: {reason}")

    def expect_source(self) -> None:
        """A publisher is admitted: it is not too late any more, however long its first media takes."""
        self._stop_grace()

    def interrupt(self, reason: str) -> None:
        """The publisher's connection was lost: it may come back."""
        if self.lifecycle.state is State.ENDED:
            return
        self._stop_grace()
        if self._pipeline is not None:
            self._pipeline.kill()
            self._pipeline = None
        if self.presentation is None or not self.lifecycle.has_been_live:
            self._end(reason)  # nobody has seen anything of it
            return
        self.lifecycle.occur(Occurrence.PUBLISHER_LOST, reason)
        self.presentation.flush()
        grace_seconds = self._settings.reconnect_grace_seconds
        self._log.info("broadcast_interrupted", grace_seconds=grace_seconds)
        self._grace = asyncio.get_running_loop().call_later(grace_seconds, self._end, NOT_BACK)

    async def finish(self, reason: str) -> None:
        """The broadcast is over: everything that came in is published, then the playlists end."""
        self._stop_grace()
        self.lifecycle.occur(Occurrence.OVER, reason)
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            await pipeline.drain(DRAIN_SECONDS)
        if self.presentation is not None and self.presentation.has_begun:
            self.presentation.flush()
            await asyncio.sleep(LAST_PARTS_SECONDS)
        self._end(reason)

    def _end(self, reason: str) -> None:
        self.lifecycle.occur(Occurrence.OVER, reason)
        if self.presentation is not None:
            self.presentation.end()
        self._log.info("broadcast_ended")
        self._on_ended()

    def _stop_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _presentation_for(self, plan: SourcePlan) -> Presentation:
        """The one there is, when the plan keeps its promises; otherwise a new one."""
        current = self.presentation
        if current is not None and not current.is_ended:
            if current.layout == plan.layout and current.names == plan.rendition_names:
                return current
            current.end()
        self.presentation = self._open_presentation(plan.layout, plan.rendition_names)
        return self.presentation

    def _check_bit_rate(self, packet: Packet, pipeline: SourcePipeline) -> None:
        """At a key frame: pictures that need more than may be passed through are encoded anew from here on."""
        policy = self._policy
        if policy.ladder is None or self._history.is_over_bit_rate or not pipeline.is_leader(packet):
            return
        source_bps = pipeline.measured_source_bps()
        if source_bps is not None and source_bps > policy.passthrough_bps:
            self._history.is_over_bit_rate = True
            self._log.warning(
                "source_over_bit_rate",
                kbps=source_bps // 1000,
                passthrough_kbps=policy.passthrough_bps // 1000,
                advice="set a lower bit rate, so that the picture is passed through; viewers reload once",
            )
            self.begin_source(self._tracks)

    # Key frames too far apart

    def _stop_for_long_segment(self, too_long: SegmentTooLong) -> None:
        """The promised target duration cannot be kept: this presentation ends, the next key frame begins another."""
        if self._pipeline is not None:
            self._pipeline.kill()
            self._pipeline = None
        if self.presentation is not None:
            self.presentation.end()
        self._is_waiting_for_key_frame = True
        seconds = round(too_long.elapsed_seconds, 3)
        if too_long.has_stuttered:
            self._seconds_since_boundary = None
            self._log.warning("source_stuttered", seconds_without_key_frame=seconds, advice="viewers reload once")
        else:
            self._seconds_since_boundary = too_long.elapsed_seconds
            self._log.warning(
                "key_frames_too_far_apart",
                seconds_without_key_frame=seconds,
                advice="set the encoder's key frame interval to 2 s; viewers reload once",
            )

    def _wait_for_key_frame(self, packet: Packet) -> None:
        """To the next key frame, and how far apart they are."""
        video = next((track for track in self._tracks if isinstance(track, VideoTrack)), None)
        if video is not None and packet.track_id != video.track_id:
            return
        if packet.is_sync:
            seen_seconds = self._seconds_since_boundary or 0.0
            self._history.key_frame_distance_seconds = max(self._history.key_frame_distance_seconds, seen_seconds)
            self.begin_source(self._tracks)
        elif self._seconds_since_boundary is not None:
            self._seconds_since_boundary += packet.duration_ticks / VIDEO_TIMESCALE


def _described(plan: SourcePlan) -> dict[str, object]:
    """The plan as fields of a log line."""
    return {
        "leader": _named(plan.leader),
        "carried": {each.rendition_name: _named(each.track) for each in plan.carried},
        "rungs": [rung.name for rung in plan.rungs],
        "sounds": {sound.name: _named(sound.source) for sound in plan.sounds},
    }


def _named(track: Track) -> str:
    if isinstance(track, VideoTrack):
        return f"{track.codec_string} {track.display_width}x{track.height}@{float(track.frame_rate):.3g}"
    return f"{track.codec_string} {track.sample_rate} Hz {track.channels} ch"
