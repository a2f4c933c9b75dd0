"""The origin process: ``python -m pinkmedia.origins.process LINK LISTENER``, two inherited descriptors.

Strategy: it accepts viewers on a socket that all origin processes share, answers for media from its copies of what the
node publishes (`pinkmedia.origins.replicas`), for pages by itself, and passes on the rest (`web.forwarding`). The node
alone says when it ends; should the node be gone, so is the link, and it ends as well. Signals that a terminal or a
service manager sends to all processes are the node's to obey.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time
from functools import partial
from typing import Literal, cast
from weakref import WeakKeyDictionary

import structlog
import uvloop

from packager.published import PublishedPresentation
from packager.window import Window
from pinkmedia.errors import PinkmediaError
from pinkmedia.log import configure_logging
from pinkmedia.origins.messages import (
    KIND_MESSAGE,
    MAX_REPORT_BYTES,
    REPORT_SECONDS,
    Asked,
    Configure,
    Hello,
    Message,
    PresentationForgotten,
    PresentationOpened,
    PrivacyChanged,
    Serve,
    Serving,
    Stop,
    encode_message,
    parse_message,
    parse_operation,
)
from pinkmedia.origins.replicas import Replicas
from pinkmedia.origins.serving import OriginServer
from pinkmedia.processes.link import ProcessLink
from pinkmedia.processes.outbox import Outbox

UNSENT_REPORT_BYTES = 64 * MAX_REPORT_BYTES
"""A node that takes in so little does not live any more."""
EXIT_FAULT = 3
"""Exit status when the node said what cannot be."""

log = structlog.get_logger(__name__)


def main() -> int:
    """Returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    link, listener = (socket.socket(fileno=int(text)) for text in sys.argv[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(OriginProcess.run(link, listener))


class OriginProcess:
    """Obeys the node, and serves viewers."""

    def __init__(self, connection: socket.socket, listener: socket.socket) -> None:
        self._replicas = Replicas()
        self._server: OriginServer | None = None
        self._listener = listener
        self._serving: asyncio.Task[None] | None = None
        self._is_over = asyncio.Event()
        self._status = 0
        self._told_at: WeakKeyDictionary[Window, float] = WeakKeyDictionary()
        """When the node was told that a player wants it (monotonic seconds)."""
        self._outbox = Outbox(connection, UNSENT_REPORT_BYTES)
        self._link = ProcessLink(connection, self._outbox, self._obey, self._fail)

    @classmethod
    async def run(cls, connection: socket.socket, listener: socket.socket) -> int:
        """Until the node says so, or is gone. Returns the exit status."""
        process = cls(connection, listener)
        process.tell(Hello())
        ends = [asyncio.create_task(each) for each in (process._is_over.wait(), process._link.wait_until_closed())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if process._server is not None and process._serving is not None:
            process._server.http.should_exit = True
            await process._serving
        process._link.close()
        return process._status

    def tell(self, message: Message) -> None:
        self._outbox.push(*encode_message(message))
        self._link.flush()
        if self._outbox.is_overfull:
            self._fail("the node takes nothing in")

    # What the node says

    def _obey(self, kind: int, body: bytes) -> None:
        try:
            if kind == KIND_MESSAGE:
                self._obey_message(parse_message(kind, body))
            else:
                self._replicas.apply(*parse_operation(kind, body))
        except PinkmediaError:
            raise
        except Exception as error:  # copies that may say something else than the node's must not be served
            log.exception("origin_process_confused")
            self._fail(f"cannot do what the node said: {type(error).__name__}")

    def _obey_message(self, message: Message) -> None:
        match message:
            case PresentationOpened():
                self._open(message)
            case PresentationForgotten(number):
                self._replicas.forget(number)
            case PrivacyChanged(stream_name, is_private):
                self._replicas.set_private(stream_name, is_private=is_private)
            case Configure():
                configure_logging(
                    cast(Literal["debug", "info", "warning", "error"], message.log_level),
                    cast(Literal["auto", "json", "text"], message.log_format),
                )
                self._server = OriginServer(message, self._replicas)
            case Serve():
                self._serve()
            case Stop():
                self._is_over.set()

    def _open(self, opened: PresentationOpened) -> None:
        presentation = self._replicas.open(opened)
        presentation.on_asked = partial(self._tell_asked, opened.number, presentation, pause_seconds=REPORT_SECONDS)

    def _fail(self, reason: str) -> None:
        log.error("origin_process_failed", reason=reason)
        self._status = EXIT_FAULT
        self._is_over.set()
        self._link.close()

    # Serving

    def _serve(self) -> None:
        if self._server is None:
            return
        # What is there by now stays: the collector need not look through it again and again while media flows.
        gc.collect()
        gc.freeze()
        self._serving = asyncio.create_task(self._server.http.serve(sockets=[self._listener]))
        self._serving.add_done_callback(lambda _: self._is_over.set())
        self.tell(Serving())
        self._report(self._server)

    def _report(self, server: OriginServer) -> None:
        """Now, and every second."""
        if not self._link.is_open:
            return
        self.tell(server.report())
        for number, presentation in self._replicas.presentations:
            self._tell_asked(number, presentation, pause_seconds=0.0)
        asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report, server)

    def _tell_asked(self, number: int, presentation: PublishedPresentation, *, pause_seconds: float) -> None:
        """The node wakes what is dormant, and keeps what is wanted. Not again before ``pause_seconds`` are over."""
        now = time.monotonic()
        for window in presentation.windows:
            told_at = self._told_at.get(window, 0.0)
            if window.asked_at is not None and window.asked_at > told_at and now - told_at >= pause_seconds:
                self._told_at[window] = now
                self.tell(Asked(number, window.rendition.name))


if __name__ == "__main__":
    sys.exit(main())
