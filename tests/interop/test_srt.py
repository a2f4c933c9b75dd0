"""Programs that publish by SRT: FFmpeg, srt-live-transmit and GStreamer, all with libsrt; OBS has tests of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.playback import Stream, ending, play
from tests.interop.program import Program
from tests.support import ServerProcess, require_tool
from tests.system.player import Player
from tests.system.test_documents import find
from tests.system.test_serve import watching

pytestmark = pytest.mark.anyio

KEY_REFRESH_PACKETS = 300
"""A few seconds of these clips."""
SURROUND_TONE_HZ = 550
"""Of the left channel; the others are silent."""

Starter = Callable[[str, Path, Path], Program]
"""Starts a program that publishes a clip to a URL, writing a log."""


def ffmpeg(url: str, clip: Path, log_path: Path) -> Program:
    """The documents' command."""
    words = [word.replace("clip.mp4", str(clip)) for word in find("ffmpeg -re -i clip.mp4 -c copy -f mpegts")]
    return Program([require_tool("ffmpeg"), "-nostdin", *words[1:-1], url], log_path)


def srt_live_transmit(url: str, clip: Path, log_path: Path) -> Program:
    """Which reads a transport stream from FFmpeg."""
    source = [require_tool("ffmpeg"), *f"-nostdin -v error -re -i {clip} -c copy -f mpegts -".split()]
    transmit = [require_tool("srt-live-transmit"), "-autoreconnect:no", "file://con", url]
    return Program(transmit, log_path, source=source)


def gstreamer(url: str, clip: Path, log_path: Path) -> Program:
    """The documents' command, with a clip instead of an encoder."""
    program, *words = find("gst-launch-1.0 -e filesrc")
    replaced = {"uri=srt://HOST:9999?streamid=KEY": f"uri={url}", "location=clip.mp4": f"location={clip}"}
    assert replaced.keys() <= set(words)
    return Program([require_tool(program), *(replaced.get(word, word) for word in words)], log_path)


PROGRAMS = pytest.mark.parametrize("start", [ffmpeg, srt_live_transmit, gstreamer], ids=lambda start: start.__name__)


@PROGRAMS
@pytest.mark.parametrize("key_bytes", [0, 16, 32])
async def test_a_broadcast(stream: Stream, start: Starter, key_bytes: int, clip: Path, tmp_path: Path) -> None:
    url = f"{stream.server.srt_url}?streamid={stream.key}"
    if key_bytes:
        url += f"&passphrase={stream.server.set_passphrase(stream.name)}&pbkeylen={key_bytes}"
    with start(url, clip, tmp_path / "publisher.log") as program:
        async with watching(stream.server, stream.name) as player:
            played = await play(player)
            await program.interrupt()
            await ending(player, stream)
    assert {name: video.size for name, video in played.videos.items()} == {"360p": (640, 360)}
    assert played.codecs["360p"].startswith("avc1.")
    assert played.audio_codecs == {"mp4a.40.2"}


@pytest.mark.parametrize("encoder", ["ac3", "eac3"])
async def test_surround_sound_becomes_stereo(stream: Stream, encoder: str, clip: Path, tmp_path: Path) -> None:
    url = f"{stream.server.srt_url}?streamid={stream.key}"
    tones = "|".join(f"0.4*sin(2*PI*{hertz}*t)" for hertz in (SURROUND_TONE_HZ, 0, 0, 0, 0, 0))
    sound = ["-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:c=5.1", "-c:a", encoder, "-b:a", "448k"]
    words = ["-nostdin", "-re", "-i", str(clip), *sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-shortest"]
    program = Program([require_tool("ffmpeg"), *words, "-f", "mpegts", url], tmp_path / "publisher.log")
    with program:
        async with watching(stream.server, stream.name) as player:
            played = await play(player)
            await program.interrupt()
            await ending(player, stream)
    assert played.audio_codecs == {"mp4a.40.2"}
    audio = played.audios["audio"]
    assert (audio.codec, audio.sample_rate, audio.channels) == ("aac", 48_000, 2)
    assert audio.tone_hz == pytest.approx(SURROUND_TONE_HZ, rel=0.05)


@PROGRAMS
async def test_what_a_person_sees_of_a_wrong_key(
    server: ServerProcess, start: Starter, clip: Path, tmp_path: Path
) -> None:
    with start(f"{server.srt_url}?streamid=wrong-key", clip, tmp_path / "publisher.log") as program:
        await program.until_printed("Application-defined rejection reason")


@PROGRAMS
async def test_what_a_person_sees_of_a_wrong_passphrase(
    stream: Stream, start: Starter, clip: Path, tmp_path: Path
) -> None:
    stream.server.set_passphrase(stream.name)
    url = f"{stream.server.srt_url}?streamid={stream.key}&passphrase=not-this-one&pbkeylen=16"
    with start(url, clip, tmp_path / "publisher.log") as program:
        await program.until_printed("Incorrect passphrase")


@PROGRAMS
async def test_what_a_person_sees_without_a_passphrase(
    stream: Stream, start: Starter, clip: Path, tmp_path: Path
) -> None:
    stream.server.set_passphrase(stream.name)
    url = f"{stream.server.srt_url}?streamid={stream.key}"
    with start(url, clip, tmp_path / "publisher.log") as program:
        await program.until_printed("Password required or unexpected")


async def test_keys_that_change_in_mid_stream(stream: Stream, clip: Path, tmp_path: Path) -> None:
    passphrase = stream.server.set_passphrase(stream.name)
    refresh = f"kmrefreshrate={KEY_REFRESH_PACKETS}&kmpreannounce={KEY_REFRESH_PACKETS // 4}"
    url = f"{stream.server.srt_url}?streamid={stream.key}&passphrase={passphrase}&pbkeylen=16&{refresh}"
    with srt_live_transmit(url, clip, tmp_path / "publisher.log") as program:
        async with watching(stream.server, stream.name) as player:
            await play(player, segment_count=1)
            before = await srt_line(player, stream)
            await play(player, segment_count=3)
            line = await srt_line(player, stream)
            await program.interrupt()
    assert line["received_packets"] > 2 * KEY_REFRESH_PACKETS
    assert (line["undecrypted_packets"], line["dropped_packets"]) == (0, 0)
    # What was sent before the first key frame is no loss: the program may come in between two.
    assert line["dropped_units"] == before["dropped_units"]


async def srt_line(player: Player, stream: Stream) -> dict[str, int]:
    """What the server knows of its only publisher's line."""
    stats = (await player.client.get(f"{stream.server.base_url}/api/v1/stats")).json()
    line: dict[str, int] = stats["publishers"][0]["srt"]
    return line
