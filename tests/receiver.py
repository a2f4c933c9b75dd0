"""A site's server that receives webhooks: it keeps what comes, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Received:
    """A request."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


class Receiver:
    """What has come, and what is answered."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], Awaitable[Response]] = accept
        self.url = ""
        self._has_come = asyncio.Condition()

    @property
    def types(self) -> list[str]:
        return [each.event["type"] for each in self.received]

    async def until(self, count: int) -> list[Received]:
        """Waits until so many requests have come."""
        async with asyncio.timeout(WAIT_SECONDS), self._has_come:
            await self._has_come.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def receive(self, request: Request) -> Response:
        received = Received(dict(request.headers), await request.body())
        async with self._has_come:
            self.received.append(received)
            self._has_come.notify_all()
        return await self.answer(received)


async def accept(_received: Received) -> Response:
    return Response(status_code=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on a port of this machine."""
    receiver = Receiver()
    async with serving(Starlette(routes=[Route("/hook", receiver.receive, methods=["POST"])])) as url:
        receiver.url = f"{url}/hook"
        yield receiver


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Any application on a port of this machine: its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    server.config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    (port,) = {each.getsockname()[1] for listener in server.servers for each in listener.sockets}
    loop = asyncio.create_task(server.main_loop())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await loop
        server.force_exit = True
        await server.shutdown()
