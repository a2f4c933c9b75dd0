"""From a publisher's tags to tracks and packets, as `pinkmedia.publishing.Publication` takes them.

    tags ─► gather ─────────────► place ──────► clocks ─────► Packet
            until the tracks      Continuity    VideoClock
            are known; held       (breaks)      AudioClock
            back, not lost

Gathering ends as soon as every announced track has its sequence header and the frame rate is known; after
MAX_GATHERING_MS without the tracks that do not come, and after LONGEST_GATHERING_MS at the latest. It happens again
when a sequence header changes; then TracksReady comes anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from ingest.clocks import AudioClock, VideoClock, serial_difference_ms
from ingest.continuity import Continuity
from ingest.elementary import (
    AudioFrame,
    AudioSequenceHeader,
    AudioTag,
    MediaKind,
    TrackAnnounced,
    TrackKey,
    VideoColour,
    VideoFrame,
    VideoSequenceHeader,
    VideoTag,
)
from ingest.frame_rate import FrameRateWatch, measured_frame_rate
from ingest.source import SourceDescription
from pinkmedia.media import VIDEO_TIMESCALE, AudioTrack, Packet, Track, VideoTrack

MAX_GATHERING_MS = 1_000
"""Media time that packets are held back for a track that was not announced or does not come; viewers wait as long."""
LONGEST_GATHERING_MS = 5_000
"""The same for a track that is there and lacks its first key frame: a publisher that is joined in the middle. Key
frames farther apart than this are rare; audio alone would be a presentation that ends a moment later."""
MAX_GATHERED_FRAMES = 1_500
"""Ends gathering when timestamps stand still: more than a second of five tracks at 120 frames per second, or
LONGEST_GATHERING_MS of six tracks of audio."""
MAX_GATHERED_BYTES = 16 * 1024 * 1024
"""Ends gathering early for a source of enormous frames: twice the longest message."""
MEASURED_FRAMES = 10
"""Frames that a rate is measured over when nobody declares it; a third of a second of a usual source."""

_VIDEO, _AUDIO = MediaKind.VIDEO, MediaKind.AUDIO


@dataclass(frozen=True, slots=True)
class TracksReady:
    """The packets that follow belong to these tracks, on a timeline of their own."""

    tracks: tuple[Track, ...]


TimelineEvent: TypeAlias = TracksReady | Packet


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One frame as it came in."""

    key: TrackKey
    frame: VideoFrame | AudioFrame
    timestamp_ms: int
    received_at: float


