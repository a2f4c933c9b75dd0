"""One end of the socket between the node and a child process, served by the event loop; both ends may be such a one.

Strategy: what is sent waits in the outbox until the other side takes it, so that sending never waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from pinkmedia.errors import PinkmediaError
from pinkmedia.processes.frames import MAX_BODY_BYTES, FrameReader
from pinkmedia.processes.outbox import Outbox

READ_BYTES = 256 * 1024
"""What is asked of the socket at once: more than it ever holds."""


class ProcessLink:
    """Sends and receives frames. Needs a running event loop."""

    def __init__(
        self,
        connection: socket.socket,
        outbox: Outbox,
        on_frame: Callable[[int, bytes], None],
        on_fault: Callable[[str], None],
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        """``outbox`` is the connection's. ``on_frame`` gets kind and body, and may raise PinkmediaError for what must
        not be sent; ``on_fault`` is told the reason."""
        self._connection = connection
        self._outbox = outbox
        self._on_frame = on_frame
        self._on_fault = on_fault
        self._reader = FrameReader(max_body_bytes)
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._flush_soon: asyncio.Handle | None = None
        connection.setblocking(False)
        self._loop.add_reader(connection, self._on_readable)

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    def flush(self) -> None:
        """Sends what waits, as far as the other side takes it; the rest when it does."""
        if not self.is_open:
            return
        try:
            self._outbox.send()
        except OSError:  # the process is gone: what it said last is still to be read, then the reader sees the end
            self._loop.remove_writer(self._connection)
            return
        if self._outbox.is_empty:
            self._loop.remove_writer(self._connection)
        else:
            self._loop.add_writer(self._connection, self.flush)

    def flush_soon(self) -> None:
        """The same, together with what is pushed meanwhile."""
        if self._flush_soon is None:
            self._flush_soon = self._loop.call_soon(self._flush_now)

    def close(self) -> None:
        """Calling it again does nothing."""
        if self.is_open:
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()
            self._closed.set()

    async def wait_until_closed(self) -> None:
        await self._closed.wait()

    def _flush_now(self) -> None:
        self._flush_soon = None
        self.flush()

    def _on_readable(self) -> None:
        try:
            data = self._connection.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if data:
            self._receive(data)
        else:
            self.close()

    def _receive(self, data: bytes) -> None:
        try:
            for kind, body in self._reader.feed(data):
                self._on_frame(kind, body)
        except PinkmediaError as error:
            self._on_fault(str(error))
