"""HTTPS with HTTP/2 straight from the server, as players get it that want it for low latency."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.certificates import make_pair, subject_of, trusting_client
from tests.support import PORTS, Publisher, ServerProcess, require_tool
from tests.system.player import Player
from tests.system.test_serve import check_media, follow_until_segment, until_live, until_log
from tests.system.test_viewer_connections import connect_to, held_connections, request, until_dropped

pytestmark = pytest.mark.anyio
HTTPS_PORTS = range(PORTS.stop + 100, PORTS.stop + 200)
"""Beside those of other tests."""
CURL_SECONDS = 30.0


@pytest.fixture
def https_port() -> int:
    return random.choice(HTTPS_PORTS)


@pytest.fixture
def server(tmp_path: Path, https_port: int) -> Iterator[ServerProcess]:
    files = make_pair(tmp_path, "old.example")
    keys = {"https_port": https_port, "tls_certificate": files.certificate, "tls_private_key": files.private_key}
    with ServerProcess(tmp_path, transcode=False, **keys) as server:
        yield server
        assert server.stop() == 0
    assert "Traceback" not in server.log_path.read_text()


async def curl(*urls: str) -> list[tuple[str, str, int]]:
    """HTTP version, status and size of each answer, all asked for at once on one connection."""
    transfers = [word for url in urls for word in ("-o", "/dev/null", url)]
    printed = "%{http_version} %{http_code} %{size_download}\\n"
    options = ["--insecure", "--silent", "--http2", "--parallel", "--write-out", printed]
    process = await asyncio.create_subprocess_exec(
        *(require_tool("curl"), *options, *transfers), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), CURL_SECONDS)
    lines = [line.split() for line in output.decode().splitlines()]
    return [(version, status, int(size)) for version, status, size in lines]


async def test_a_player_plays_by_http_2(server: ServerProcess, https_port: int, clip: Path) -> None:
    base_url = f"https://127.0.0.1:{https_port}"
    key = server.create_stream("alice")
    player = Player(f"{base_url}/live/alice/index.m3u8", verify=trusting_client())
    try:
        with Publisher(clip, f"{server.rtmp_url}/{key}"):
            variants = await until_live(player)
            playlist = await follow_until_segment(player, variants[0].uri, msn=2)
            await check_media(player, variants[0].uri, playlist)
            url = urljoin(player.playback_url, variants[0].uri)
            msn, part = playlist.next_part
            (hint,) = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', playlist.text)
            segment = urljoin(url, playlist.segments[0].uri)
            waiting = [f"{url}?_HLS_msn={msn}&_HLS_part={part + 1}", urljoin(url, hint)]
            answers = await curl(*waiting, segment, f"{base_url}/watch/alice", urljoin(url, "part-99.9.m4s"))
            plain = httpx.get(segment.replace(base_url, server.base_url))
    finally:
        await player.close()
    assert [version for version, _, _ in answers] == ["2"] * 5
    assert sorted(status for _, status, _ in answers) == ["200"] * 4 + ["404"]
    assert len(plain.content) in [size for _, _, size in answers]


async def test_viewers_who_stop_reading_are_dropped(server: ServerProcess, https_port: int, clip: Path) -> None:
    key = server.create_stream("alice")
    player = Player(f"{server.base_url}/live/alice/index.m3u8")
    stuck = []
    with ExitStack() as sockets, Publisher(clip, f"{server.rtmp_url}/{key}"):
        try:
            variants = await until_live(player)
            playlist = await follow_until_segment(player, variants[0].uri, msn=2)
            url = urljoin(urljoin(player.playback_url, variants[0].uri), playlist.segments[0].uri)
        finally:
            await player.close()
        for _ in range(5):
            plain = connect_to(https_port, sockets)
            stuck.append(sockets.enter_context(trusting_client().wrap_socket(plain)))
            stuck[-1].sendall(request(url) * 2)
        assert held_connections(https_port, list(stuck)) == len(stuck)
        await until_dropped(https_port, list(stuck))


async def test_a_renewed_certificate_is_taken(tmp_path: Path, server: ServerProcess, https_port: int) -> None:
    url = f"https://127.0.0.1:{https_port}/healthz"
    assert presented(https_port) == ("old.example", "h2")
    make_pair(tmp_path, "new.example")
    os.kill(server.pid, signal.SIGHUP)
    await until_log(server, "new.example")
    assert presented(https_port) == ("new.example", "h2")
    assert await curl(url) == [("2", "200", len("ok\n"))]


def presented(port: int) -> tuple[str, str | None]:
    """Whom the certificate names, and the protocol that is agreed on."""
    context = trusting_client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as stream:
        return subject_of(stream.getpeercert(binary_form=True)), stream.selected_alpn_protocol()
