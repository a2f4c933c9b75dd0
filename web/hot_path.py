"""The short way of the requests that come by the thousand: for live media and its playlists.

Strategy: uvicorn gives each request a task, an event and an ASGI conversation, which together cost three times what
parsing and writing do. A request for something below ``/live/`` needs none of them: the connection itself drives the
origin's coroutine, which has its answer at once or waits for a future, and writes the answer in one go. Whatever else
may be asked (other paths and methods, pipelined requests, answers in many pieces or read from disk) goes uvicorn's way,
on the same connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.answers import FAILED, Answer, AnyAnswer
from web.connection import Connection

JOINED_BYTES = 16 * 1024
"""Up to here copying an answer into one piece is cheaper than sending two."""


class Source(Protocol):
    """Who answers."""

    def answer(self, scope: Scope) -> Coroutine[Any, Any, AnyAnswer]:
        """It may wait for futures, but for nothing that needs a task of its own."""


_NOBODY_WAITS = asyncio.Event()
"""For a request's body."""


class _Exchange:
    """A request that is answered the short way. It stands where uvicorn has a request's cycle, and looks like one."""

    def __init__(self, coroutine: Coroutine[Any, Any, AnyAnswer], scope: Scope) -> None:
        self.coroutine = coroutine
        self.scope = scope
        self.is_over = False
        # What uvicorn sets and reads:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.more_body = True
        self.body = bytearray()
        self.message_event = _NOBODY_WAITS


class HotConnection(Connection):
    """A connection with a short way for what is below some paths."""

    source: Source
    prefixes: tuple[bytes, ...]
    _exchange: _Exchange | None = None
    _idle: asyncio.TimerHandle | None = None
    _answered_at = 0.0

    # uvicorn's callbacks

    def on_message_begin(self) -> None:
        """The scope is made when it is known for whom."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.is_in_head = True

    def on_headers_complete(self) -> None:
        if self._is_hot():
            self.head_is_whole()
            self._answer()
            return
        url, headers, is_expecting = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, is_expecting
        self.headers += headers
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._exchange is not None and not self._exchange.is_over:
            self._exchange.is_over = True
            self._exchange.coroutine.close()
        super().connection_lost(exc)

    # The short way

    def _is_hot(self) -> bool:
        return (
            self.url.startswith(self.prefixes)
            and b"%" not in self.url
            and self.url.isascii()
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and self.parser.get_method() == b"GET"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        )

    def _answer(self) -> None:
        path, _, query = self.url.partition(b"?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": path.decode(),
            "query_string": query,
            "headers": self.headers,
            "client": self.client,
        }
        self._exchange = exchange = _Exchange(self.source.answer(scope), scope)
        self.cycle = exchange  # type: ignore[assignment]
        self._drive(exchange)

    def _drive(self, exchange: _Exchange, _future: asyncio.Future[Any] | None = None) -> None:
        """Runs the coroutine up to its answer, or to the next future that it waits for."""
        if exchange.is_over:
            return
        try:
            future = exchange.coroutine.send(None)
        except StopIteration as done:
            exchange.is_over = True
            self._reply(exchange, done.value)
        except Exception as error:
            exchange.is_over = True
            self.logger.error("Exception in %s", exchange.scope["path"], exc_info=error)
            self._reply(exchange, FAILED)
        else:
            future._asyncio_future_blocking = False  # as a task says that it has seen the future (asyncio.isfuture)
            future.add_done_callback(partial(self._drive, exchange))

    def _reply(self, exchange: _Exchange, answer: AnyAnswer) -> None:
        if self.transport.is_closing():
            return
        if not isinstance(answer, Answer) or len(answer.chunks) > 1 or self.flow.write_paused:
            self._hand_over(exchange, answer)
            return
        pieces = [answer.head]
        for name, value in self.server_state.default_headers:
            pieces += (name, b": ", value, b"\r\n")
        pieces.append(b"\r\n" if exchange.keep_alive else b"connection: close\r\n\r\n")
        if answer.size_bytes <= JOINED_BYTES:
            self.transport.write(b"".join((*pieces, *answer.chunks)))
        else:
            self.transport.writelines((b"".join(pieces), *answer.chunks))
        exchange.response_complete = True
        self._answered(exchange)

    def _answered(self, exchange: _Exchange) -> None:
        if self.pipeline or not exchange.keep_alive:
            if not exchange.keep_alive:
                self.transport.close()
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._check_idle)

    def _check_idle(self) -> None:
        """One timer for many requests. While uvicorn has one of its own, the connection is not idle here."""
        self._idle = None
        if not self.cycle.response_complete or self.timeout_keep_alive_task is not None:
            return
        left_seconds = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left_seconds <= 0:
            self.transport.close()
        else:
            self._idle = self.loop.call_later(left_seconds, self._check_idle)

    def _hand_over(self, exchange: _Exchange, answer: AnyAnswer) -> None:
        """To uvicorn, which sends it bit by bit."""

        async def send_answer(_scope: Scope, _receive: Receive, send: Send) -> None:
            await answer.send(send, has_body=True)

        cycle = RequestResponseCycle(
            scope={**exchange.scope, "http_version": "1.1"},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=exchange.keep_alive,
            on_response=self.on_response_complete,
        )
        if self.cycle is exchange:  # type: ignore[comparison-overlap]
            self.cycle = cycle
        self._start_asgi_task(cycle, send_answer)  # type: ignore[arg-type]
