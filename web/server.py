"""The HTTP server: uvicorn on a socket of ours, with connections of ours (`web.connection`, `web.hot_path`)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from web.addresses import MEDIA_PREFIX, SIGNED_PREFIX
from web.connection import STALL_SECONDS
from web.hot_path import HotConnection, Source
from web.viewer_limits import Viewers

DRAIN_SECONDS = 1
"""How long answers in flight may take at the end. With the encoders' drain it keeps the whole stop under 5 s."""
UNSENT_BYTES = 256 * 1024
"""Linux would let it grow to megabytes. What is on its way is not counted, so that a long line is used all the same."""
TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class HttpServer(uvicorn.Server):
    """uvicorn in our loop: we own the signals and the socket."""

    def __init__(self, app: ASGIApp, viewers: Viewers, media: Source, unix_path: Path | None = None) -> None:
        """``media`` answers for live media as ``app`` does, by a shorter way. With ``unix_path``, there a Unix socket
        is made; else the socket is given to `serve`."""
        config = uvicorn.Config(
            app,
            uds=None if unix_path is None else str(unix_path),
            http=_connection_class(viewers, media),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `Viewers` reads them, once per viewer rather than once per request
            ws="none",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        super().__init__(config)

    @property
    def connection_count(self) -> int:
        """Open now, trusted proxies' too."""
        return len(self.server_state.connections)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in sockets or ():
            limit_stalls(listener)
        await super().serve(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _connection_class(viewers: Viewers, media: Source) -> type[asyncio.Protocol]:
    """uvicorn makes the connections, and tells them nothing of ours: so each server has a class of its own."""

    class ViewerConnection(HotConnection):
        source = media
        prefixes = (MEDIA_PREFIX.encode(), SIGNED_PREFIX.encode())

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.is_counted = viewers.connect(self.peer)
            if not self.is_counted:
                transport.write(TOO_MANY_CONNECTIONS)
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.is_counted:
                viewers.disconnect(self.peer)

    return ViewerConnection


def limit_stalls(listener: socket.socket) -> None:
    """Connections inherit it. Only Linux knows both; elsewhere the kernel's buffers are as it likes."""
    for option, value in (("TCP_USER_TIMEOUT", round(STALL_SECONDS * 1000)), ("TCP_NOTSENT_LOWAT", UNSENT_BYTES)):
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
