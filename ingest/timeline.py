"""From a publisher's tags to tracks and packets, as `pinkmedia.publishing.Publication` takes them.

    tags ─► gather ─────────────► place ──────► clocks ─────► Packet
            until the tracks      Continuity    VideoClock
            are known; held       (breaks)      AudioClock
            back, not lost

Gathering ends as soon as every announced track has its sequence header and the frame rate is known, and after
MAX_GATHERING_MS at the latest. It happens again when a sequence header changes; then TracksReady comes anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ingest.clocks import AudioClock, VideoClock, serial_difference_ms
from ingest.continuity import Continuity
from ingest.flv.tags import AudioFrame, AudioSequenceHeader, AudioTag, VideoFrame, VideoSequenceHeader, VideoTag
from ingest.frame_rate import measured_frame_rate
from ingest.source import MediaKind, SourceDescription
from pinkmedia.media import AudioTrack, Packet, Track, VideoTrack

MAX_GATHERING_MS = 1_000
"""Media time that packets are held back for a track that was not announced or does not come; viewers wait as long."""
MAX_GATHERED_FRAMES = 300
"""Ends gathering when timestamps stand still: more than a second of both kinds at 120 frames per second."""
MAX_GATHERED_BYTES = 16 * 1024 * 1024
"""Ends gathering early for a source of enormous frames: twice the longest message."""
MEASURED_FRAMES = 10
"""Frames that a rate is measured over when nobody declares it; a third of a second of a usual source."""


@dataclass(frozen=True, slots=True)
class TracksReady:
    """The packets that follow belong to these tracks, on a timeline of their own."""

    tracks: tuple[Track, ...]


TimelineEvent: TypeAlias = TracksReady | Packet


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One frame as it came in."""

    frame: VideoFrame | AudioFrame
    timestamp_ms: int
    received_at: float

    @property
    def kind(self) -> MediaKind:
        return MediaKind.VIDEO if isinstance(self.frame, VideoFrame) else MediaKind.AUDIO