class MediaTimeline:
    """One publisher's media, in order of arrival. Timestamps are RTMP's: milliseconds modulo 2^32."""

    def __init__(self) -> None:
        self._source = SourceDescription()
        self._is_gathering = True
        self._gathered: list[_Arrival] = []
        self._gathered_bytes = 0
        self._awaited: frozenset[TrackKey] | None = None
        """The tracks that gathering waits for; None until they were found out once."""
        self._continuity = Continuity()
        self._tracks: tuple[Track, ...] = ()
        self._lanes: dict[TrackKey, _VideoLane | _AudioLane] = {}

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        """onMetaData, whenever it comes; what is announced already does not change by it."""
        self._source.set_metadata(properties)

    def receive(self, tag: VideoTag | AudioTag, timestamp_ms: int, received_at: float) -> list[TimelineEvent]:
        """What was sent for a track. Raises CodecError for a sequence header that makes no track."""
        match tag:
            case VideoFrame():
                return self._receive(_Arrival(TrackKey(_VIDEO, tag.track_number), tag, timestamp_ms, received_at))
            case AudioFrame():
                return self._receive(_Arrival(TrackKey(_AUDIO, tag.track_number), tag, timestamp_ms, received_at))
            case VideoSequenceHeader() if self._source.set_video(tag.track_number, tag.format):
                self._gather_again(TrackKey(_VIDEO, tag.track_number))
            case AudioSequenceHeader() if self._source.set_audio(tag.track_number, tag.format):
                self._gather_again(TrackKey(_AUDIO, tag.track_number))
            case TrackAnnounced():
                self._source.announce(tag.key)
            case VideoColour() if self._source.set_colour(tag.track_number, tag.info):
                self._is_gathering = True
        return []  # nothing new

    def video_ticks_at(self, timestamp_ms: int) -> int | None:
        """Where a timestamp lies on the timeline of the packets, at the video timescale; None before the first."""
        time_ms = self._continuity.locate(timestamp_ms)
        return None if time_ms is None else time_ms * (VIDEO_TIMESCALE // 1000)

    def flush(self) -> list[TimelineEvent]:
        """The source has ended: what was held back comes out."""
        return self._release() if self._gathered else []

    # Gathering

    def _gather_again(self, key: TrackKey) -> None:
        """Frames held back for a header that is replaced now cannot be decoded any more."""
        self._is_gathering = True
        self._gathered = [arrival for arrival in self._gathered if arrival.key != key]
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
        videos = [key for key in self._source.described if key.kind is _VIDEO]
        return all(len(self._gathered_ms(key)) >= self._needed_frame_count(key) for key in videos)

    def _needed_frame_count(self, key: TrackKey) -> int:
        """The first time at least one: what is said of a track's colours comes before its first frame."""
        if not self._frame_rate(key):
            return MEASURED_FRAMES
        return 0 if self._tracks else 1

    def _has_waited_enough(self) -> bool:
        waited_ms = serial_difference_ms(self._gathered[-1].timestamp_ms, self._gathered[0].timestamp_ms)
        longest_ms = LONGEST_GATHERING_MS if self._source.is_incomplete else MAX_GATHERING_MS
        return (
            abs(waited_ms) >= longest_ms
            or len(self._gathered) >= MAX_GATHERED_FRAMES
            or self._gathered_bytes >= MAX_GATHERED_BYTES
        )

    def _frame_rate(self, key: TrackKey) -> Fraction | None:
        return self._source.frame_rate(key.number)

    def _gathered_ms(self, key: TrackKey) -> list[int]:
        return [arrival.timestamp_ms for arrival in self._gathered if arrival.key == key]

    def _release(self) -> list[TimelineEvent]:
        """The tracks are what is described by now."""
        self._awaited = self._source.described
        self._tracks = self._described_tracks()
        arrivals, self._gathered, self._gathered_bytes = self._gathered, [], 0
        self._is_gathering = False
        return [self._begin_timeline(), *(event for arrival in arrivals for event in self._emit(arrival))]

    def _described_tracks(self) -> tuple[Track, ...]:
        return tuple(self._track(key) for key in sorted(self._awaited or (), key=_video_first))

    def _track(self, key: TrackKey) -> Track:
        if key.kind is _AUDIO:
            return self._source.audio_track(key.number)
        frame_rate = self._frame_rate(key) or measured_frame_rate(self._gathered_ms(key))
        return self._source.video_track(key.number, frame_rate)

    # Packets

    def _begin_timeline(self) -> TracksReady:
        keys = {key.track_id: key for key in self._awaited or ()}
        self._lanes = {
            keys[track.track_id]: _VideoLane(track) if isinstance(track, VideoTrack) else _AudioLane(track)
            for track in self._tracks
        }
        return TracksReady(self._tracks)

    def _emit(self, arrival: _Arrival) -> list[TimelineEvent]:
        placement = self._continuity.place(arrival.key, arrival.timestamp_ms)
        if placement is None:
            return []
        events: list[TimelineEvent] = [self._begin_timeline()] if placement.is_break else []
        lane = self._lanes.get(arrival.key)
        frame_rate = lane.watch.note(placement.time_ms) if isinstance(lane, _VideoLane) else None
        if frame_rate is not None:
            self._source.set_frame_rate(arrival.key.number, frame_rate)
            self._tracks = self._described_tracks()
            events = [self._begin_timeline()]
        packet = self._packet(arrival, placement.time_ms)
        return [*events, packet] if packet is not None else events

    def _packet(self, arrival: _Arrival, time_ms: int) -> Packet | None:
        lane, frame = self._lanes.get(arrival.key), arrival.frame
        if isinstance(lane, _VideoLane) and isinstance(frame, VideoFrame):
            return lane.packet(frame, time_ms, arrival.received_at)
        if isinstance(lane, _AudioLane) and isinstance(frame, AudioFrame):
            return lane.packet(frame, time_ms, arrival.received_at)
        return None


def _video_first(key: TrackKey) -> tuple[bool, int]:
    return key.kind is _AUDIO, key.number


class _VideoLane:
    """A video track and its clock."""

    def __init__(self, track: VideoTrack) -> None:
        self._track_id = track.track_id
        self._frame_duration_ticks = track.frame_duration_ticks
        self._clock = VideoClock(track.frame_rate)
        self.watch = FrameRateWatch(track.frame_rate)

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
    """An audio track and its clock."""

    def __init__(self, track: AudioTrack) -> None:
        self._track_id = track.track_id
        self._clock = AudioClock(track.sample_rate)

    def packet(self, frame: AudioFrame, time_ms: int, received_at: float) -> Packet | None:
        """None for a frame whose time is filled already."""
        time_ticks = self._clock.time(time_ms, frame.sample_count)
        if time_ticks is None:
            return None
        return Packet(
            track_id=self._track_id,
            dts_ticks=time_ticks,
            pts_ticks=time_ticks,
            duration_ticks=frame.sample_count,
            is_sync=True,
            payload=frame.payload,
            received_at=received_at,
        )
