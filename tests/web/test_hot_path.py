"""The short way of requests for live media: the same answers as uvicorn's own way gives, whatever clients do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from web import hot_path
from web.answers import Answer, StoredAnswer, stored_media
from web.hot_path import hot_protocol

pytestmark = pytest.mark.anyio

MANY_BYTES = 64 * 1024 * 1024
"""More than sockets hold."""


class Origin:
    """Answers /live/… with the path; some paths wait, fail, or are large."""

    def __init__(self, stored: Path) -> None:
        self.gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting = 0
        self.asked: list[str] = []
        self._stored = stored

    async def answer(self, scope: Scope) -> Answer | StoredAnswer:
        self.asked.append(scope["path"])
        match scope["path"].removeprefix("/live/"):
            case "wait":
                self.waiting += 1
                try:
                    await asyncio.shield(self.gate)
                finally:
                    self.waiting -= 1
            case "fail":
                raise ValueError("a fault of the origin")
            case "large":
                return Answer(200, (), (bytes(MANY_BYTES),))
            case "stored":
                return stored_media(self._stored, self._stored.stat().st_size, is_video=True)
        query = scope["query_string"].decode()
        return Answer(200, ((b"x-way", b"short"),), (f"{scope['method']} {scope['path']} {query}".encode(),))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = f"{scope['method']} {scope['path']} {scope['query_string'].decode()}".encode()
        headers = [(b"x-way", b"long"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def ask(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> None:
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.lower().split(": ", 1) for line in head[1:-1])
            body = await self.reader.readexactly(int(headers.get("content-length", 0))) if has_body else b""
        return int(head[0].split()[1]), headers, body

    async def is_closed(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read(1) == b""


class Server:
    def __init__(self, origin: Origin, uvicorn_server: uvicorn.Server, address: tuple[str, int]) -> None:
        self.origin = origin
        self.uvicorn = uvicorn_server
        self._address = address
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection(*self._address))
        self.clients.append(client)
        return client


class _QuietServer(uvicorn.Server):
    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        task = asyncio.create_task(self._serve([listener]))
        while not self.started:
            await asyncio.sleep(0.001)
        yield
        self.should_exit = True
        await task


@pytest.fixture
def keep_alive_seconds() -> int:
    return 30


@pytest.fixture
async def server(tmp_path: Path, keep_alive_seconds: int) -> AsyncIterator[Server]:
    stored = tmp_path / "seg-1.m4s"
    stored.write_bytes(b"stored" * 100_000)
    origin = Origin(stored)
    config = uvicorn.Config(
        origin,
        http=hot_protocol(origin, b"/live/"),
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=1,
    )
    config.load()
    uvicorn_server = _QuietServer(config)
    uvicorn_server.lifespan = config.lifespan_class(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(origin, uvicorn_server, listener.getsockname())
        async with uvicorn_server.serving(listener):
            yield server
            for client in server.clients:
                client.writer.close()


async def test_many_requests_on_one_connection_take_the_way_that_is_theirs(server: Server) -> None:
    client = await server.connect()
    for path, way in [("/live/a?b=c", "short"), ("/page", "long"), ("/live/d", "short"), ("/live/d", "short")]:
        client.ask(path)
        status, headers, body = await client.answer()
        assert (status, headers["x-way"], body.decode().split()[:2]) == (200, way, ["GET", path.split("?")[0]])
        assert "date" in headers
    assert server.uvicorn.server_state.total_requests == 4


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/live/a", {"method": "HEAD"}),
        ("/live/a", {"method": "OPTIONS"}),
        ("/live/a", {"version": "1.0"}),
        ("/live/a%20b", {}),
        ("/elsewhere/live/a", {}),
    ],
)
async def test_what_is_unusual_goes_the_long_way(server: Server, path: str, options: dict[str, str]) -> None:
    client = await server.connect()
    client.ask(path, **options)
    status, headers, _ = await client.answer(has_body=False)
    assert (status, headers["x-way"]) == (200, "long")


async def test_a_client_that_wants_the_connection_closed(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/a", "Connection: close")
    _, headers, body = await client.answer()
    assert (headers["connection"], body) == ("close", b"GET /live/a ")
    assert await client.is_closed()


async def test_a_request_that_waits(server: Server) -> None:
    client, other = await server.connect(), await server.connect()
    client.ask("/live/wait")
    other.ask("/live/a")
    assert (await other.answer())[2] == b"GET /live/a "
    assert server.origin.waiting == 1
    server.origin.gate.set_result(None)
    assert (await client.answer())[2] == b"GET /live/wait "
    client.ask("/live/a")
    assert (await client.answer())[2] == b"GET /live/a "


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    client = await server.connect()
    for path in ("/live/a", "/live/wait", "/live/b", "/page", "/live/c"):
        client.ask(path)
    assert (await client.answer())[2] == b"GET /live/a "
    await until_waiting(server, 1)
    server.origin.gate.set_result(None)
    answered = [(await client.answer())[2].split()[1].decode() for _ in range(4)]
    assert answered == ["/live/wait", "/live/b", "/page", "/live/c"]


async def until_waiting(server: Server, count: int) -> None:
    async with asyncio.timeout(10):
        while server.origin.waiting != count:
            await asyncio.sleep(0.001)


async def test_a_client_that_leaves_waits_no_more(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/wait")
    await until_waiting(server, 1)
    client.writer.close()
    await until_waiting(server, 0)
    server.origin.gate.set_result(None)


async def test_an_answer_from_disk_is_handed_over(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/stored")
    client.ask("/live/a")
    assert (await client.answer())[2] == b"stored" * 100_000
    assert (await client.answer())[2] == b"GET /live/a "


async def test_a_fault_is_told_and_the_connection_lives_on(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = await server.connect()
    client.ask("/live/fail")
    assert (await client.answer())[0] == 500
    client.ask("/live/a")
    assert (await client.answer())[0] == 200
    assert "a fault of the origin" in caplog.text


async def test_a_body_that_nobody_wants_is_passed_over(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/a", "Content-Length: 4")
    client.writer.write(b"body")
    client.ask("/live/b")
    assert (await client.answer())[2] == b"GET /live/a "
    assert (await client.answer())[2] == b"GET /live/b "


@pytest.mark.parametrize("keep_alive_seconds", [1])
async def test_an_idle_connection_is_closed(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/a")
    await client.answer()
    assert await client.is_closed()


async def test_a_reader_that_takes_nothing_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_path, "STALL_SECONDS", 0.1)
    client = await server.connect()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    client.ask("/live/large")
    async with asyncio.timeout(10):
        while not server.origin.asked or server.uvicorn.server_state.connections:
            await asyncio.sleep(0.001)


async def test_a_server_that_stops_lets_who_waits_have_its_answer(server: Server) -> None:
    client = await server.connect()
    client.ask("/live/wait")
    await until_waiting(server, 1)
    for connection in server.uvicorn.server_state.connections:
        connection.shutdown()
    server.origin.gate.set_result(None)
    _, headers, body = await client.answer()
    assert (headers["connection"], body) == ("close", b"GET /live/wait ")
    assert await client.is_closed()
