"""The RTMP listener: accepts publishers within limits, counts them, and drains them when it closes."""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from dataclasses import dataclass, field

import structlog
from structlog.typing import FilteringBoundLogger

from ingest.rtmp.connection import PublisherConnection
from ingest.rtmp.errors import CloseReason
from pinkmedia.errors import EnvironmentFault
from pinkmedia.publishing import Door

MAX_CONNECTIONS = 500
"""Far above what one machine can transcode; keeps file descriptors for the viewers."""
MAX_CONNECTIONS_PER_ADDRESS = 32
"""A studio behind one address has several encoders; a flood has more."""
BACKLOG = 128
"""Sockets that wait to be accepted: all encoders of a site coming back at once after a restart."""


@dataclass(slots=True)
class IngestCounters:
    """What the metrics page reads."""

    connections: int = 0
    """Accepted since the start."""
    media_bytes: int = 0
    """Audio and video message bodies since the start."""
    closed_by_reason: Counter[str] = field(default_factory=Counter)
    """Ended connections since the start, by CloseReason."""


class RtmpServer:
    """Listens for publishers and hands their media to the publications that the door gives."""

    def __init__(self, door: Door, log: FilteringBoundLogger | None = None) -> None:
        self.door = door
        self.log: FilteringBoundLogger = log or structlog.get_logger("ingest.rtmp")
        self.counters = IngestCounters()
        self._connections: set[PublisherConnection] = set()
        self._by_address: Counter[str] = Counter()
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._server: asyncio.Server | None = None

    @property
    def connection_count(self) -> int:
        """Open now."""
        return len(self._connections)

    @property
    def port(self) -> int:
        """Where it listens: the system's choice when it was started with port 0. 0 when it does not listen."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else 0

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises EnvironmentFault when the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: PublisherConnection(self), host, port, backlog=BACKLOG)
        except OSError as error:
            raise EnvironmentFault(_bind_failure(host, port, error)) from error
        self.log.info("rtmp_listening", host=host, port=self.port)

    async def close(self, reason: str) -> None:
        """Stop listening, tell every publisher ``reason``, and return when all connections are gone."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.shut_down(CloseReason.SHUTTING_DOWN, reason)
        await self._all_closed.wait()

    # What connections call

    def connection_opened(self, connection: PublisherConnection) -> str | None:
        self.counters.connections += 1
        self._connections.add(connection)
        self._by_address[connection.peer_address] += 1
        self._all_closed.clear()
        if len(self._connections) > MAX_CONNECTIONS:
            return f"more than {MAX_CONNECTIONS} connections"
        if self._by_address[connection.peer_address] > MAX_CONNECTIONS_PER_ADDRESS:
            return f"more than {MAX_CONNECTIONS_PER_ADDRESS} connections from one address"
        return None

    def media_received(self, byte_count: int) -> None:
        self.counters.media_bytes += byte_count

    def connection_ended(self, reason: CloseReason) -> None:
        self.counters.closed_by_reason[reason.value] += 1

    def connection_closed(self, connection: PublisherConnection) -> None:
        self._connections.discard(connection)
        self._by_address[connection.peer_address] -= 1
        self._by_address += Counter()  # forget addresses without connections
        if not self._connections:
            self._all_closed.set()


def _bind_failure(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop the other program, or set rtmp_port to a free one"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed for this user: set rtmp_port to one above 1023"
    return f"cannot listen on port {port} of {host}: {error.strerror or error}"
