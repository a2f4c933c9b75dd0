"""Plays back what a publisher sends: every rendition's first segments are fetched as players do, and decoded."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

from tests.support import ServerProcess
from tests.system.player import Player
from tests.system.test_serve import WAIT_SECONDS, follow_until_segment, until_live

LEAST_CHANGE = 1.0
"""Mean difference of the luma between a segment's first and last picture; an encoder's noise in a still one is less."""
LEAST_PEAK = 0.01
"""Of full scale: a tone; silence decodes to less."""
LARGEST_SKEW_SECONDS = 0.1
"""Between the beginnings of the same segment in two renditions: two frames of the longest kind (HE-AAC's 43 ms)."""
STATUS_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the server that the tests share."""

    server: ServerProcess
    name: str
    key: str

    @property
    def publish_url(self) -> str:
        """With the key as its last part."""
        return f"{self.server.rtmp_url}/{self.key}"

    @property
    def log_lines(self) -> list[str]:
        """What the server has logged of it."""
        lines = self.server.log_path.read_text().splitlines()
        return [line for line in lines if f'"stream": "{self.name}"' in line]


@dataclass(frozen=True, slots=True)
class PlayedVideo:
    """A segment of pictures, decoded."""

    codec: str
    """FFmpeg's name."""
    size: tuple[int, int]
    """Width and height in pixels."""
    start_seconds: float


@dataclass(frozen=True, slots=True)
class PlayedAudio:
    """A segment of sound, decoded."""

    codec: str
    """FFmpeg's name."""
    sample_rate: int
    channels: int
    tone_hz: float
    """Every publisher here sends a sine, so counting its waves tells its frequency."""
    start_seconds: float


@dataclass(frozen=True, slots=True)
class Played:
    """All renditions of a stream. The keys are their names."""

    codecs: dict[str, str]
    """Of each video rendition: what the multivariant playlist says, without the audio's."""
    audio_codecs: set[str]
    """What it says of the audio."""
    videos: dict[str, PlayedVideo]
    audios: dict[str, PlayedAudio]


async def play(player: Player, *, segment_count: int = 1) -> Played:
    """Waits until the stream is live; fails if a rendition does not play, or begins at another time than the others."""
    variants = await until_live(player)
    _, media = await player.multivariant()
    names = {variant.uri: variant.name for variant in variants} | {each["URI"]: each["NAME"] for each in media}
    segments = {name: await _first_segments(player, uri, segment_count) for uri, name in names.items()}
    rates = {variant.name: float(variant.attributes["FRAME-RATE"]) for variant in variants}
    # A variant is listed once for each audio group, and names that group's codec.
    codecs = [(variant.name, variant.attributes["CODECS"].split(",")) for variant in variants]
    played = Played(
        codecs={name: listed[0] for name, listed in codecs},
        audio_codecs={codec for _, listed in codecs for codec in listed[1:]},
        videos={name: decode_video(*segments[name], rate) for name, rate in rates.items()},
        audios={each["NAME"]: decode_audio(*segments[each["NAME"]]) for each in media},
    )
    _check_skew([*played.videos.values(), *played.audios.values()])
    return played


async def ending(player: Player, stream: Stream) -> None:
    """Waits until the playlists have ended and the stream is offline: far less than a lost publisher's grace period."""
    variants, _ = await player.multivariant()
    assert (await follow_until_segment(player, variants[0].uri, msn=1_000_000)).is_ended
    async with asyncio.timeout(WAIT_SECONDS):
        while await _status(player, stream) != "offline":
            await asyncio.sleep(STATUS_POLL_SECONDS)
    (closed,) = [line for line in stream.log_lines if '"event": "publisher_closed"' in line]
    assert '"reason": "publisher_left"' in closed


def decode_video(data: bytes, seconds: float, frame_rate: float) -> PlayedVideo:
    """Of an initialisation segment and segments, listed with this duration and frames per second.

    The pictures must be whole, all there, and move.
    """
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        codec = stream.codec.canonical_name
    assert not [frame for frame in frames if frame.is_corrupt]
    assert abs(len(frames) - seconds * frame_rate) <= 1
    first, last = (frame.to_ndarray(format="gray").astype(int) for frame in (frames[0], frames[-1]))
    assert np.abs(last - first).mean() >= LEAST_CHANGE, "the picture stands still"
    return PlayedVideo(codec, (frames[0].width, frames[0].height), _start_seconds(frames[0]))


def decode_audio(data: bytes, seconds: float) -> PlayedAudio:
    """Of an initialisation segment and segments, listed with this duration. The sound must be all there and heard."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        codec, sample_rate, channels = stream.codec.canonical_name, stream.sample_rate, stream.channels
    sample_count = sum(frame.samples for frame in frames)
    assert abs(sample_count - seconds * sample_rate) <= frames[0].samples
    wave = _first_channel(frames)
    assert np.abs(wave).max() >= LEAST_PEAK, "there is no sound"
    wave_count = int(np.count_nonzero((wave[:-1] < 0) & (wave[1:] >= 0)))
    return PlayedAudio(codec, sample_rate, channels, wave_count * sample_rate / sample_count, _start_seconds(frames[0]))


async def _first_segments(player: Player, uri: str, count: int) -> tuple[bytes, float]:
    """The initialisation segment and the first segments, and how long these are."""
    playlist = await follow_until_segment(player, uri, msn=count + 1)
    assert not playlist.is_ended
    segments = playlist.segments[:count]
    assert not [segment for segment in segments if segment.is_gap or segment.has_discontinuity]
    uris = [segments[0].map_uri, *(segment.uri for segment in segments)]
    data = b"".join([await player.bytes(uri, each) for each in uris if each])
    return data, sum(segment.duration_seconds or 0.0 for segment in segments)


def _first_channel(frames: Sequence[av.AudioFrame]) -> npt.NDArray[np.float32]:
    resampler = av.AudioResampler(format="fltp")
    resampled = [each.to_ndarray()[0] for frame in frames for each in resampler.resample(frame)]
    return np.concatenate(resampled).astype(np.float32)


def _start_seconds(frame: av.VideoFrame | av.AudioFrame) -> float:
    assert frame.time is not None
    return frame.time


def _check_skew(played: Sequence[PlayedVideo | PlayedAudio]) -> None:
    starts = [each.start_seconds for each in played]
    assert max(starts) - min(starts) <= LARGEST_SKEW_SECONDS


async def _status(player: Player, stream: Stream) -> object:
    response = await player.client.get(f"{stream.server.base_url}/api/v1/live/streams/{stream.name}")
    return response.json()["status"]
