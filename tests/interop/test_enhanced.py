"""Enhanced RTMP as FFmpeg 8 writes it: codecs beyond FLV's own, and several tracks of a kind."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.interop.playback import Played, Stream, ending, play
from tests.interop.program import Program
from tests.interop.publisher import TONES_HZ
from tests.pinkmedia.command_line import clean_environment
from tests.system.test_serve import watching

pytestmark = pytest.mark.anyio


async def broadcast(
    stream: Stream, videos: Sequence[str], audios: Sequence[str], log_path: Path, *, is_reordering: bool = False
) -> Played:
    """Publishes, plays all of it, and sees it end. ``videos`` are ENCODER:HEIGHT, ``audios`` encoders."""
    words = ["--reordering"] if is_reordering else []
    words += [word for video in videos for word in ("--video", video)]
    words += [word for audio in audios for word in ("--audio", audio)]
    command = [sys.executable, "-m", "tests.interop.publisher", stream.publish_url, *words]
    with Program(command, log_path, clean_environment()) as program:
        async with watching(stream.server, stream.name) as player:
            played = await play(player, segment_count=2 if is_reordering else 1)
            assert await program.interrupt() == 0
            await ending(player, stream)
    return played


def sizes(played: Played) -> dict[str, tuple[str, tuple[int, int]]]:
    """Codec and size of each video rendition."""
    return {name: (video.codec, video.size) for name, video in played.videos.items()}


@pytest.mark.parametrize(
    ("encoder", "codec", "codec_string"),
    [("libx265", "hevc", "hvc1."), ("libsvtav1", "av1", "av01."), ("libvpx-vp9", "vp9", "vp09.")],
)
async def test_video_that_not_every_browser_plays_has_h264_beside_it(
    stream: Stream, encoder: str, codec: str, codec_string: str, tmp_path: Path
) -> None:
    played = await broadcast(stream, [f"{encoder}:180"], ["aac"], tmp_path / "publisher.log")
    assert sizes(played) == {f"180p-{codec}": (codec, (320, 180)), "180p": ("h264", (320, 180))}
    assert played.codecs[f"180p-{codec}"].startswith(codec_string)
    assert played.codecs["180p"].startswith("avc1.")


@pytest.mark.parametrize("encoder", ["libopus", "flac", "ac3", "eac3"])
async def test_audio_that_not_every_browser_plays_becomes_aac(stream: Stream, encoder: str, tmp_path: Path) -> None:
    played = await broadcast(stream, ["libx264:180"], [encoder], tmp_path / "publisher.log")
    assert played.audio_codecs == {"mp4a.40.2"}
    (audio,) = played.audios.values()
    assert (audio.codec, audio.sample_rate, audio.channels) == ("aac", 48_000, 2)
    assert audio.tone_hz == pytest.approx(TONES_HZ[0], rel=0.05)


async def test_several_tracks_of_a_kind(stream: Stream, tmp_path: Path) -> None:
    played = await broadcast(stream, ["libx264:360", "libx264:180"], ["aac", "aac"], tmp_path / "publisher.log")
    assert sizes(played) == {"360p": ("h264", (640, 360)), "180p": ("h264", (320, 180))}
    assert {name: audio.codec for name, audio in played.audios.items()} == {"audio": "aac", "audio-2": "aac"}
    assert [played.audios[name].tone_hz for name in ("audio", "audio-2")] == pytest.approx(list(TONES_HZ), rel=0.05)


async def test_several_tracks_of_different_codecs(stream: Stream, tmp_path: Path) -> None:
    played = await broadcast(stream, ["libx265:360", "libx264:180"], ["libopus", "aac"], tmp_path / "publisher.log")
    assert sizes(played) == {"360p-hevc": ("hevc", (640, 360)), "180p": ("h264", (320, 180))}
    assert {name: audio.codec for name, audio in played.audios.items()} == {"audio": "aac", "audio-2": "aac"}
    assert [played.audios[name].tone_hz for name in ("audio", "audio-2")] == pytest.approx(list(TONES_HZ), rel=0.05)


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
async def test_encoders_that_reorder_pictures(stream: Stream, encoder: str, tmp_path: Path) -> None:
    played = await broadcast(stream, [f"{encoder}:180"], ["aac"], tmp_path / "publisher.log", is_reordering=True)
    assert "h264" in {video.codec for video in played.videos.values()}


async def test_several_tracks_that_only_their_first_frames_describe(stream: Stream, tmp_path: Path) -> None:
    videos = ["libvpx-vp9:360", "libvpx-vp9:180"]
    played = await broadcast(stream, videos, ["libopus", "libopus"], tmp_path / "publisher.log")
    assert sizes(played) == {
        "360p-vp9": ("vp9", (640, 360)),
        "180p-vp9": ("vp9", (320, 180)),
        "360p": ("h264", (640, 360)),
    }
    assert {name: audio.codec for name, audio in played.audios.items()} == {"audio": "aac", "audio-2": "aac"}
