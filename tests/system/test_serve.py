"""The whole program, from ffmpeg's RTMP to a player that reads playlists."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import httpx
import pytest

from tests.support import Publisher, ServerProcess, real_footage
from tests.system.player import MediaPlaylist, Player, Variant, attributes

pytestmark = pytest.mark.anyio
WAIT_SECONDS = 20.0
"""For things that take a second or two; a busy machine may need more."""


@asynccontextmanager
async def watching(server: ServerProcess, stream: str = "alice") -> AsyncIterator[Player]:
    player = Player(f"{server.base_url}/live/{stream}/index.m3u8")
    try:
        yield player
    finally:
        await player.close()


async def until_live(player: Player) -> list[Variant]:
    """The variants, once there are any. A stream that is not live has no address to wait at."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                return (await player.multivariant())[0]
            except httpx.HTTPStatusError:
                await asyncio.sleep(0.1)


async def follow_until_segment(player: Player, uri: str, msn: int) -> MediaPlaylist:
    """Reloads as a low-latency player until this segment has begun."""
    async with asyncio.timeout(WAIT_SECONDS):
        playlist = await player.media(uri)
        while not playlist.is_ended and playlist.segments[-1].msn < msn:
            playlist = await player.media(uri, after=playlist)
    return playlist


async def until_status(player: Player, server: ServerProcess, wanted: str) -> None:
    """The API is asked, as pages do."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            response = await player.client.get(f"{server.base_url}/api/v1/live/streams/alice")
            if response.json()["status"] == wanted:
                return
            await asyncio.sleep(0.05)


async def until_log(server: ServerProcess, text: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while text not in server.log_path.read_text():
            await asyncio.sleep(0.05)


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def worker_pids(node_pid: int) -> list[int]:
    """The node's child processes."""
    return [int(pid) for pid in Path(f"/proc/{node_pid}/task/{node_pid}/children").read_text().split()]


