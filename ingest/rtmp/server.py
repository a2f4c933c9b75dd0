"""The RTMP listeners: accept publishers within limits, count them, and drain them when they close."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog
from structlog.typing import FilteringBoundLogger

from ingest.admission import Reception
from ingest.binding import bind_failure
from ingest.connection_limits import MAX_CONNECTIONS_PER_ADDRESS, ConnectionLimits
from ingest.counters import IngestCounters
from ingest.errors import CloseReason
from ingest.key_attempts import Objection
from ingest.rtmp.connection import PublisherConnection
from ingest.rtmp.tls import PortTls
from pinkmedia.errors import EnvironmentFault

LEAVE_SECONDS = 2.0
"""For publishers that are sent elsewhere: connecting anew takes some round trips, and a stop must stay short."""
BACKLOG = 128
"""Sockets that wait to be accepted: all encoders of a site coming back at once after a restart."""


class RtmpServer:
    """Listens for publishers and hands their media to the publications that the reception gives."""

    def __init__(
        self,
        reception: Reception,
        log: FilteringBoundLogger | None = None,
        *,
        max_connections_per_address: int = MAX_CONNECTIONS_PER_ADDRESS,
    ) -> None:
        self.reception = reception
        self.log: FilteringBoundLogger = log or structlog.get_logger("ingest.rtmp")
        self.counters = IngestCounters()
        self._connections: set[PublisherConnection] = set()
        self._limits = ConnectionLimits(max_connections_per_address)
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._listeners: list[asyncio.Server] = []

    @property
    def connection_count(self) -> int:
        """Open now."""
        return len(self._connections)

    @property
    def tls_connection_count(self) -> int:
        """Of those, the ones over TLS."""
        return sum(connection.is_tls for connection in self._connections)

    @property
    def port(self) -> int:
        """Where it listens first: the system's choice when it was started with port 0. 0 when it does not listen."""
        sockets = [socket for listener in self._listeners for socket in listener.sockets]
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self, host: str, port: int, tls: PortTls | None = None) -> None:
        """Listen; to be called for each port. Raises EnvironmentFault when the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            listener = await loop.create_server(lambda: PublisherConnection(self, tls), host, port, backlog=BACKLOG)
        except OSError as error:
            key = "rtmps_port" if tls and tls.is_required else "rtmp_port"
            raise EnvironmentFault(bind_failure(host, port, key, error)) from error
        self._listeners.append(listener)
        self.log.info("rtmp_listening", host=host, port=listener.sockets[0].getsockname()[1], tls=_tls_in_words(tls))

    async def send_elsewhere(self, tc_url: str, description: str) -> None:
        """Stop listening; publishers that know how to are asked to go on there, and given a moment to leave."""
        self._stop_listening()
        asked = [connection for connection in self._connections if connection.send_elsewhere(tc_url, description)]
        self.log.info("publishers_sent_elsewhere", count=len(asked), url=tc_url)
        if asked:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_closed.wait(), LEAVE_SECONDS)

    async def close(self, reason: str) -> None:
        """Stop listening, tell every publisher ``reason``, and return when all connections are gone."""
        self._stop_listening()
        for connection in list(self._connections):
            connection.shut_down(CloseReason.SHUTTING_DOWN, reason)
        await self._all_closed.wait()

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()

    # What connections call

    def connection_opened(self, connection: PublisherConnection) -> Objection | None:
        self.counters.connections += 1
        self._connections.add(connection)
        self._all_closed.clear()
        return self._limits.opened(connection.peer_address, time.monotonic())

    def media_received(self, byte_count: int) -> None:
        self.counters.media_bytes += byte_count

    def connection_ended(self, reason: CloseReason) -> None:
        self.counters.closed_by_reason[reason.value] += 1

    def connection_closed(self, connection: PublisherConnection) -> None:
        self._connections.discard(connection)
        self._limits.closed(connection.peer_address)
        if not self._connections:
            self._all_closed.set()


def _tls_in_words(tls: PortTls | None) -> str:
    if tls is None:
        return "none"
    return "required" if tls.is_required else "accepted"
