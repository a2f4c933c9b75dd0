"""OBS Studio, as a streamer uses it. Its log shows what a person sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.obs import HEIGHT, WIDTH, Obs, Service, x_server
from tests.interop.playback import Stream, ending, play
from tests.support import Publisher, ServerProcess
from tests.system.test_serve import until_live, watching

pytestmark = pytest.mark.anyio

CONNECTED = "==== Streaming Start ="
STOPPED = "==== Streaming Stop ="
INVALID_PATH_OR_KEY = "failed: -3"
"""OBS_OUTPUT_INVALID_STREAM: its window says that the channel or the stream key could not be accessed."""


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with x_server(tmp_path_factory.mktemp("x") / "x.log") as display:
        yield display


def in_the_key_field(stream: Stream) -> Service:
    return Service(stream.server.rtmp_url, stream.key)


def in_the_server_url(stream: Stream) -> Service:
    return Service(stream.publish_url, "")


@pytest.mark.parametrize("key", [in_the_key_field, in_the_server_url], ids=lambda function: function.__name__)
async def test_a_broadcast(
    stream: Stream, display: str, clip: Path, tmp_path: Path, key: Callable[[Stream], Service]
) -> None:
    with Obs(tmp_path, display, key(stream), clip) as obs:
        await obs.program.until_printed(CONNECTED)
        async with watching(stream.server, stream.name) as player:
            played = await play(player)
            obs.stop_streaming()
            await ending(player, stream)
    assert {name: video.size for name, video in played.videos.items()} == {"360p": (WIDTH, HEIGHT)}
    assert played.codecs["360p"].startswith("avc1.")
    assert played.audio_codecs == {"mp4a.40.2"}
    audio = played.audios["audio"]
    assert (audio.sample_rate, audio.channels) == (48_000, 2)


async def test_a_wrong_key(server: ServerProcess, display: str, clip: Path, tmp_path: Path) -> None:
    with Obs(tmp_path, display, Service(server.rtmp_url, "wrong-key"), clip) as obs:
        await obs.program.until_printed(STOPPED)
        assert INVALID_PATH_OR_KEY in obs.program.output
        assert "wrong stream key" in obs.program.output


async def test_somebody_is_publishing_already(stream: Stream, display: str, clip: Path, tmp_path: Path) -> None:
    with Publisher(clip, stream.publish_url):
        async with watching(stream.server, stream.name) as player:
            await until_live(player)
            with Obs(tmp_path, display, in_the_key_field(stream), clip) as obs:
                await obs.program.until_printed(STOPPED)
                assert INVALID_PATH_OR_KEY in obs.program.output
                assert "somebody is publishing to this stream already" in obs.program.output
            assert await until_live(player)


@pytest.mark.parametrize("key_bytes", [0, 16, 32])
async def test_a_broadcast_by_srt(stream: Stream, display: str, clip: Path, tmp_path: Path, key_bytes: int) -> None:
    url = f"{stream.server.srt_url}?streamid={stream.key}"
    if key_bytes:
        url += f"&passphrase={stream.server.set_passphrase(stream.name)}&pbkeylen={key_bytes}"
    with Obs(tmp_path, display, Service(url, ""), clip) as obs:
        await obs.program.until_printed(CONNECTED)
        async with watching(stream.server, stream.name) as player:
            played = await play(player)
            obs.stop_streaming()
            await ending(player, stream)
    assert {name: video.size for name, video in played.videos.items()} == {"360p": (WIDTH, HEIGHT)}
    assert played.audio_codecs == {"mp4a.40.2"}


async def test_a_wrong_key_by_srt(server: ServerProcess, display: str, clip: Path, tmp_path: Path) -> None:
    with Obs(tmp_path, display, Service(f"{server.srt_url}?streamid=wrong-key", ""), clip) as obs:
        await obs.program.until_printed("Application-defined rejection reason")


async def test_a_wrong_passphrase_by_srt(stream: Stream, display: str, clip: Path, tmp_path: Path) -> None:
    stream.server.set_passphrase(stream.name)
    url = f"{stream.server.srt_url}?streamid={stream.key}&passphrase=not-this-one&pbkeylen=16"
    with Obs(tmp_path, display, Service(url, ""), clip) as obs:
        await obs.program.until_printed("Incorrect passphrase")
