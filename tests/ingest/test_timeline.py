"""From tags to tracks and packets: what is waited for, what is announced, and where timelines break."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import pytest

from ingest.elementary import (
    AudioFrame,
    AudioSequenceHeader,
    AudioTag,
    ColourInfo,
    MediaKind,
    TrackAnnounced,
    TrackKey,
    VideoColour,
    VideoFrame,
    VideoSequenceHeader,
    VideoTag,
)
from ingest.timeline import LONGEST_GATHERING_MS, MAX_GATHERING_MS, MediaTimeline, TimelineEvent, TracksReady
from pinkmedia.codecs.aac import AacFormat
from pinkmedia.codecs.h264 import AvcConfiguration
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.media import AudioTrack, Colour, Packet, VideoTrack

PPS = bytes.fromhex("68ce0fc8")
SPS_25_FPS = "6742c01eda0280bfe584000003000400000300c83c58ba80"
SPS_60_FPS = "6764002aacd940780227e584000003000400000301e03c60c658"
SPS_UNTIMED = "6742c01eda0280bfe240"


def video_header(sps: str, track_number: int = 0) -> VideoSequenceHeader:
    configuration = AvcConfiguration((bytes.fromhex(sps),), (PPS,))
    return VideoSequenceHeader(track_number, H264Format.parse(configuration.serialise()))


AT_25_FPS = video_header(SPS_25_FPS)
AT_60_FPS = video_header(SPS_60_FPS)
UNTIMED = video_header(SPS_UNTIMED)
STEREO_48K = AudioSequenceHeader(0, AacFormat.parse(b"\x11\x90"))
MONO_48K = AudioSequenceHeader(0, AacFormat.parse(b"\x11\x88"))
KEY_FRAME = VideoFrame(0, 0, True, b"\x00\x00\x00\x01\x65")
FRAME = VideoFrame(0, 0, False, b"\x00\x00\x00\x01\x41")
SOUND = AudioFrame(0, 1024, b"raw")
BOTH = {"videocodecid": 7.0, "audiocodecid": 10.0}
WRAP = 1 << 32


class Sender:
    """A publisher with a timeline of its own; keeps what comes out."""

    def __init__(self, metadata: Mapping[str, object] | None = None) -> None:
        self.timeline = MediaTimeline()
        self.events: list[TimelineEvent] = []
        if metadata is not None:
            self.timeline.set_metadata(metadata)

    def video(self, *times_ms: int, tag: VideoTag = FRAME) -> None:
        for time_ms in times_ms:
            self.events += self.timeline.receive(tag, time_ms % WRAP, time_ms / 1000)

    def audio(self, *times_ms: int, tag: AudioTag = SOUND) -> None:
        for time_ms in times_ms:
            self.events += self.timeline.receive(tag, time_ms % WRAP, time_ms / 1000)

    def begin(self, time_ms: int = 0) -> None:
        self.video(time_ms, tag=AT_25_FPS)
        self.audio(time_ms, tag=STEREO_48K)
        self.video(time_ms, tag=KEY_FRAME)

    @property
    def announced(self) -> list[tuple[type, ...]]:
        return [tuple(map(type, event.tracks)) for event in self.events if isinstance(event, TracksReady)]

    def packets(self, track_id: int = 1) -> list[Packet]:
        return [event for event in self.events if isinstance(event, Packet) and event.track_id == track_id]

    def dts(self, track_id: int = 1) -> list[int]:
        return [packet.dts_ticks for packet in self.packets(track_id)]


def test_tracks_come_before_packets() -> None:
    sender = Sender(BOTH)
    sender.begin()
    ready, packet = sender.events
    assert isinstance(ready, TracksReady)
    video, audio = ready.tracks
    assert isinstance(video, VideoTrack)
    assert (video.track_id, video.width, video.frame_rate) == (1, 640, Fraction(25))
    assert isinstance(audio, AudioTrack)
    assert (audio.track_id, audio.sample_rate, audio.bit_rate_bps) == (2, 48_000, None)
    assert packet == Packet(1, 0, 0, 3600, True, KEY_FRAME.payload, 0.0)


def test_nothing_is_lost_while_waiting_for_the_other_track() -> None:
    sender = Sender()
    sender.video(0, tag=AT_25_FPS)
    sender.video(0, 40, 80)
    assert not sender.events
    sender.audio(80, tag=STEREO_48K)
    sender.audio(80)
    assert sender.announced == [(VideoTrack, AudioTrack)]
    assert sender.dts() == [0, 3600, 7200]
    assert sender.dts(2) == [3840]


@pytest.mark.parametrize(("metadata", "first_at_ms"), [({"videocodecid": 7.0}, 0), (BOTH, 1000), ({}, 1000)])
def test_video_alone(metadata: dict[str, object], first_at_ms: int) -> None:
    sender = Sender(metadata)
    sender.video(0, tag=AT_25_FPS)
    for time_ms in range(0, 2000, 40):
        sender.video(time_ms)
        assert bool(sender.events) == (time_ms >= first_at_ms)
    assert sender.announced == [(VideoTrack,)]
    assert len(sender.packets()) == 50


@pytest.mark.parametrize("metadata", [{"audiocodecid": 10.0, "audiodatarate": 128.0}, {}])
def test_audio_alone(metadata: dict[str, object]) -> None:
    sender = Sender(metadata)
    sender.audio(0, tag=STEREO_48K)
    sender.audio(*(index * 64 // 3 for index in range(100)))
    assert sender.announced == [(AudioTrack,)]
    assert sender.dts(2) == [1024 * index for index in range(100)]


def test_a_short_source_comes_out_at_its_end() -> None:
    sender = Sender()
    sender.audio(0, tag=STEREO_48K)
    sender.audio(0, 21)
    assert not sender.events
    sender.events += sender.timeline.flush()
    assert sender.dts(2) == [0, 1024]
    assert sender.timeline.flush() == []


def test_late_audio_is_announced_again() -> None:
    sender = Sender()
    sender.video(0, tag=AT_25_FPS)
    sender.video(*range(0, MAX_GATHERING_MS + 200, 40))
    sender.audio(1200, tag=STEREO_48K)
    sender.audio(1200)
    assert sender.announced == [(VideoTrack,), (VideoTrack, AudioTrack)]


def test_pictures_that_lack_their_key_frame_are_waited_for() -> None:
    sender = Sender()
    sender.audio(0, tag=STEREO_48K)
    sender.video(0, tag=TrackAnnounced(TrackKey(MediaKind.VIDEO, 0)))
    sender.audio(*range(0, 3 * MAX_GATHERING_MS, 20))
    assert sender.announced == []
    sender.begin(3 * MAX_GATHERING_MS)
    assert sender.announced == [(VideoTrack, AudioTrack)]


def test_a_key_frame_is_not_waited_for_without_end() -> None:
    sender = Sender()
    sender.audio(0, tag=STEREO_48K)
    sender.video(0, tag=TrackAnnounced(TrackKey(MediaKind.VIDEO, 0)))
    sender.audio(*range(0, LONGEST_GATHERING_MS + 20, 20))
    assert sender.announced == [(AudioTrack,)]


def test_a_header_sent_again_is_no_news() -> None:
    sender = Sender(BOTH)
    sender.begin()
    sender.begin(40)
    assert len(sender.announced) == 1


def test_a_changed_header_is_announced() -> None:
    sender = Sender(BOTH)
    sender.begin()
    sender.video(40, tag=AT_60_FPS)
    sender.audio(40, tag=MONO_48K)
    sender.video(40, tag=KEY_FRAME)
    first, second = (event for event in sender.events if isinstance(event, TracksReady))
    assert (first.tracks[0].codec_string, second.tracks[0].codec_string) == ("avc1.42C01E", "avc1.64002A")
    assert isinstance(second.tracks[1], AudioTrack)
    assert second.tracks[1].channels == 1
    assert sender.packets()[-1].duration_ticks == 1500


def test_metadata_outranks_the_parameter_sets() -> None:
    sender = Sender({"videocodecid": 7.0, "framerate": 29.97})
    sender.video(0, tag=AT_25_FPS)
    sender.video(0)
    assert sender.packets()[0].duration_ticks == 3003


def test_an_undeclared_rate_is_measured() -> None:
    sender = Sender({"videocodecid": 7.0})
    sender.video(0, tag=UNTIMED)
    sender.video(*(index * 1000 // 50 for index in range(10)))
    assert {packet.duration_ticks for packet in sender.packets()} == {1800}
    assert len(sender.packets()) == 10


def test_timestamps_wrap() -> None:
    sender = Sender(BOTH)
    sender.begin(WRAP - 80)
    sender.video(WRAP - 40, WRAP, WRAP + 40)
    dts = sender.dts()
    assert [tick - dts[0] for tick in dts] == [0, 3600, 7200, 10800]
    assert len(sender.announced) == 1


@pytest.mark.parametrize("jump_ms", [-600, -100_000, 2_100, 3_600_000, -(1 << 31)])
def test_a_jump_begins_a_new_timeline(jump_ms: int) -> None:
    sender = Sender(BOTH)
    sender.begin(200_000)
    sender.video(200_040)
    sender.video(200_080 + jump_ms, 200_120 + jump_ms)
    assert len(sender.announced) == 2
    assert isinstance(sender.events[-3], TracksReady)


@pytest.mark.parametrize("gap_ms", [-100, 500, 1_900])
def test_a_stutter_does_not(gap_ms: int) -> None:
    sender = Sender(BOTH)
    sender.begin(200_000)
    sender.video(200_040, 200_080 + gap_ms, 200_120 + gap_ms, 202_000)
    assert len(sender.announced) == 1
    assert all(earlier < later for earlier, later in pairwise(sender.dts()))


def test_silence_is_no_jump() -> None:
    sender = Sender(BOTH)
    sender.begin()
    sender.audio(0, 21)
    sender.video(*range(40, 5000, 40))
    sender.audio(5000, 5021)
    assert len(sender.announced) == 1
    assert sender.dts(2) == [0, 1024, 240_000, 241_024]


def test_audio_left_on_the_old_timeline_is_dropped() -> None:
    sender = Sender(BOTH)
    sender.begin(50_000)
    sender.audio(50_000, 50_021)
    sender.video(0, tag=KEY_FRAME)
    sender.audio(50_043)
    sender.video(40)
    sender.audio(40, 61)
    assert len(sender.announced) == 2
    assert sender.dts(2) == [2_400_000, 2_401_024, 1920, 2944]


def test_late_audio_beside_video() -> None:
    sender = Sender(BOTH)
    sender.begin(10_000)
    for time_ms in range(10_040, 12_000, 40):
        sender.video(time_ms)
        sender.audio(time_ms - 3_000)
    assert len(sender.announced) == 1


def test_tracks_beyond_the_first() -> None:
    sender = Sender(BOTH | {"videoTrackIdInfoMap": {"1": {}}, "audioTrackIdInfoMap": {"3": {}}})
    sender.begin()
    sender.video(0, tag=video_header(SPS_60_FPS, track_number=1))
    sender.audio(0, tag=AudioSequenceHeader(3, AacFormat.parse(b"\x11\x88")))
    assert not sender.events
    sender.video(0, tag=VideoFrame(1, 0, True, KEY_FRAME.payload))
    sender.audio(0, tag=AudioFrame(3, 1024, b"raw"))
    ready = sender.events[0]
    assert isinstance(ready, TracksReady)
    assert [track.track_id for track in ready.tracks] == [1, 3, 2, 8]
    assert [packet.duration_ticks for packet in sender.packets(3)] == [1500]
    assert len(sender.packets(8)) == 1


def test_announced_tracks_with_strange_names_are_not_waited_for() -> None:
    names: dict[str, object] = {"256": {}, "-1": {}, "²": {}, "x": {}, "": {}}
    sender = Sender(BOTH | {"videoTrackIdInfoMap": names, "audioTrackIdInfoMap": 5.0})
    sender.begin()
    assert sender.announced == [(VideoTrack, AudioTrack)]


def test_colours_belong_to_the_track() -> None:
    sender = Sender({"videocodecid": 7.0})
    hdr10 = Colour(primaries=9, transfer=16, matrix=9, is_full_range=False)
    sender.video(0, tag=AT_25_FPS)
    sender.video(0, tag=VideoColour(0, ColourInfo(hdr10, None)))
    sender.video(0, tag=KEY_FRAME)
    sender.video(40, tag=VideoColour(0, ColourInfo(hdr10, None)))  # sent again: no news
    sender.video(40)
    (ready,) = (event for event in sender.events if isinstance(event, TracksReady))
    assert isinstance(ready.tracks[0], VideoTrack)
    assert ready.tracks[0].colour == hdr10
