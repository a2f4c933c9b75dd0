"""The way between the node and one worker process: one end of a socket pair (`pinkmedia.processes.link`).

Strategy: what is sent waits until the worker takes it, so that sending works while the process is still being started.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from pinkmedia.media import Packet
from pinkmedia.processes.link import ProcessLink
from transcode.messages import Message, parse_message
from transcode.outbox import PacketOutbox
from transcode.wire import parse_frame


class WorkerLink:
    """Sends and receives messages and packets. Needs a running event loop."""

    def __init__(self, on_item: Callable[[Message | Packet], None], on_fault: Callable[[str], None]) -> None:
        """``on_item`` may raise PinkmediaError for what no worker may send; ``on_fault`` is told the reason."""
        self._on_item = on_item
        near, self.far = socket.socketpair()
        """The other end is the process's; who hands it over closes it."""
        self._outbox = PacketOutbox(near)
        self._link = ProcessLink(
            near, self._outbox, self._receive, lambda reason: on_fault(f"worker sent what it must not: {reason}")
        )

    @property
    def is_open(self) -> bool:
        return self._link.is_open

    @property
    def is_overfull(self) -> bool:
        return self._outbox.is_overfull

    def send(self, message: Message) -> None:
        self._outbox.push_control(message.to_fields())
        self._link.flush()

    def send_packet(self, packet: Packet) -> None:
        """Raises WireError for one that is too large to be sent."""
        self._outbox.push_packet(packet)
        self._link.flush()

    def close(self) -> None:
        """Calling it again does nothing."""
        self._link.close()

    async def wait_until_closed(self) -> None:
        await self._link.wait_until_closed()

    def _receive(self, kind: int, body: bytes) -> None:
        item = parse_frame(kind, body)
        self._on_item(item if isinstance(item, Packet) else parse_message(item))
