"""What an origin process passes on to the node, through a real Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from web import forwarding
from web.app import create_origin_app
from web.forwarding import MOST_AT_ONCE, MOST_BODY_BYTES, Forwarder
from web.limited_media import LimitedMedia
from web.origin import Origin
from web.server import HttpServer
from web.viewer_limits import ViewerLimits, Viewers

pytestmark = pytest.mark.anyio


class NoStreams:
    def find_presentation(self, stream_name: str, epoch: str | None = None) -> None:
        return None


async def echo(request: Request) -> Response:
    said = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "body": (await request.body()).decode(),
        "host": request.headers.get("host"),
        "custom": request.headers.getlist("x-custom"),
        "client": request.client.host if request.client else None,
    }
    return JSONResponse(said, status_code=418, headers={"X-Answer": "yes", "Date": "long ago"})


async def pieces(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%05d" % number * 1000

    return StreamingResponse(body())


class Node:
    """What answers at the other end."""

    def __init__(self) -> None:
        self.arrived = 0
        self.may_answer = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/api/{rest:path}", echo, methods=["GET", "POST", "DELETE"]),
                Route("/pieces", pieces),
                Route("/slow", self.slow),
                Route("/broken", self.broken),
            ]
        )

    async def slow(self, request: Request) -> Response:
        self.arrived += 1
        await self.may_answer.wait()
        return Response("at last")

    async def broken(self, request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begun"

        return StreamingResponse(body(), headers={"content-length": "1000"})


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def node_socket(node: Node, tmp_path: Path) -> AsyncIterator[Path]:
    """Where it listens, as the node does."""
    path = tmp_path / "node.sock"
    viewers = Viewers(ViewerLimits(is_behind_origins=True))

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert viewers.may_ask(scope, now=0.0)
        await node.app(scope, receive, send)

    server = HttpServer(limited, viewers, LimitedMedia(Origin(NoStreams()), viewers), unix_path=path)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)  # uvicorn raises no event
    yield path
    node.may_answer.set()
    server.should_exit = True
    await task


def front(node_socket: Path, **limits: Any) -> httpx.AsyncClient:
    """An origin process's application, asked from an address behind a trusted proxy."""
    viewers = Viewers(ViewerLimits(**limits))
    app: ASGIApp = create_origin_app(LimitedMedia(Origin(NoStreams()), viewers), Forwarder(str(node_socket)), viewers)
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://live.example:8080")


@pytest.fixture
async def client(node_socket: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with front(node_socket) as client:
        yield client


async def test_all_of_a_request_and_of_its_answer_is_passed_on(client: httpx.AsyncClient) -> None:
    headers = [("X-Custom", "one"), ("X-Custom", "two"), ("X-Forwarded-For", "203.0.113.9"), ("Connection", "x")]
    answer = await client.post("/api/a%2Fb%20c?x=%C3%B6&y", content=b"what", headers=headers)
    assert answer.status_code == 418
    assert answer.headers["x-answer"] == "yes"
    assert answer.headers["content-type"] == "application/json"
    assert "date" not in answer.headers  # the server's own is added later
    assert answer.json() == {
        "method": "POST",
        "path": "/api/a%2Fb%20c",
        "query": "x=%C3%B6&y",
        "body": "what",
        "host": "live.example:8080",
        "custom": ["one", "two"],
        "client": "192.0.2.7",
    }


async def test_a_trusted_proxy_says_whose_a_request_is(node_socket: Path) -> None:
    async with front(node_socket, trusted_proxies=(ip_network("192.0.2.7"),)) as client:
        answer = await client.get("/api/", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert answer.json()["client"] == "203.0.113.9"


async def test_a_viewers_requests_are_limited(node_socket: Path) -> None:
    async with front(node_socket, requests_per_second=1) as client:
        codes = [(await client.get("/api/")).status_code for _ in range(5)]
    assert 429 in codes


async def test_a_head_has_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/api/")
    assert (answer.status_code, answer.content) == (418, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_other_methods_are_the_nodes_to_refuse(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/api/")).json()["method"] == "DELETE"
    assert (await client.put("/api/")).status_code == 405
    assert (await client.get("/nothing/here")).status_code == 404


async def test_an_answer_in_pieces(client: httpx.AsyncClient) -> None:
    answer = await client.get("/pieces")
    assert answer.content == b"".join(b"%05d" % number * 1000 for number in range(100))


async def test_pages_and_media_are_answered_here(client: httpx.AsyncClient) -> None:
    assert "watch.js" in (await client.get("/watch/alice")).text
    assert (await client.get("/live/alice/index.m3u8")).headers["access-control-allow-origin"] == "*"


async def test_a_body_that_is_too_large(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/", content=bytes(MOST_BODY_BYTES))).status_code == 418
    assert (await client.post("/api/", content=bytes(MOST_BODY_BYTES + 1))).status_code == 413


async def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    async with front(tmp_path / "nowhere") as client:
        answer = await client.get("/api/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_node_that_does_not_answer(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "ANSWER_SECONDS", 0.05)
    assert (await client.get("/slow")).status_code == 504


async def test_an_answer_that_ends_too_soon_is_broken_off(node_socket: Path) -> None:
    start, *body = await messages(node_socket, b"/broken")
    assert start["status"] == 200
    assert [message["body"] for message in body] == [b"begun"]
    assert body[-1]["more_body"]


async def test_more_than_the_node_gets_at_once(client: httpx.AsyncClient, node: Node) -> None:
    held = [asyncio.create_task(client.get("/slow")) for _ in range(MOST_AT_ONCE)]
    async with asyncio.timeout(10):
        while node.arrived < MOST_AT_ONCE:
            await asyncio.sleep(0.01)
    assert (await client.get("/api/")).status_code == 503
    node.may_answer.set()
    assert {(await each).text for each in held} == {"at last"}
    assert (await client.get("/api/")).status_code == 418


async def test_a_head_that_cannot_be_said_again(node_socket: Path) -> None:
    assert (await messages(node_socket, b"/a b"))[0]["status"] == 400


async def messages(node_socket: Path, raw_path: bytes) -> list[Any]:
    """The answer, as ASGI has it."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "raw_path": raw_path,
        "path": raw_path.decode(),
        "query_string": b"",
        "headers": [],
        "client": None,
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await Forwarder(str(node_socket))(scope, receive, send)
    return sent