def cpu_ticks(pid: int) -> int:
    """User time so far: the worker that transcodes has more than the spare one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])


async def test_what_is_published_can_be_played_in_every_rendition(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            variants = await until_live(player)
            assert {variant.name: variant.attributes["RESOLUTION"] for variant in variants} == {
                "720p": "1280x720",
                "480p": "854x480",
                "360p": "640x360",
            }
            for variant in variants:
                assert variant.attributes["FRAME-RATE"] == "30.000"
                assert variant.attributes["CODECS"].startswith("avc1.")
                assert variant.attributes["CODECS"].endswith(",mp4a.40.2")
            _, (audio,) = await player.multivariant()
            *_, sound_alone, sound_alone_uri = (await player.text(player.playback_url)).splitlines()
            assert sound_alone_uri == audio["URI"]
            assert (attributes(sound_alone)["CODECS"], attributes(sound_alone)["AUDIO"]) == ("mp4a.40.2", "audio")
            uris = [*(variant.uri for variant in variants), audio["URI"]]
            playlists = await asyncio.gather(*(follow_until_segment(player, uri, msn=3) for uri in uris))
            for uri, playlist in zip(uris, playlists, strict=True):
                check_durations(playlist)
                await check_media(player, uri, playlist)
    assert key not in server.log_path.read_text()


def check_durations(playlist: MediaPlaylist) -> None:
    for segment in playlist.segments:
        assert max(segment.part_seconds) <= playlist.part_target_seconds
        assert all(seconds >= 0.85 * playlist.part_target_seconds for seconds in segment.part_seconds[:-1])
        if segment.duration_seconds is not None:
            assert segment.duration_seconds == pytest.approx(sum(segment.part_seconds), abs=0.001)
            assert round(segment.duration_seconds) <= playlist.target_duration_seconds


async def check_media(player: Player, uri: str, playlist: MediaPlaylist) -> None:
    """The first segment is its parts, and FFmpeg decodes it."""
    segment = playlist.segments[0]
    assert segment.map_uri
    assert segment.uri
    init = await player.bytes(uri, segment.map_uri)
    data = await player.bytes(uri, segment.uri)
    assert data == b"".join([await player.bytes(uri, part) for part in segment.part_uris])
    with av.open(io.BytesIO(init + data), "r") as container:
        frames = list(container.decode(container.streams[0]))
    assert len(frames) == (60 if "p/" in uri else pytest.approx(94, abs=1))


async def test_real_footage_with_key_frames_too_far_apart(server: ServerProcess) -> None:
    key = server.create_stream("alice")
    with Publisher(real_footage(), f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            first = await until_live(player)
            assert (await follow_until_segment(player, first[0].uri, msn=100)).is_ended
            await until_log(server, '"carried": {}')
            variants = await until_live(player)
            _, (audio,) = await player.multivariant()
            assert {variant.name for variant in variants} == {"720p", "480p", "360p"}
            assert audio["CHANNELS"] == "2"  # of six
            playlists = [await follow_until_segment(player, variant.uri, msn=4) for variant in variants]
    for playlist in playlists:
        whole = [segment for segment in playlist.segments if segment.duration_seconds is not None]
        # The clip's sound is 32 ms longer than its pictures, so that each round has a late frame.
        assert [segment.duration_seconds for segment in whole] == [pytest.approx(2.0, abs=0.05)] * len(whole)
        assert max(seconds for segment in whole for seconds in segment.part_seconds) <= playlist.part_target_seconds


async def test_a_killed_worker_costs_the_stream_a_discontinuity(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            variants = await until_live(player)
            (rung,) = [variant.uri for variant in variants if variant.name == "480p"]
            await follow_until_segment(player, rung, msn=2)
            os.kill(max(worker_pids(server.pid), key=cpu_ticks), signal.SIGKILL)
            playlist = await follow_until_segment(player, rung, msn=5)
            source = await follow_until_segment(player, rung.replace("480p", "720p"), msn=5)
    for each in (playlist, source):
        assert [segment.msn for segment in each.segments] == list(range(1, 1 + len(each.segments)))
        assert [segment.has_discontinuity for segment in each.segments].count(True) == 1
    assert "worker was killed by SIGKILL" in server.log_path.read_text()
    assert "publisher_closed" not in server.log_path.read_text().split("worker_failed")[0]


async def test_a_publisher_that_was_lost_comes_back_into_the_same_presentation(
    server: ServerProcess, clip: Path
) -> None:
    key = server.create_stream("alice")
    async with watching(server) as player:
        with Publisher(clip, f"{server.rtmp_url}/{key}") as publisher:
            variants = await until_live(player)
            await follow_until_segment(player, variants[0].uri, msn=2)
            publisher.lose()
        await until_status(player, server, "interrupted")
        with Publisher(clip, f"{server.rtmp_url}/{key}"):
            playlist = await follow_until_segment(player, variants[0].uri, msn=4)
    assert True in [segment.has_discontinuity for segment in playlist.segments]
    assert playlist.segments[0].msn == 1


async def test_the_end_of_a_publication_ends_the_playlists(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    async with watching(server) as player:
        with Publisher(clip, f"{server.rtmp_url}/{key}") as publisher:
            uri = (await until_live(player))[0].uri
            await follow_until_segment(player, uri, msn=2)
            publisher.stop()
            playlist = await follow_until_segment(player, uri, msn=100)
        assert playlist.is_ended
        await until_status(player, server, "offline")


async def test_stopping_the_server_ends_everything_in_order(tmp_path: Path, clip: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            uri = (await until_live(player))[0].uri
            await follow_until_segment(player, uri, msn=2)
            workers = worker_pids(server.pid)
            last = asyncio.create_task(follow_until_segment(player, uri, msn=100))
            await asyncio.sleep(0)
            exit_code = await asyncio.to_thread(server.stop)
            assert (await last).is_ended
    assert exit_code == 0
    assert not [pid for pid in workers if is_running(pid)]
    assert "the server is shutting down" in server.log_path.read_text()


async def test_garbage_on_the_rtmp_port_disturbs_nobody(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    port = int(server.rtmp_url.rsplit(":", 1)[1].split("/")[0])
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            uri = (await until_live(player))[0].uri
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\n\r\n" * 200)
                peer.settimeout(WAIT_SECONDS)
                while await asyncio.to_thread(peer.recv, 4096):
                    pass
            playlist = await follow_until_segment(player, uri, msn=3)
    assert not [segment for segment in playlist.segments if segment.has_discontinuity or segment.is_gap]
    closed = [line for line in server.log_path.read_text().splitlines() if "publisher_closed" in line]
    assert '"reason": "' in closed[0]


async def test_a_page_made_for_another_server_plays(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        player = Player(f"{server.base_url}/app/alice/llhls.m3u8")
        try:
            variants = await until_live(player)
            playlist = await follow_until_segment(player, variants[0].uri, msn=2)
            await check_media(player, variants[0].uri, playlist)
        finally:
            await player.close()


async def test_operators_pages(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            uri = (await until_live(player))[0].uri
            await follow_until_segment(player, uri, msn=2)
            assert (await player.client.get(f"{server.base_url}/healthz")).text == "ok\n"
            metrics = (await player.client.get(f"{server.base_url}/metrics")).text
            listed = (await player.client.get(f"{server.base_url}/api/v1/live/streams")).json()
            redirect = await player.client.get(f"{server.base_url}/api/v1/live/streams/alice/playlist.m3u8")
            thumbnail = await player.client.get(server.base_url + listed["streams"][0]["thumbnail_url"])
            strip = await player.client.get(
                f"{server.base_url}/api/v1/live/streams/alice/strip.vtt", follow_redirects=True
            )
            no_strip = await player.client.get(f"{server.base_url}/api/v1/live/streams/nobody/strip.vtt")
            no_thumbnail = await player.client.get(f"{server.base_url}/api/v1/live/streams/nobody/thumbnail.jpg")
            unknown = await player.client.get(f"{server.base_url}/api/v1/live/streams/nobody")
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert float(values["pinkmedia_live_streams"]) == 1
    assert float(values["pinkmedia_rtmp_connections"]) == 1
    assert float(values["pinkmedia_ingest_bytes_total"]) > 100_000
    for kind in ("passthrough", "transcoded", "audio"):
        assert float(values[f'pinkmedia_parts_published_total{{kind="{kind}"}}']) > 5
    (stream,) = listed["streams"]
    assert (stream["name"], stream["status"], stream["playback_url"]) == ("alice", "live", "/live/alice/index.m3u8")
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert thumbnail.content.startswith(b"\xff\xd8")
    assert strip.text.startswith("WEBVTT\n")
    assert "#xywh=0,0,160," in strip.text
    assert no_strip.status_code == 404
    assert (no_thumbnail.status_code, no_thumbnail.headers["content-type"]) == (404, "application/problem+json")
    assert (redirect.status_code, redirect.headers["location"]) == (302, "/live/alice/index.m3u8")
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
