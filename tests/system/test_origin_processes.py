"""A server with two origin processes: each serves all there is, and no viewer misses one that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.origins import connection_to_each, origin_pids
from tests.support import Publisher, ServerProcess
from tests.system.player import MediaPlaylist, Player, parse_media
from tests.system.test_serve import WAIT_SECONDS, follow_until_segment, is_running, until_live, until_log, watching

pytestmark = pytest.mark.anyio
SECRET = "0123456789abcdef0123456789abcdef"
MEMORY_SECONDS = 6
STORED_MSN = 9
"""When this segment has begun, the first one is on disk."""

INIT_COUNTER = 'pinkmedia_http_requests_total{route="init"}'
INIT_REQUESTS = 2 * (1 + 5)
"""That the first test makes: one of each process for its bytes, and five to be counted."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    keys = {"playback_secret_file": secret, "window_seconds": MEMORY_SECONDS, "partner_dvr_seconds": 3600}
    with ServerProcess(tmp_path, http_workers=2, **keys) as server:
        yield server


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    """Closes them at the end."""
    with ExitStack() as stack:
        yield stack


def port_of(server: ServerProcess) -> int:
    port = urlsplit(server.base_url).port
    assert port
    return port


def ask(connection: socket.socket, url: str) -> tuple[int, bytes]:
    """Status and body, on a connection that stays open."""
    client = HTTPConnection("localhost")
    client.sock = connection
    parts = urlsplit(url)
    client.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
    answer = client.getresponse()
    return answer.status, answer.read()


def ask_each(connections: dict[int, socket.socket], url: str) -> list[tuple[int, bytes]]:
    return [ask(connection, url) for connection in connections.values()]


async def test_each_process_serves_all_there_is(server: ServerProcess, clip: Path, sockets: ExitStack) -> None:
    key = server.create_stream("alice")
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            (uri, *_) = [variant.uri for variant in await until_live(player) if variant.name == "720p"]
            playlist = await follow_until_segment(player, uri, msn=STORED_MSN)
            playlist_url = urljoin(player.playback_url, uri)
            connections = connection_to_each(server.pid, port_of(server), sockets)
            assert len(connections) == 2
            for name in ("init-1.mp4", "seg-1.m4s", "seg-3.m4s", f"seg-{STORED_MSN - 1}.m4s"):
                (first, data), second = ask_each(connections, urljoin(playlist_url, name))
                assert (first, data) == second
                assert first == 200
            msn, part = playlist.next_part
            for status, text in ask_each(connections, f"{playlist_url}?_HLS_msn={msn}&_HLS_part={part + 2}"):
                assert status == 200
                assert parse_media(text.decode()).next_part > (msn, part + 2)
            (delta, *_) = ask_each(connections, f"{playlist_url}?_HLS_skip=YES")
            assert b"#EXT-X-SKIP:" in delta[1]
            manifest_url = urljoin(playlist_url, "../manifest.mpd")
            assert [status for status, _ in ask_each(connections, manifest_url)] == [200, 200]
            await check_metrics(server, player, connections, urljoin(playlist_url, "init-1.mp4"))
            await check_privacy(server, connections)
    assert server.stop() == 0
    assert "Traceback" not in server.log_path.read_text()
    assert SECRET not in server.log_path.read_text()


async def check_metrics(
    server: ServerProcess, player: Player, connections: dict[int, socket.socket], init_url: str
) -> None:
    """What the processes have answered is summed, wherever the question arrives."""
    for _ in range(5):
        ask_each(connections, init_url)
    async with asyncio.timeout(WAIT_SECONDS):
        while (now := await metrics(server, player)).get(
            'pinkmedia_http_requests_total{route="init"}'
        ) != INIT_REQUESTS:
            await asyncio.sleep(0.1)
    assert now["pinkmedia_http_connections"] >= len(connections)
    assert now["pinkmedia_origin_processes"] == 2
    stats = (await player.client.get(f"{server.base_url}/api/v1/live/streams/alice")).json()
    assert stats["status"] == "live"


async def metrics(server: ServerProcess, player: Player) -> dict[str, float]:
    text = (await player.client.get(f"{server.base_url}/metrics")).text
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    }


async def check_privacy(server: ServerProcess, connections: dict[int, socket.socket]) -> None:
    url = f"{server.base_url}/live/alice/index.m3u8"
    server.run("stream", "set-private", "alice")
    async with asyncio.timeout(WAIT_SECONDS):
        while [status for status, _ in ask_each(connections, url)] != [403, 403]:
            await asyncio.sleep(0.1)
    signed = server.run("stream", "sign-url", "alice", "--hours", "1")
    assert [status for status, _ in ask_each(connections, signed)] == [200, 200]
    for pid in connections:
        assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_player_goes_on_when_its_process_is_killed(server: ServerProcess, clip: Path) -> None:
    with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"):
        async with watching(server) as player:
            (uri, *_) = [variant.uri for variant in await until_live(player)]
            playlist = await follow_until_segment(player, uri, msn=2)
            for pid in origin_pids(server.pid):
                os.kill(pid, signal.SIGKILL)
                playlist = await follow_stubbornly(player, uri, playlist, until_msn=playlist.next_part[0] + 2)
                await until_log(server, f'"pid": {pid}, "reason": "origin process was killed by SIGKILL"')
            async with asyncio.timeout(WAIT_SECONDS):
                while (await metrics(server, player))["pinkmedia_origin_processes"] < 2:
                    await asyncio.sleep(0.1)
            assert (await metrics(server, player))["pinkmedia_origin_processes_replaced_total"] == 2
    assert [segment.msn for segment in playlist.segments] == list(range(1, 1 + len(playlist.segments)))
    assert not any(segment.is_gap or segment.has_discontinuity for segment in playlist.segments)
    assert "Traceback" not in server.log_path.read_text()


async def follow_stubbornly(player: Player, uri: str, playlist: MediaPlaylist, until_msn: int) -> MediaPlaylist:
    """As players do: what failed is asked for again, and a bad answer is none."""
    async with asyncio.timeout(WAIT_SECONDS):
        while playlist.segments[-1].msn < until_msn:
            try:
                playlist = await player.media(uri, after=playlist)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    return playlist


async def test_processes_end_with_their_node(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, http_workers=2) as server:
        pids = origin_pids(server.pid)
        assert len(pids) == 2
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(WAIT_SECONDS):
            while any(map(is_running, pids)):
                await asyncio.sleep(0.05)
    assert "Traceback" not in server.log_path.read_text()
