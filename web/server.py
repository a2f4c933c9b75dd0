"""The HTTP server: uvicorn on a socket of ours, with connections that nobody can hold for nothing.

Each connection costs memory, so each must get on:

    said                        within
    a request's head            HEAD_SECONDS, in HEAD_BYTES
    nothing, after an answer    uvicorn's keep-alive, 5 s
    an answer's next bytes      STALL_SECONDS, to be taken

A viewer who stops reading fills the kernel's buffer up to UNSENT_BYTES, then ours up to WRITE_BUFFER_BYTES and one
part, and is cut off. What is in the kernel's alone, it cuts off itself. None of this costs a request that goes well
more than a comparison: timers are only set when something is amiss.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from web.viewer_limits import Viewers

DRAIN_SECONDS = 1
"""How long answers in flight may take at the end. With the encoders' drain it keeps the whole stop under 5 s."""
HEAD_SECONDS = 10.0
"""For a new connection's first request, and for the rest of a head that came in pieces."""
HEAD_BYTES = 32 * 1024
"""Browsers' heads have one or two; cookies of the same site may add some."""
STALL_SECONDS = 10.0
"""A part of a rendition that fits the viewer's line is taken in a fraction of a second; players give up by then."""
UNSENT_BYTES = 256 * 1024
"""Linux would let it grow to megabytes. What is on its way is not counted, so that a long line is used all the same."""
WRITE_BUFFER_BYTES = 64 * 1024
"""Beyond it the next part waits until the viewer has taken more."""
MOST_PIPELINED = 16
"""Requests sent before the answer to an earlier one; browsers and proxies send none."""
TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class HttpServer(uvicorn.Server):
    """uvicorn in our loop: we own the signals and the socket."""

    def __init__(self, app: ASGIApp, viewers: Viewers) -> None:
        config = uvicorn.Config(
            app,
            http=_connection_class(viewers),
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


def _connection_class(viewers: Viewers) -> type[asyncio.Protocol]:
    """uvicorn makes the connections, and tells them nothing of ours: so each server has a class of its own."""

    class ViewerConnection(_Connection):
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


class _Connection(HttpToolsProtocol):
    """One that gets on, or ends."""

    peer = ""
    is_counted = False
    _is_in_head = True
    _unanswered: tuple[RequestResponseCycle, ...] = ()
    """Those before the newest one."""
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        for cycle in self._unanswered:  # uvicorn tells the newest one
            cycle.disconnected = True

    def data_received(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        super().data_received(data)
        if self._is_in_head:  # a whole head in one piece, as usual, never is
            self._wait_for_head(len(data) if was_in_head else 0)

    def _wait_for_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES:
            self.transport.abort()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        # It is None before the first request, whatever its type says.
        if self.cycle is not None and not self.cycle.response_complete:
            self._queue(self.cycle)
        super().on_headers_complete()

    def _queue(self, cycle: RequestResponseCycle) -> None:
        self._unanswered = (*(each for each in self._unanswered if not each.response_complete), cycle)
        if len(self._unanswered) > MOST_PIPELINED:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        super().resume_writing()


def limit_stalls(listener: socket.socket) -> None:
    """Connections inherit it. Only Linux knows both; elsewhere the kernel's buffers are as it likes."""
    for option, value in (("TCP_USER_TIMEOUT", round(STALL_SECONDS * 1000)), ("TCP_NOTSENT_LOWAT", UNSENT_BYTES)):
        if hasattr(socket, option):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