class MediaTimeline:
    """One publisher's media, in order of arrival. Timestamps are RTMP's: milliseconds modulo 2^32."""

    def __init__(self) -> None:
        self._source = SourceDescription()
        self._is_gathering = True
        self._gathered: list[_Arrival] = []
        self._gathered_bytes = 0
        self._awaited: frozenset[MediaKind] | None = None
        """The kinds that gathering waits for; None until they were found out once."""
        self._continuity = Continuity()
        self._tracks: tuple[Track, ...] = ()
        self._video: _VideoLane | None = None
        self._audio: _AudioLane | None = None

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        """onMetaData, whenever it comes; what is announced already does not change by it."""
        self._source.set_metadata(properties)

    def receive_video(self, tag: VideoTag, timestamp_ms: int, received_at: float) -> list[TimelineEvent]:
        """A video tag. Raises CodecError for a sequence header that cannot be parsed."""
        match tag:
            case VideoFrame() if MediaKind.VIDEO in self._source.described:
                return self._receive(_Arrival(tag, timestamp_ms, received_at))
            case VideoSequenceHeader() if self._source.set_video(tag.configuration):
                self._gather_again(MediaKind.VIDEO)
        return []  # nothing new; or a frame without its header, which nobody can decode

    def receive_audio(self, tag: AudioTag, timestamp_ms: int, received_at: float) -> list[TimelineEvent]:
        """An audio tag."""
        match tag:
            case AudioFrame() if MediaKind.AUDIO in self._source.described:
                return self._receive(_Arrival(tag, timestamp_ms, received_at))
            case AudioSequenceHeader() if self._source.set_audio(tag.configuration):
                self._gather_again(MediaKind.AUDIO)
        return []

    def flush(self) -> list[TimelineEvent]:
        """The source has ended: what was held back comes out."""
        return self._release() if self._gathered else []

    # Gathering

    def _gather_again(self, kind: MediaKind) -> None:
        """Frames held back for a header that is replaced now cannot be decoded any more."""
        self._is_gathering = True
        self._gathered = [arrival for arrival in self._gathered if arrival.kind is not kind]
        self._gathered_bytes = sum(len(arrival.frame.payload) for arrival in self._gathered)

    def _receive(self, arrival: _Arrival) -> list[TimelineEvent]:
        if not self._is_gathering:
            return self._emit(arrival)
        self._gathered.append(arrival)
        self._gathered_bytes += len(arrival.frame.payload)
        return self._release() if self._knows_tracks() or self._has_waited_enough() else []

    def _knows_tracks(self) -> bool:
        awaited = self._source.announced if self._awaited is None else self._awaited
        if not awaited <= self._source.described:
            return False
        needs_measuring = MediaKind.VIDEO in self._source.described and self._source.frame_rate is None
        return not needs_measuring or len(self._gathered_video_ms()) >= MEASURED_FRAMES

    def _has_waited_enough(self) -> bool:
        waited_ms = serial_difference_ms(self._gathered[-1].timestamp_ms, self._gathered[0].timestamp_ms)
        return (
            abs(waited_ms) >= MAX_GATHERING_MS
            or len(self._gathered) >= MAX_GATHERED_FRAMES
            or self._gathered_bytes >= MAX_GATHERED_BYTES
        )

    def _gathered_video_ms(self) -> list[int]:
        return [arrival.timestamp_ms for arrival in self._gathered if arrival.kind is MediaKind.VIDEO]

    def _release(self) -> list[TimelineEvent]:
        """The tracks are what is described by now."""
        frame_rate = self._source.frame_rate or measured_frame_rate(self._gathered_video_ms())
        self._awaited = self._source.described
        self._tracks = self._source.tracks(frame_rate)
        arrivals, self._gathered, self._gathered_bytes = self._gathered, [], 0
        self._is_gathering = False
        return [self._begin_timeline(), *(event for arrival in arrivals for event in self._emit(arrival))]

    # Packets

    def _begin_timeline(self) -> TracksReady:
        for track in self._tracks:
            if isinstance(track, VideoTrack):
                self._video = _VideoLane(track)
            else:
                self._audio = _AudioLane(track)
        return TracksReady(self._tracks)

    def _emit(self, arrival: _Arrival) -> list[TimelineEvent]:
        placement = self._continuity.place(arrival.kind, arrival.timestamp_ms)
        if placement is None:
            return []
        events: list[TimelineEvent] = [self._begin_timeline()] if placement.is_break else []
        packet = self._packet(arrival, placement.time_ms)
        return [*events, packet] if packet is not None else events

    def _packet(self, arrival: _Arrival, time_ms: int) -> Packet | None:
        match arrival.frame:
            case VideoFrame() if self._video:
                return self._video.packet(arrival.frame, time_ms, arrival.received_at)
            case AudioFrame() if self._audio:
                return self._audio.packet(arrival.frame, time_ms, arrival.received_at)
        return None


class _VideoLane:
    """The current video track and its clock."""

    def __init__(self, track: VideoTrack) -> None:
        self._track_id = track.track_id
        self._frame_duration_ticks = track.frame_duration_ticks
        self._clock = VideoClock(track.frame_rate)

    def packet(self, frame: VideoFrame, time_ms: int, received_at: float) -> Packet:
        dts_ticks, pts_ticks = self._clock.times(time_ms, frame.composition_ms)
        return Packet(
            track_id=self._track_id,
            dts_ticks=dts_ticks,
            pts_ticks=pts_ticks,
            duration_ticks=self._frame_duration_ticks,
            is_sync=frame.is_sync,
            payload=frame.payload,
            received_at=received_at,
        )


class _AudioLane:
    """The current audio track and its clock."""

    def __init__(self, track: AudioTrack) -> None:
        self._track_id = track.track_id
        self._samples_per_frame = track.samples_per_frame
        self._clock = AudioClock(track.sample_rate, track.samples_per_frame)

    def packet(self, frame: AudioFrame, time_ms: int, received_at: float) -> Packet | None:
        """None for a frame whose time is filled already."""
        time_ticks = self._clock.time(time_ms)
        if time_ticks is None:
            return None
        return Packet(
            track_id=self._track_id,
            dts_ticks=time_ticks,
            pts_ticks=time_ticks,
            duration_ticks=self._samples_per_frame,
            is_sync=True,
            payload=frame.payload,
            received_at=received_at,
        )
