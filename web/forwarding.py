"""Requests that only the node can answer, passed on to it from an origin process.

    viewer ─► origin process ─► Unix socket in a folder of the node's own ─► the node's application

Strategy: a connection for each request, because there are few: pages and media are answered here. A request's body is
collected first, so that nobody can hold a connection to the node by sending slowly; the answer is passed on as it
comes. Whose a request is this process has found out (`web.viewer_limits`), and says so in X-Forwarded-For, in place of
whatever came in there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import h11
import structlog
from starlette.types import Message, Receive, Scope, Send

from web import answers
from web.answers import Answer, Header

MOST_BODY_BYTES = 128 * 1024
"""Of a request: more than any endpoint takes (`web.client_configuration`)."""
BODY_SECONDS = 6.0
"""For a request's body: longer than the node itself waits for one."""
ANSWER_SECONDS = 10.0
"""For the whole answer: the node looks things up in a local database at most. Players give up then, too."""
STREAM_SECONDS = 330.0
"""For a stream of events: a little longer than the node has one go on (`web.event_log`)."""
EVENT_STREAM = b"text/event-stream; charset=utf-8"
MOST_AT_ONCE = 64
"""Requests that the node has from one process; more are told to come again."""
READ_BYTES = 64 * 1024

_HOP_BY_HOP = frozenset(
    {b"connection", b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)
"""RFC 9110 §7.6.1: they are each connection's own."""
_OWN_OF_REQUEST = _HOP_BY_HOP | {b"content-length", b"x-forwarded-for"}
_OWN_OF_ANSWER = _HOP_BY_HOP | {b"date"}
"""The server adds its own."""

_TOO_LARGE = answers.problem(413, "The request is too large.\n")
_TOO_SLOW = answers.problem(408, "The request did not come in time.\n")
_NOT_UNDERSTOOD = answers.problem(400, "The request cannot be passed on.\n")
_BUSY = Answer(503, ((b"retry-after", b"1"), answers.NO_STORE))
_LATE = Answer(504, (answers.NO_STORE,))

log = structlog.get_logger(__name__)


class _BodyRefused(Exception):
    """The body did not come as it should; the argument is the answer."""


class Forwarder:
    """An ASGI application in place of the node's."""

    def __init__(self, node_socket: str) -> None:
        """``node_socket`` is the path of the Unix socket where the node answers."""
        self._node_socket = node_socket
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._count >= MOST_AT_ONCE:
            await _BUSY.send(send, has_body=True)
            return
        self._count += 1
        try:
            await self._forward(scope, receive, send)
        finally:
            self._count -= 1

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        try:
            body = await _read_body(receive)
            async with (
                asyncio.timeout(ANSWER_SECONDS) as limit,
                aclosing(self._ask(scope, body)) as messages,
            ):
                async for message in messages:
                    if not started and (b"content-type", EVENT_STREAM) in message["headers"]:
                        limit.reschedule(asyncio.get_running_loop().time() + STREAM_SECONDS)
                    started = True
                    await send(message)
        except _BodyRefused as refused:
            (answer,) = refused.args
            await answer.send(send, has_body=True)
        except h11.LocalProtocolError:
            await _NOT_UNDERSTOOD.send(send, has_body=True)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            log.warning("node_not_reached", path=scope["path"], reason=str(error) or type(error).__name__)
            if not started:  # else it is broken off
                await (_LATE if isinstance(error, TimeoutError) else _BUSY).send(send, has_body=True)

    async def _ask(self, scope: Scope, body: bytes) -> AsyncGenerator[Message]:
        """The answer as ASGI has it. Raises OSError, h11.ProtocolError."""
        connection = h11.Connection(h11.CLIENT)
        asked = _request(connection, scope, body)
        reader, writer = await asyncio.open_unix_connection(self._node_socket)
        try:
            writer.write(asked)
            while not isinstance(event := await _next_event(connection, reader), h11.EndOfMessage):
                if isinstance(event, h11.Response):
                    yield _start(event)
                elif isinstance(event, h11.Data):
                    yield {"type": "http.response.body", "body": bytes(event.data), "more_body": True}
            yield {"type": "http.response.body", "body": b""}
        finally:
            writer.close()


async def _read_body(receive: Receive) -> bytes:
    """Raises _BodyRefused."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _BodyRefused(_NOT_UNDERSTOOD)
                body += message.get("body", b"")
                if len(body) > MOST_BODY_BYTES:
                    raise _BodyRefused(_TOO_LARGE)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise _BodyRefused(_TOO_SLOW) from None


def _request(connection: h11.Connection, scope: Scope, body: bytes) -> bytes:
    """As it is sent. Raises h11.LocalProtocolError for what HTTP/1.1 cannot say."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    target = scope["raw_path"] + query
    head = h11.Request(method=scope["method"], target=target, headers=[*_headers(scope, len(body))])
    pieces = (connection.send(head), connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage()))
    return b"".join(piece for piece in pieces if piece)


def _headers(scope: Scope, body_bytes: int) -> Iterable[Header]:
    names = {name for name, _ in scope["headers"]}
    if b"host" not in names:  # as HTTP/1.0 may
        yield b"host", b"localhost"
    yield from ((name, value) for name, value in scope["headers"] if name not in _OWN_OF_REQUEST)
    if body_bytes or b"content-length" in names:
        yield b"content-length", b"%d" % body_bytes
    if scope["client"]:
        yield b"x-forwarded-for", scope["client"][0].encode()
    yield b"connection", b"close"


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    """Of the answer. Raises OSError, h11.RemoteProtocolError."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(READ_BYTES))
    return event


def _start(response: h11.Response) -> Message:
    headers = [(name, value) for name, value in response.headers if name not in _OWN_OF_ANSWER]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}
