"""The way between the node and one worker process: one end of a socket pair, served by the event loop.

Strategy: what is sent waits in the outbox until the worker takes it, so that sending never waits, and works while the
process is still being started.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from pinkmedia.errors import PinkmediaError
from pinkmedia.media import Packet
from transcode.messages import Message, parse_message
from transcode.outbox import Outbox
from transcode.wire import WireReader

READ_BYTES = 256 * 1024
"""What is asked of the socket at once: more than it ever holds."""


class WorkerLink:
    """Sends and receives messages and packets. Needs a running event loop."""

    def __init__(self, on_item: Callable[[Message | Packet], None], on_fault: Callable[[str], None]) -> None:
        """``on_item`` may raise PinkmediaError for what no worker may send; ``on_fault`` is told the reason."""
        self._on_item = on_item
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._near, self.far = socket.socketpair()
        """The other end is the process's; who hands it over closes it."""
        self._near.setblocking(False)
        self._outbox = Outbox(self._near)
        self._reader = WireReader()
        self._closed = asyncio.Event()
        self._loop.add_reader(self._near, self._on_readable)

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    @property
    def is_overfull(self) -> bool:
        return self._outbox.is_overfull

    def send(self, message: Message) -> None:
        self._outbox.push_control(message.to_fields())
        self._flush()

    def send_packet(self, packet: Packet) -> None:
        """Raises WireError for one that is too large to be sent."""
        self._outbox.push_packet(packet)
        self._flush()

    def close(self) -> None:
        """Calling it again does nothing."""
        if self.is_open:
            self._loop.remove_reader(self._near)
            self._loop.remove_writer(self._near)
            self._near.close()
            self._closed.set()

    async def wait_until_closed(self) -> None:
        await self._closed.wait()

    def _flush(self) -> None:
        try:
            self._outbox.send()
        except OSError:  # the process is gone: what it said last is still to be read, then the reader sees the end
            self._loop.remove_writer(self._near)
            return
        if self._outbox.is_empty:
            self._loop.remove_writer(self._near)
        else:
            self._loop.add_writer(self._near, self._flush)

    def _on_readable(self) -> None:
        try:
            data = self._near.recv(READ_BYTES)
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
            for item in self._reader.feed(data):
                self._on_item(item if isinstance(item, Packet) else parse_message(item))
        except PinkmediaError as error:
            self._on_fault(f"worker sent what it must not: {error}")
