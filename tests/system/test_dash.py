"""DASH from a whole server: FFmpeg reads the manifest, and segments come over the wire while they are made."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest

from tests.support import Publisher, ServerProcess, require_tool
from tests.system.player import Player
from tests.system.test_serve import WAIT_SECONDS, until_live, watching

pytestmark = pytest.mark.anyio


async def manifest_of(player: Player) -> tuple[str, ElementTree.Element]:
    """The manifest's own address, and what it says."""
    response = await player.client.get(urljoin(player.playback_url, "manifest.mpd"), follow_redirects=True)
    response.raise_for_status()
    return str(response.url), ElementTree.fromstring(response.text)


async def probe(url: str) -> list[dict[str, Any]]:
    """The streams that FFmpeg finds, with pictures and sound decoded as far as it takes to know them."""
    arguments = ["-v", "error", "-show_streams", "-of", "json", url]
    process = await asyncio.create_subprocess_exec(
        require_tool("ffprobe"), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WAIT_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    streams: list[dict[str, Any]] = json.loads(output)["streams"]
    return streams


async def test_ffmpeg_reads_the_manifest(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    async with watching(server) as player:
        with Publisher(clip, f"{server.rtmp_url}/{key}"):
            await until_live(player)
            url, _ = await manifest_of(player)
            streams = await probe(url)
    assert sorted(stream["height"] for stream in streams if stream["codec_type"] == "video") == [360, 480, 720]
    assert [stream["codec_name"] for stream in streams if stream["codec_type"] == "audio"] == ["aac"]


async def test_a_segment_comes_while_it_is_made(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    async with watching(server) as player:
        with Publisher(clip, f"{server.rtmp_url}/{key}"):
            await until_live(player)
            url, root = await manifest_of(player)
            newest = (await player.media(urljoin(url, "720p/media.m3u8"))).segments[-1]
            segment_url = urljoin(url, f"720p/seg-{newest.msn + 1}.m4s")  # it has not begun
            async with player.client.stream("GET", segment_url) as response:
                content = b"".join([chunk async for chunk in response.aiter_bytes()])
            whole = await player.client.get(segment_url)
    assert (response.status_code, response.headers["transfer-encoding"]) == (200, "chunked")
    assert content == whole.content
    assert "content-length" in whole.headers
    assert {each.attrib["id"] for each in root.iterfind(".//{*}Representation")} == {"720p", "480p", "360p", "audio"}
