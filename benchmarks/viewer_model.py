"""Many low-latency viewers in one process: what `benchmarks.viewers` puts on a server.

Strategy: a viewer is two connections, one for the video and one for the sound. Each asks for the playlist with the
next part, waits, fetches that part, and asks again (RFC 8216bis §6.2.5.2), as hls.js does; parts are thrown away as
they come, in one buffer for all. Only times are kept: a part's is when its last byte was there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BUFFER_BYTES = 256 * 1024
"""What is taken from a socket at once."""
CONNECTING_AT_ONCE = 200
"""Connections that are being made: fewer than the server's backlog."""

_PART = b'URI="part-'
_shared_buffer = bytearray(BUFFER_BYTES)
"""Of all connections: nothing of it is needed after `buffer_updated`."""


@dataclass(slots=True)
class Sightings:
    """What became of one rendition's parts."""

    listed_at: dict[tuple[int, int], float] = field(default_factory=dict)
    """When the first viewer was told of it."""
    fetched_at: dict[tuple[int, int], list[float]] = field(default_factory=dict)
    """When each viewer had it."""
    skipped_count: int = 0
    """Parts that a viewer was not told of in time."""
    refused_count: int = 0
    """Answers other than 200, and connections that were closed."""

    def begin(self) -> None:
        """What came before does not count."""
        self.listed_at.clear()
        self.fetched_at.clear()
        self.skipped_count = self.refused_count = 0

    def late_seconds(self) -> list[float]:
        """Each viewer's, for each part."""
        return [
            at - self.listed_at[part]
            for part, times in self.fetched_at.items()
            if part in self.listed_at
            for at in times
        ]


class Answers(asyncio.BufferedProtocol):
    """Takes answers one after the other, whose lengths are declared."""

    def __init__(self) -> None:
        self.keeps_body = False
        """Otherwise it is thrown away."""
        self._head = b""
        self._body: list[bytes] = []
        self._left_bytes = 0

    def get_buffer(self, sizehint: int) -> bytearray:
        return _shared_buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left_bytes and not self.keeps_body:  # the most of all
            self._left_bytes -= nbytes
        else:
            self._take(bytes(memoryview(_shared_buffer)[:nbytes]))
        if not self._left_bytes and not self._head:
            body, self._body = b"".join(self._body), []
            self.answered(body)

    def answered(self, body: bytes) -> None:
        """An answer is there."""
        raise NotImplementedError

    def refused(self, status_line: bytes) -> None:
        """What comes is not what was asked for."""
        raise NotImplementedError

    def _take(self, data: bytes) -> None:
        if not self._left_bytes:
            head, separator, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = b"" if separator else head
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                self.refused(head.split(b"\r\n", 1)[0])
            begin = head.index(b"content-length: ") + 16
            self._left_bytes = int(head[begin:].split(b"\r\n", 1)[0])
        self._left_bytes -= len(data)
        if self.keeps_body:
            self._body.append(data)


class FollowingConnection(Answers):
    """One viewer's connection for one rendition."""

    def __init__(self, playlist_path: str, sightings: Sightings) -> None:
        super().__init__()
        self._folder = playlist_path.rpartition("/")[0]
        self._playlist_path = playlist_path
        self._sightings = sightings
        self._part: tuple[int, int] | None = None
        """The newest that was listed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask_playlist("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sightings.refused_count += 1

    def refused(self, status_line: bytes) -> None:
        self._sightings.refused_count += 1

    def answered(self, body: bytes) -> None:
        now = time.monotonic()
        if self.keeps_body:
            self._listed(newest_part(body), now)
        elif self._part is not None:
            self._sightings.fetched_at.setdefault(self._part, []).append(now)
            msn, index = self._part
            self._ask_playlist(f"?_HLS_msn={msn}&_HLS_part={index + 1}")

    def _listed(self, newest: tuple[int, int] | None, now: float) -> None:
        if newest is None:
            self._ask_playlist("")
            return
        self._sightings.listed_at.setdefault(newest, now)
        self._sightings.skipped_count += is_behind(self._part, newest)
        self._part = newest
        self.keeps_body = False
        self._ask(f"{self._folder}/part-{newest[0]}.{newest[1]}.m4s")

    def _ask_playlist(self, query: str) -> None:
        self.keeps_body = True
        self._ask(self._playlist_path + query)

    def _ask(self, path: str) -> None:
        self._transport.write(request(path))


class WaitingConnection(Answers):
    """Asks once, when it is told to."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.answered_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def answered(self, body: bytes) -> None:
        self.answered_at.set_result(time.monotonic())

    def refused(self, status_line: bytes) -> None:
        raise SystemExit(status_line.decode())


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def newest_part(playlist: bytes) -> tuple[int, int] | None:
    """Number of its segment, and index."""
    begin = playlist.rfind(_PART, 0, playlist.rfind(b"#EXT-X-PRELOAD-HINT"))
    if begin < 0:
        return None
    begin += len(_PART)
    msn, index, _ = playlist[begin : begin + 40].split(b".", 2)
    return int(msn), int(index)


def is_behind(before: tuple[int, int] | None, newest: tuple[int, int]) -> bool:
    """Whether there must be a part between."""
    if before is None:
        return False
    return newest[1] != (before[1] + 1 if newest[0] == before[0] else 0) or newest[0] > before[0] + 1


async def follow(
    renditions: dict[str, Sightings], host: str, port: int, viewer_count: int, *, when_connected: Callable[[], None]
) -> None:
    """Runs for ever. ``renditions``: what is seen of each media playlist's URL."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(url: str, sightings: Sightings) -> None:
        async with gate:
            await loop.create_connection(lambda: FollowingConnection(urlsplit(url).path, sightings), host, port)

    async with asyncio.TaskGroup() as group:
        for _ in range(viewer_count):
            for url, sightings in renditions.items():
                group.create_task(connect(url, sightings))
    when_connected()
    await asyncio.Event().wait()


async def connect_idle(host: str, port: int, count: int) -> list[WaitingConnection]:
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(count):
        _, connection = await loop.create_connection(WaitingConnection, host, port)
        connections.append(connection)
    return connections


async def answered_at(connections: list[WaitingConnection], url: str) -> list[float]:
    """When each had the whole answer."""
    address = urlsplit(url)
    asking = request(f"{address.path}?{address.query}")
    for connection in connections:
        connection.transport.write(asking)
    times = list(await asyncio.gather(*(connection.answered_at for connection in connections)))
    for connection in connections:
        connection.transport.close()
    return times
