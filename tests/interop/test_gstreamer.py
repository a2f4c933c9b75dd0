"""GStreamer's two RTMP sinks: ``rtmp2sink``, with the documents' command, and ``rtmpsink``, which is librtmp."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.interop.playback import Stream, ending, play
from tests.interop.program import Program
from tests.support import ServerProcess, require_tool
from tests.system.test_documents import find
from tests.system.test_serve import watching

pytestmark = pytest.mark.anyio

DOCUMENTED_SINK = ["rtmp2sink", "location=rtmp://HOST:1935/live/KEY"]
COMPLAINTS = {"rtmpsink": "Could not connect to RTMP stream", "rtmp2sink": "wrong stream key"}
"""What a person sees of a wrong key: librtmp keeps the server's text to itself."""
ELEMENTS = ("x264enc", "voaacenc", "flvmux")


def gst_launch(sink: str, url: str, log_path: Path) -> Program:
    """The documents' command, with this sink, and a picture and an encoder that cost less."""
    program, *words = find("gst-launch-1.0 -e videotestsrc ")
    for element in (*ELEMENTS, sink):
        require_element(element)
    assert words[-2:] == DOCUMENTED_SINK
    words[-2:] = [sink, f"location={url}"]
    smaller = [word.replace("width=1280,height=720", "width=320,height=180") for word in words]
    smaller.insert(smaller.index("x264enc") + 1, "speed-preset=ultrafast")
    return Program([require_tool(program), *smaller], log_path)


def require_element(name: str) -> None:
    if subprocess.run([require_tool("gst-inspect-1.0"), "--exists", name]).returncode:
        pytest.fail(f"GStreamer's {name} is missing; ./scripts/test installs it")


@pytest.mark.parametrize("sink", COMPLAINTS)
async def test_a_broadcast(stream: Stream, sink: str, tmp_path: Path) -> None:
    with gst_launch(sink, stream.publish_url, tmp_path / "gst.log") as program:
        async with watching(stream.server, stream.name) as player:
            played = await play(player)
            assert await program.interrupt() == 0
            await ending(player, stream)
    assert {name: video.size for name, video in played.videos.items()} == {"180p": (320, 180)}
    assert played.codecs["180p"].startswith("avc1.")
    assert played.audio_codecs == {"mp4a.40.2"}
    audio = played.audios["audio"]
    assert (audio.sample_rate, audio.channels) == (48_000, 2)


@pytest.mark.parametrize("sink", COMPLAINTS)
async def test_what_a_person_sees_of_a_wrong_key(server: ServerProcess, sink: str, tmp_path: Path) -> None:
    with gst_launch(sink, f"{server.rtmp_url}/wrong-key", tmp_path / "gst.log") as program:
        assert await program.ended() != 0
    assert COMPLAINTS[sink] in program.output
