"""Real streams of every codec: what comes out is what PyAV's demuxer finds, at the same times, and decodes the same."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import pytest

from ingest.elementary import AudioFrame, AudioSequenceHeader, VideoFrame, VideoSequenceHeader
from ingest.mpegts.demuxer import TsDemuxer
from ingest.mpegts.units import TICKS_PER_MS, TimedTag
from pinkmedia.media import AudioTrack, VideoTrack
from tests.ingest.mpegts.muxing import PACKET_SIZE
from tests.support import require_tool

SECONDS = 3
LOST_PACKETS = 3
VIDEO_PID = 0x100
"""ffmpeg's first."""
DATAGRAM_BYTES = 7 * PACKET_SIZE
SOURCES = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=440:sample_rate=48000"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "2", "-pix_fmt", "yuv420p"]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:open-gop=0:bframes=2", "-g", "30"]
AAC = ["-c:a", "aac"]


TagT = TypeVar("TagT")


@dataclass(frozen=True)
class Demuxed:
    """What a demuxer gave, by kind."""

    tags: list[TimedTag]
    demuxer: TsDemuxer

    def of(self, kind: type) -> list[TimedTag]:
        return [timed for timed in self.tags if isinstance(timed.tag, kind)]


def record(path: Path, *options: str) -> Path:
    command = [require_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", *SOURCES, "-t", str(SECONDS), *options]
    subprocess.run([*command, "-f", "mpegts", str(path)], check=True, timeout=60)
    return path


def demux(pieces: Iterable[bytes]) -> Demuxed:
    demuxer, tags = TsDemuxer(), list[TimedTag]()
    for piece in pieces:
        tags += [each for each in demuxer.receive_data(piece) if isinstance(each, TimedTag)]
    tags += [each for each in demuxer.flush() if isinstance(each, TimedTag)]
    return Demuxed(tags, demuxer)


def datagrams(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[start : start + DATAGRAM_BYTES] for start in range(0, len(data), DATAGRAM_BYTES)]


def judged(path: Path, kind: str) -> list[tuple[int, bytes]]:
    """Presentation times in ticks and bytes of PyAV's packets."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.pts is not None]


def decoded(timed_frames: Iterable[TimedTag], track: VideoTrack) -> dict[int, int]:
    """Hashes of pictures by presentation time in ticks. Fails where the decoder finds fault with one."""
    context = av.CodecContext.create(track.codec.value, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.extradata = track.configuration
    frames: list[av.VideoFrame] = []
    for timed in timed_frames:
        assert isinstance(timed.tag, VideoFrame)
        packet = av.Packet(bytes(timed.tag.payload))
        packet.time_base = Fraction(1, 90_000)
        packet.pts = round((timed.timestamp_ms + timed.tag.composition_ms) * 90)
        packet.dts = round(timed.timestamp_ms * 90)
        frames += context.decode(packet)
    frames += context.decode(None)
    assert not [frame.pts for frame in frames if frame.is_corrupt]
    return {frame.pts: hash(frame.to_ndarray().tobytes()) for frame in frames if frame.pts is not None}


def tags_of(demuxed: Demuxed, kind: type[TagT]) -> list[TagT]:
    return [timed.tag for timed in demuxed.tags if isinstance(timed.tag, kind)]


def video_track(demuxed: Demuxed) -> VideoTrack:
    (header,) = tags_of(demuxed, VideoSequenceHeader)
    return header.format.track(track_id=1, frame_rate=Fraction(30))


def audio_track(demuxed: Demuxed) -> AudioTrack:
    (header,) = tags_of(demuxed, AudioSequenceHeader)
    return header.format.track(track_id=2)


def sound(demuxed: Demuxed) -> list[tuple[int, bytes]]:
    """Times in ticks, and payloads."""
    frames = [(timed.timestamp_ms, timed.tag) for timed in demuxed.tags if isinstance(timed.tag, AudioFrame)]
    return [(round(time_ms * TICKS_PER_MS), bytes(tag.payload)) for time_ms, tag in frames]


def assert_same_sound(found: list[tuple[int, bytes]], expected: list[tuple[int, bytes]]) -> None:
    """The times nearly: FFmpeg rounds each frame's duration between the times of PES packets."""
    assert [data for _, data in found] == [data for _, data in expected]
    assert max(abs(ticks - other) for (ticks, _), (other, _) in zip(found, expected, strict=True)) <= 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ts")


@pytest.mark.parametrize(("video", "codec"), [(X264, "avc1.4D400D"), (X265, "hvc1.1.6.L60.90")], ids=["H.264", "HEVC"])
def test_pictures(video: list[str], codec: str, folder: Path) -> None:
    path = record(folder / "video.ts", *video, *AAC)
    demuxed = demux(datagrams(path))
    track, frames = video_track(demuxed), demuxed.of(VideoFrame)
    assert (track.width, track.height, track.codec_string) == (320, 180, codec)
    times = [timed.timestamp_ms + timed.tag.composition_ms for timed in frames if isinstance(timed.tag, VideoFrame)]
    assert [round(time_ms * TICKS_PER_MS) for time_ms in times] == [ticks for ticks, _ in judged(path, "video")]
    assert sum(frame.is_sync for frame in tags_of(demuxed, VideoFrame)) == SECONDS
    with av.open(str(path)) as container:
        expected = {frame.pts: hash(frame.to_ndarray().tobytes()) for frame in container.decode(video=0)}
    assert decoded(frames, track) == expected
    assert demuxed.demuxer.counters.dropped_units == 0


def test_aac(folder: Path) -> None:
    path = record(folder / "aac.ts", *X264, *AAC)
    demuxed = demux(datagrams(path))
    header_bytes = 7
    assert_same_sound(sound(demuxed), [(ticks, data[header_bytes:]) for ticks, data in judged(path, "audio")])
    track = audio_track(demuxed)
    assert (track.codec_string, track.sample_rate, track.channels) == ("mp4a.40.2", 48_000, 1)


def test_latm_is_the_same_in_other_clothes(folder: Path) -> None:
    adts = demux(datagrams(record(folder / "adts.ts", *X264, *AAC)))
    latm = demux(datagrams(record(folder / "latm.ts", *X264, *AAC, "-mpegts_flags", "latm")))
    assert [data for _, data in sound(latm)] == [data for _, data in sound(adts)]
    assert audio_track(latm).codec_string == "mp4a.40.2"


@pytest.mark.parametrize(
    ("options", "codec", "samples"),
    [
        (["-c:a", "ac3"], "ac-3", 1536),
        (["-c:a", "ac3", "-ar", "44100"], "ac-3", 1536),
        (["-c:a", "eac3"], "ec-3", 1536),
        (["-c:a", "libopus"], "opus", 960),
        (["-c:a", "libopus", "-ac", "6"], "opus", 960),
    ],
    ids=["AC-3", "AC-3 at 44.1 kHz", "E-AC-3", "Opus", "Opus 5.1"],
)
def test_sound(options: list[str], codec: str, samples: int, folder: Path) -> None:
    path = record(folder / "sound.ts", *X264, *options)
    demuxed = demux(datagrams(path))
    assert_same_sound(sound(demuxed), judged(path, "audio"))
    track = audio_track(demuxed)
    assert (track.codec_string, track.samples_per_frame) == (codec, samples)


@pytest.mark.parametrize("video", [X264, X265], ids=["H.264", "HEVC"])
@pytest.mark.parametrize("seed", range(3))
def test_no_picture_is_passed_on_broken(video: list[str], seed: int, folder: Path) -> None:
    """Whatever packets are lost: each picture that comes out is the one that was sent."""
    path = record(folder / "whole.ts", *video, *AAC)
    whole = demux(datagrams(path))
    expected = decoded(whole.of(VideoFrame), video_track(whole))
    data = path.read_bytes()
    packets = [data[start : start + PACKET_SIZE] for start in range(0, len(data), PACKET_SIZE)]
    of_video = [index for index, each in enumerate(packets) if int.from_bytes(each[1:3]) & 0x1FFF == VIDEO_PID]
    lost = random.Random(seed).sample(of_video, LOST_PACKETS)
    damaged = demux(packet for index, packet in enumerate(packets) if index not in lost)
    pictures = decoded(damaged.of(VideoFrame), video_track(damaged))
    assert 0 < len(pictures) < len(expected)
    assert pictures.items() <= expected.items()
    assert damaged.demuxer.counters.damaged_units > 0


def test_settings_that_change_are_announced(folder: Path) -> None:
    small = record(folder / "small.ts", *X264, *AAC)
    large = record(folder / "large.ts", *X264, "-s", "640x360", "-c:a", "aac", "-ac", "2")
    demuxed = demux([*datagrams(small), *datagrams(large)])
    tracks = [
        header.format.track(track_id=1, frame_rate=Fraction(30)) for header in tags_of(demuxed, VideoSequenceHeader)
    ]
    assert [(track.width, track.height) for track in tracks] == [(320, 180), (640, 360)]
    sounds = [header.format.track(track_id=2) for header in tags_of(demuxed, AudioSequenceHeader)]
    assert [track.channels for track in sounds] == [1, 2]
