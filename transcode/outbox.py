"""What waits to be sent to a worker: bounded, and never copied.

Strategy: the socket's own buffer takes what a healthy worker leaves unread; this queue only fills when the worker
falls behind. How far behind is measured by the packets themselves (their ``received_at``), so no clock is needed.
"""

from __future__ import annotations

import socket
from collections import deque

from pinkmedia.media import Packet
from transcode.wire import encode_control, encode_media

BACKLOG_BYTES = 32 * 1024 * 1024
"""What one stream's waiting may take of the node's memory."""
BACKLOG_SECONDS = 3.0
"""A worker this far behind will not catch up; its renditions are more than a segment late. A cold start on a busy
machine takes less."""
BUFFERS_PER_CALL = 64
"""Buffers given to the kernel at once: below its limit (1024), above what the socket takes in one go."""


class Outbox:
    """Bytes on their way into one non-blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting: deque[tuple[memoryview, float | None]] = deque()
        self._waiting_bytes = 0
        self._last_received_at: float | None = None

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    @property
    def is_overfull(self) -> bool:
        """More waits than a worker can be forgiven."""
        return self._waiting_bytes > BACKLOG_BYTES or self._waiting_seconds > BACKLOG_SECONDS

    @property
    def _waiting_seconds(self) -> float:
        """Between the first and the last packet that wait; control messages count as the packet before them."""
        oldest = next((received_at for _data, received_at in self._waiting if received_at is not None), None)
        return 0.0 if oldest is None or self._last_received_at is None else self._last_received_at - oldest

    def push_control(self, fields: dict[str, object]) -> None:
        """Raises WireError when the message is too large."""
        self._push(encode_control(fields))

    def push_packet(self, packet: Packet) -> None:
        """Raises WireError when the packet is too large."""
        header, payload = encode_media(packet)
        self._last_received_at = packet.received_at
        self._push(header)
        self._push(payload)

    def send(self) -> None:
        """As much as the socket takes. Raises OSError when the other end is gone."""
        while self._waiting:
            buffers = [self._waiting[index][0] for index in range(min(len(self._waiting), BUFFERS_PER_CALL))]
            try:
                sent_bytes = self._connection.sendmsg(buffers)
            except (BlockingIOError, InterruptedError):
                return
            self._forget(sent_bytes)

    def _push(self, data: bytes | memoryview) -> None:
        self._waiting.append((memoryview(data), self._last_received_at))
        self._waiting_bytes += len(data)

    def _forget(self, sent_bytes: int) -> None:
        self._waiting_bytes -= sent_bytes
        while self._waiting and sent_bytes >= len(self._waiting[0][0]):
            sent_bytes -= len(self._waiting.popleft()[0])
        if sent_bytes:
            view, received_at = self._waiting[0]
            self._waiting[0] = (view[sent_bytes:], received_at)
