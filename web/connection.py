"""A connection that nobody can hold for nothing.

Each connection costs memory, so each must get on:

    said                        within
    a request's head            HEAD_SECONDS, in HEAD_BYTES
    nothing, after an answer    uvicorn's keep-alive, 5 s
    an answer's next bytes      STALL_SECONDS, to be taken

A viewer who stops reading fills the kernel's buffer (`web.server.UNSENT_BYTES`), then ours up to WRITE_BUFFER_BYTES and
one part, and is cut off. What is in the kernel's alone, it cuts off itself. None of this costs a request that goes well
more than a comparison: timers are only set when something is amiss.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS = 10.0
"""For a new connection's first request, and for the rest of a head that came in pieces."""
HEAD_BYTES = 32 * 1024
"""Browsers' heads have one or two; cookies of the same site may add some."""
STALL_SECONDS = 10.0
"""A part of a rendition that fits the viewer's line is taken in a fraction of a second; players give up by then."""
WRITE_BUFFER_BYTES = 64 * 1024
"""Beyond it the next part waits until the viewer has taken more."""
MOST_PIPELINED = 16
"""Requests sent before the answer to an earlier one; browsers and proxies send none."""


class Connection(HttpToolsProtocol):
    """One that gets on, or ends."""

    peer = ""
    is_counted = False
    is_in_head = True
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
        was_in_head = self.is_in_head
        super().data_received(data)
        if self.is_in_head:  # a whole head in one piece, as usual, never is
            self._wait_for_head(len(data) if was_in_head else 0)

    def _wait_for_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES:
            self.transport.abort()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.is_in_head = True

    def on_headers_complete(self) -> None:
        self.head_is_whole()
        super().on_headers_complete()

    def head_is_whole(self) -> None:
        self.is_in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        # It is None before the first request, whatever its type says.
        if self.cycle is not None and not self.cycle.response_complete:
            self._queue(self.cycle)

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
