"""What waits to be sent to a worker: bounded by its size, and by how far the worker is behind.

Strategy: how far behind is measured by the packets themselves (their ``received_at``), so no clock is needed.
"""

from __future__ import annotations

import socket
from collections import deque

from pinkmedia.media import Packet
from pinkmedia.processes.outbox import Outbox
from transcode.wire import Fields, encode_control, encode_media

BACKLOG_BYTES = 32 * 1024 * 1024
"""What one stream's waiting may take of the node's memory."""
BACKLOG_SECONDS = 3.0
"""A worker this far behind will not catch up; its renditions are more than a segment late. A cold start on a busy
machine takes less."""


class PacketOutbox(Outbox):
    """Messages and packets on their way to a worker."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, BACKLOG_BYTES)
        self._ends: deque[tuple[int, float]] = deque()
        """Of each packet: up to where all must be sent until it is, and when it was received."""

    @property
    def is_overfull(self) -> bool:
        """More waits than a worker can be forgiven."""
        return super().is_overfull or self._waiting_seconds > BACKLOG_SECONDS

    @property
    def _waiting_seconds(self) -> float:
        """Between the first and the last packet that wait."""
        while self._ends and self._ends[0][0] <= self.sent_bytes:
            self._ends.popleft()
        return self._ends[-1][1] - self._ends[0][1] if self._ends else 0.0

    def push_control(self, fields: Fields) -> None:
        """Raises WireError when the message is too large."""
        self.push(encode_control(fields))

    def push_packet(self, packet: Packet) -> None:
        """Raises WireError when the packet is too large."""
        self.push(*encode_media(packet))
        self._ends.append((self.pushed_bytes, packet.received_at))
