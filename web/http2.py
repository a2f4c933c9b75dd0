"""HTTPS with HTTP/2, which Apple's players want before they play at low latency: hypercorn, an extra of the package.

The same application as on the plain port, with the same limits, for a server that viewers reach without a proxy. We
accept connections and end them; what is said on them is hypercorn's. A renewed certificate is used for the connections
that come after.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from starlette.types import ASGIApp

from pinkmedia.errors import EnvironmentFault
from web.server import DRAIN_SECONDS, limit_stalls
from web.viewer_limits import Viewers

PROTOCOLS = ["h2", "http/1.1"]
MOST_STREAMS = 32
"""Requests at once on one connection: a player has four, and each may hold a part until it is taken."""
HANDSHAKE_SECONDS = 10.0
LISTEN_BACKLOG = 1024
"""Connections that wait to be accepted, as on the plain port."""


class Http2Server:
    """Takes connections until it is told to stop."""

    def __init__(self, app: ASGIApp, viewers: Viewers) -> None:
        """Raises EnvironmentFault when the extra is not installed."""
        self._viewers = viewers
        self._talk, self._say_goodbye = _hypercorn(app)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def connection_count(self) -> int:
        """Open now."""
        return len(self._connections)

    async def start(self, listener: socket.socket, context: Callable[[], ssl.SSLContext]) -> None:
        """``context`` is asked for each connection."""
        limit_stalls(listener)
        self._server = await asyncio.start_server(
            self._connected,
            sock=listener,
            backlog=LISTEN_BACKLOG,
            ssl=_changing(context),
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )

    async def close(self) -> None:
        """Answers in flight have DRAIN_SECONDS."""
        if self._server is not None:
            self._server.close()
        await self._say_goodbye()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("",))[0]
        if not self._viewers.connect(peer):
            writer.transport.abort()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._connections.add(task)
        try:
            await self._talk(reader, writer)
        except* OSError:
            pass  # the viewer is gone; the kernel's word for one that did not read is a timeout
        finally:
            self._connections.discard(task)
            self._viewers.disconnect(peer)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _hypercorn(app: ASGIApp) -> tuple[Talk, Callable[[], Awaitable[None]]]:
    """What talks to a viewer until the connection ends, and what asks all of them to end."""
    try:
        from hypercorn.asyncio.tcp_server import TCPServer
        from hypercorn.asyncio.worker_context import WorkerContext
        from hypercorn.config import Config
        from hypercorn.typing import Framework, LifespanState
        from hypercorn.utils import wrap_app
    except ImportError:
        raise EnvironmentFault(
            "https_port needs an extra of the package; install it with: pip install 'pinkmedia[h2]'"
        ) from None
    config = Config()
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    config.h2_max_concurrent_streams = MOST_STREAMS
    # Hypercorn's own types describe the same application.
    wrapped = wrap_app(cast(Framework, app), config.wsgi_max_body_size, "asgi")
    context = WorkerContext(max_requests=None)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await TCPServer(wrapped, asyncio.get_running_loop(), config, context, LifespanState({}), reader, writer)

    return talk, context.terminated.set


def _changing(context: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """A context that hands each connection over to the one that is right then."""

    def hand_over(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = _speaking(context())

    first = _speaking(context())
    first.sni_callback = hand_over  # it is also called when the client names no host
    return first


def _speaking(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(PROTOCOLS)
    return context
