"""What waits to be sent to another process: bounded, and never copied.

Strategy: the socket's own buffer takes what a healthy reader leaves unread; this queue only fills when the reader falls
behind. Whoever pushes asks afterwards whether it is overfull, and gives such a reader up.
"""

from __future__ import annotations

import socket
from collections import deque

BUFFERS_PER_CALL = 64
"""Buffers given to the kernel at once: below its limit (1024), above what the socket takes in one go."""


class Outbox:
    """Bytes on their way into one non-blocking socket."""

    def __init__(self, connection: socket.socket, most_bytes: int) -> None:
        """More than ``most_bytes`` may not wait."""
        self.pushed_bytes = 0
        """In all."""
        self.sent_bytes = 0
        """In all."""
        self._connection = connection
        self._most_bytes = most_bytes
        self._waiting: deque[memoryview] = deque()
        self._allowed_bytes = 0

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    @property
    def is_overfull(self) -> bool:
        """More waits than the reader can be forgiven."""
        return self.pushed_bytes - max(self.sent_bytes, self._allowed_bytes) > self._most_bytes

    def push(self, *buffers: bytes | memoryview) -> None:
        for buffer in buffers:
            self._waiting.append(memoryview(buffer))
            self.pushed_bytes += len(buffer)

    def allow_waiting(self) -> None:
        """What waits now is much at once by our own doing: the bound holds for what comes after it."""
        self._allowed_bytes = self.pushed_bytes

    def send(self) -> None:
        """As much as the socket takes. Raises OSError when the other end is gone."""
        while self._waiting:
            buffers = [self._waiting[index] for index in range(min(len(self._waiting), BUFFERS_PER_CALL))]
            try:
                sent_bytes = self._connection.sendmsg(buffers)
            except (BlockingIOError, InterruptedError):
                return
            self._forget(sent_bytes)

    def _forget(self, sent_bytes: int) -> None:
        self.sent_bytes += sent_bytes
        while self._waiting and sent_bytes >= len(self._waiting[0]):
            sent_bytes -= len(self._waiting.popleft())
        if sent_bytes:
            self._waiting[0] = self._waiting[0][sent_bytes:]
