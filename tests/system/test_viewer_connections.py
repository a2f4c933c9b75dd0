"""What viewers' connections cost a whole server: those that do not read, do not ask, or are too many."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.support import Publisher, ServerProcess
from tests.system.test_serve import follow_until_segment, until_live, watching

pytestmark = pytest.mark.anyio
STUCK_VIEWERS = 40
SMALL_BUFFER_BYTES = 4096
LONGEST_SECONDS = 60.0
"""Several times what the server gives them."""
LOOK_SECONDS = 0.2
ENDED = ("05", "06")
"""In /proc/net/tcp, FIN_WAIT2 and TIME_WAIT: all was sent, nothing is held."""


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    """Closes them at the end."""
    with ExitStack() as stack:
        yield stack


def port_of(server: ServerProcess) -> int:
    port = urlsplit(server.base_url).port
    assert port
    return port


def connect(server: ServerProcess, sockets: ExitStack) -> socket.socket:
    return connect_to(port_of(server), sockets)


def connect_to(port: int, sockets: ExitStack) -> socket.socket:
    """A connection that takes little before it is read from."""
    connection = sockets.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
    connection.connect(("127.0.0.1", port))
    return connection


def request(url: str) -> bytes:
    return f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def held_connections(port: int, connections: list[socket.socket]) -> int:
    """How many of them the server's end of still exists, in the server or in the kernel alone."""
    theirs = {connection.getsockname()[1] for connection in connections}
    count = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        local_port, remote_port = (int(address.partition(":")[2], 16) for address in (local, remote))
        count += local_port == port and remote_port in theirs and state not in ENDED
    return count


async def until_dropped(port: int, connections: list[socket.socket]) -> None:
    async with asyncio.timeout(LONGEST_SECONDS):
        while held_connections(port, connections):
            await asyncio.sleep(LOOK_SECONDS)


def resident_bytes(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    (kilobytes,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kilobytes) * 1024


async def test_viewers_who_stop_reading_are_dropped_and_hold_no_memory(
    server: ServerProcess, clip: Path, sockets: ExitStack
) -> None:
    key = server.create_stream("alice")
    stuck: list[socket.socket] = []
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        async with watching(server) as player:
            (source, *_) = [variant for variant in await until_live(player) if variant.name == "720p"]
            playlist = await follow_until_segment(player, source.uri, msn=7)
            whole = [segment for segment in playlist.segments if segment.duration_seconds is not None]
            segment_url = urljoin(urljoin(player.playback_url, source.uri), whole[-1].uri)
            size = len((await player.client.get(segment_url)).content)
            before = resident_bytes(server)
            for _ in range(STUCK_VIEWERS):
                stuck.append(connect(server, sockets))
                stuck[-1].send(request(segment_url) * 3)
            stuck.append(connect(server, sockets))
            stuck[-1].send(request(player.playback_url) * 3)  # all of it fits into the kernel's buffers
            assert held_connections(port_of(server), stuck) == STUCK_VIEWERS + 1
            dropping = asyncio.create_task(until_dropped(port_of(server), stuck))
            while not dropping.done():  # meanwhile the others see nothing of it
                playlist = await player.media(source.uri, after=playlist)
            await dropping
            growth = resident_bytes(server) - before
    assert "Traceback" not in server.log_path.read_text()
    assert size > 500_000
    assert growth < STUCK_VIEWERS * size / 2


async def test_connections_that_do_not_ask_are_closed(server: ServerProcess, sockets: ExitStack) -> None:
    silent, slow = connect(server, sockets), connect(server, sockets)
    slow.send(b"GET /healthz HTTP/1.1\r\nHost: local")
    endless = connect(server, sockets)
    endless.send(b"GET /healthz HTTP/1.1\r\n")
    with pytest.raises(ConnectionError):  # there is no end to its head
        endless.sendall(b"X-Filler: x\r\n" * 1_000_000)
    greedy = connect(server, sockets)
    greedy.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
    await until_dropped(port_of(server), [silent, slow, greedy])
    assert "Traceback" not in server.log_path.read_text()
    assert httpx.get(f"{server.base_url}/healthz").status_code == 200


async def test_an_address_has_so_many_connections(tmp_path: Path, sockets: ExitStack) -> None:
    with ServerProcess(tmp_path, trusted_proxies="192.0.2.1", http_connections_per_address=3) as server:
        held = [connect(server, sockets) for _ in range(3)]
        refused = connect(server, sockets)
        assert refused.recv(1000).startswith(b"HTTP/1.1 429 ")
        held.pop().close()
        async with asyncio.timeout(LONGEST_SECONDS):
            while not await is_let_in(server):
                await asyncio.sleep(LOOK_SECONDS)
        assert "Traceback" not in server.log_path.read_text()


async def is_let_in(server: ServerProcess) -> bool:
    try:
        return httpx.get(f"{server.base_url}/healthz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def test_an_address_has_so_many_requests(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, http_requests_per_address=1) as server:
        async with httpx.AsyncClient(base_url=server.base_url) as client:
            addresses = ["198.51.100.1"] * 10 + ["198.51.100.2", "2001:db8::1", "2001:db8::2"]
            answers = await asyncio.gather(
                *(client.get("/live/alice/index.m3u8", headers={"X-Forwarded-For": address}) for address in addresses)
            )
        codes = [answer.status_code for answer in answers]
        assert codes[:10].count(429) >= 5
        assert codes[10] == 404
        assert codes[11:] in ([404, 429], [429, 404])
        (refused, *_) = [answer for answer in answers if answer.status_code == 429]
        assert (refused.headers["retry-after"], refused.headers["access-control-allow-origin"]) == ("1", "*")
