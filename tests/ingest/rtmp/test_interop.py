"""Real publishers against the server: Debian's ffmpeg (apt-get install ffmpeg) and PyAV."""

from __future__ import annotations

import asyncio
import shutil
import sys
from fractions import Fraction
from itertools import pairwise

import anyio
import pytest

from ingest.rtmp.server import RtmpServer
from pinkmedia.codecs.h264 import contains_idr
from pinkmedia.media import AudioTrack, Packet, VideoTrack
from tests.ingest.recording import KEY, RecordingDoor, RecordingPublication

pytestmark = pytest.mark.anyio

VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30000/1001")
AUDIO = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "96k", "-ac", "2")


async def run_ffmpeg(*arguments: str) -> tuple[int, str]:
    """Exit code and standard error."""
    program = shutil.which("ffmpeg")
    assert program, "this test needs ffmpeg: apt-get install ffmpeg"
    process = await asyncio.create_subprocess_exec(
        program, "-hide_banner", "-nostdin", "-loglevel", "error", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stderr.decode()


def of_track(publication: RecordingPublication, track_id: int) -> list[Packet]:
    return [packet for packet in publication.packets if packet.track_id == track_id]


async def test_ffmpeg(server: RtmpServer, door: RecordingDoor) -> None:
    url = f"rtmp://127.0.0.1:{server.port}/live/{KEY}"
    with anyio.fail_after(30):
        code, stderr = await run_ffmpeg(*VIDEO, *AUDIO, *H264, *AAC, "-t", "4", "-f", "flv", url)
        assert code == 0, stderr
        (publication,) = door.publications
        await publication.has_ended.wait()
    assert publication.ending == ("unpublished", True)
    ((video, audio),) = publication.track_sets
    assert isinstance(video, VideoTrack)
    assert (video.width, video.height, video.frame_rate) == (320, 180, Fraction(30000, 1001))
    assert isinstance(audio, AudioTrack)
    assert (audio.sample_rate, audio.channels, audio.bit_rate_bps) == (44_100, 2, 93_750)  # ffmpeg divides by 1024
    pictures = of_track(publication, video.track_id)
    assert len(pictures) == 120  # -t 4 at 29.97: nothing is lost
    assert {later.dts_ticks - earlier.dts_ticks for earlier, later in pairwise(pictures)} == {3003}
    assert sorted(picture.pts_ticks for picture in pictures) == [
        pictures[0].pts_ticks + 3003 * index for index in range(120)
    ]
    assert [index for index, picture in enumerate(pictures) if picture.is_sync] == [0, 30, 60, 90]
    assert all(picture.is_sync == contains_idr(picture.payload) for picture in pictures)
    sounds = of_track(publication, audio.track_id)
    assert {later.dts_ticks - earlier.dts_ticks for earlier, later in pairwise(sounds)} == {1024}


@pytest.mark.parametrize(("source", "codec", "kind"), [(VIDEO, H264, VideoTrack), (AUDIO, AAC, AudioTrack)])
async def test_ffmpeg_with_one_track(
    server: RtmpServer, door: RecordingDoor, source: tuple[str], codec: tuple[str], kind: type
) -> None:
    url = f"rtmp://127.0.0.1:{server.port}/live/{KEY}"
    with anyio.fail_after(30):
        code, stderr = await run_ffmpeg(*source, *codec, "-t", "1", "-f", "flv", url)
        assert code == 0, stderr
        (publication,) = door.publications
        await publication.has_ended.wait()
    ((track,),) = publication.track_sets
    assert isinstance(track, kind)
    assert len(publication.packets) >= 30


async def test_ffmpeg_with_a_wrong_key(server: RtmpServer, door: RecordingDoor) -> None:
    url = f"rtmp://127.0.0.1:{server.port}/live/wrong-key"
    with anyio.fail_after(30):
        code, stderr = await run_ffmpeg(*AUDIO, *AAC, "-t", "1", "-f", "flv", url)
    assert code != 0
    assert "wrong stream key" in stderr
    assert not door.publications
    assert server.counters.closed_by_reason == {"bad_key": 1}


async def test_ffmpeg_with_an_unsupported_codec(server: RtmpServer, door: RecordingDoor) -> None:
    url = f"rtmp://127.0.0.1:{server.port}/live/{KEY}"
    with anyio.fail_after(30):
        await run_ffmpeg(*AUDIO, "-c:a", "libmp3lame", "-t", "1", "-f", "flv", url)
        (publication,) = door.publications
        await publication.has_ended.wait()
    assert publication.ending == (
        "unsupported_codec: MP3 audio is not supported as it was sent; set the encoder to AAC or Opus",
        False,
    )


async def test_pyav(server: RtmpServer, door: RecordingDoor) -> None:
    with anyio.fail_after(30):
        # A process of its own: PyAV holds the interpreter lock while it connects.
        url = f"rtmp://127.0.0.1:{server.port}/live/{KEY}"
        await anyio.run_process([sys.executable, "-m", "tests.ingest.rtmp.pyav_publisher", url])
        (publication,) = door.publications
        await publication.has_ended.wait()
    assert publication.ending == ("unpublished", True)
    ((video,),) = publication.track_sets
    assert video.codec_string.startswith("avc1.")
    assert len(publication.packets) == 50
    assert {packet.duration_ticks for packet in publication.packets} == {3600}
