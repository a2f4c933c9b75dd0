"""The SRT listener on its socket: one UDP port, any number of callers.

    datagrams ─► SrtListener ─► CallerArrived ─► reception ─► accepted, or refused with a code that says why
              ◄─             ─► MediaArrived  ─► SrtPublisher ─► publication
    every 10 ms: acknowledgements, requests for what is missing, what is given up

Everything happens within the call that brings a datagram; only admission, which asks the store, is a task.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import structlog
from structlog.typing import FilteringBoundLogger

from ingest.admission import Denied, Reception
from ingest.binding import bind_failure
from ingest.connection_limits import MAX_CONNECTIONS_PER_ADDRESS, ConnectionLimits
from ingest.counters import IngestCounters
from ingest.errors import CloseReason, MediaError
from ingest.key_attempts import Objection
from ingest.srt.connection import TICK_US, Ending, SrtConnection
from ingest.srt.errors import Rejection, SrtError
from ingest.srt.events import (
    Address,
    Caller,
    CallerArrived,
    CallerRefused,
    ConnectionEnded,
    ListenerEvent,
    MediaArrived,
)
from ingest.srt.listener import SrtListener
from ingest.srt.negotiation import LatencyLimits, agree_on_keys
from ingest.srt.publisher import STALL_SECONDS, SrtPublisher
from ingest.srt.rejections import close_reason, rejection_for
from ingest.srt.statistics import SrtStatistics
from pinkmedia.address_limits import AddressRateLimit
from pinkmedia.errors import EnvironmentFault
from pinkmedia.publishing import Publication, PublishRequest

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
"""Of the socket: twenty publishers' key frames at once. The system may allow less."""
REFUSAL_DELAY_SECONDS = 1.0
"""Callers that were refused come back at once, some of them for ever: all but the first refusal come this late. Callers
wait three seconds."""
REFUSAL_WINDOW_SECONDS = 10.0
"""In which an address has one refusal without delay."""
STALL_CHECK_TICKS = 100
"""Publishers without media are looked for once in a second."""


@dataclass(frozen=True, slots=True)
class SrtSettings:
    """What the operator decides."""

    latency: LatencyLimits
    passphrase: str | None = None
    """For streams without one of their own."""
    is_encrypted_only: bool = False
    """Streams without any passphrase cannot be published to."""


class SrtServer(asyncio.DatagramProtocol):
    """Listens for publishers and hands their media to the publications that the reception gives."""

    def __init__(
        self,
        reception: Reception,
        settings: SrtSettings,
        log: FilteringBoundLogger | None = None,
        *,
        max_connections_per_address: int = MAX_CONNECTIONS_PER_ADDRESS,
    ) -> None:
        self.counters = IngestCounters()
        self._log: FilteringBoundLogger = log or structlog.get_logger("ingest.srt")
        self._reception = reception
        self._settings = settings
        self._limits = ConnectionLimits(max_connections_per_address)
        self._refusals = AddressRateLimit(1, REFUSAL_WINDOW_SECONDS)
        self._listener = SrtListener(settings.latency, _now_us())
        self._publishers: dict[SrtConnection, SrtPublisher] = {}
        self._admissions: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tick_count = 0
        self._closing = asyncio.Event()

    @property
    def connection_count(self) -> int:
        """Publishers now."""
        return len(self._publishers)

    @property
    def port(self) -> int:
        """Where it listens: the system's choice when it was started with port 0."""
        return int(self._transport.get_extra_info("sockname")[1]) if self._transport else 0

    def statistics(self) -> list[SrtStatistics]:
        """Of each publisher now."""
        return [publisher.statistics() for publisher in self._publishers.values()]

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises EnvironmentFault when the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, sock=_bound_socket(host, port))
        except OSError as error:
            raise EnvironmentFault(bind_failure(host, port, "srt_port", error)) from error
        self._log.info("srt_listening", host=host, port=self.port)

    async def close(self, reason: str) -> None:
        """Stop listening; every publisher is told goodbye."""
        self._closing.set()
        for connection in list(self._publishers):
            self._cut_off(connection, CloseReason.SHUTTING_DOWN, reason)
        if self._admissions:
            await asyncio.wait(self._admissions)
        self._transmit()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have asyncio's methods but are no subclasses: they cannot be told apart by isinstance.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now_us = _now_us()
        self._handle(self._listener.receive_datagram(data, (addr[0], addr[1]), now_us), now_us / 1e6)
        self._transmit()

    def error_received(self, exc: Exception) -> None:
        """A caller's host says that nobody is there (ICMP): its silence will end it."""

    # Time

    def _arm_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_US / 1e6, self._tick)

    def _tick(self) -> None:
        """Goes on as long as there is a connection."""
        self._timer = None
        now_us = _now_us()
        self._handle(self._listener.tick(now_us), now_us / 1e6)
        self._tick_count += 1
        if self._tick_count % STALL_CHECK_TICKS == 0:
            self._end_stalled(now_us / 1e6)
        self._transmit()
        if self._listener.is_busy:
            self._arm_timer()

    def _end_stalled(self, now: float) -> None:
        for connection, publisher in list(self._publishers.items()):
            if publisher.is_stalled(now):
                self._cut_off(connection, CloseReason.STALLED, f"nothing to play for {STALL_SECONDS:g} s")

    def _transmit(self) -> None:
        for datagram, address in self._listener.datagrams_to_send():
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(datagram, address)

    # The listener's events

    def _handle(self, events: Iterable[ListenerEvent], now: float) -> None:
        for event in events:
            match event:
                case MediaArrived():
                    self._receive_media(event, now)
                case ConnectionEnded():
                    self._connection_ended(event.connection, event.ending)
                case CallerArrived():
                    self._receive_caller(event.caller, now)
                case CallerRefused():
                    self._note_refused(event.address, close_reason(event.rejection), event.text)

    def _receive_media(self, event: MediaArrived, now: float) -> None:
        publisher = self._publishers.get(event.connection)
        if publisher is None:
            return
        self.counters.media_bytes += sum(len(payload) for payload in event.payloads if payload is not None)
        try:
            publisher.receive(event.payloads, now)
        except MediaError as error:
            self._reception.note_rejection(publisher.key, error)
            self._cut_off(event.connection, error.reason, str(error))
        except Exception:  # ours; the port is everybody's
            self._log.exception("media_failed", stream=publisher.stream_name)
            self._cut_off(event.connection, CloseReason.INTERNAL_ERROR, "the server failed")

    def _connection_ended(self, connection: SrtConnection, ending: Ending) -> None:
        if ending is Ending.SHUTDOWN:
            self._end(connection, CloseReason.PUBLISHER_LEFT, "shutdown", is_clean=True)
        else:
            self._end(connection, CloseReason.CONNECTION_LOST, "the caller has fallen silent")

    # Admission

    def _receive_caller(self, caller: Caller, now: float) -> None:
        self.counters.connections += 1
        self._arm_timer()
        objection = self._limits.opened(caller.address[0], now)
        task = asyncio.get_running_loop().create_task(self._admit(caller, objection))
        self._admissions.add(task)
        task.add_done_callback(self._admissions.discard)

    async def _admit(self, caller: Caller, objection: Objection | None) -> None:
        rejection: Rejection | None = None
        if objection is None:
            try:
                await self._let_in(caller)
            except Denied as denied:
                objection = denied.objection
            except SrtError as error:
                rejection, objection = error.rejection, Objection(close_reason(error.rejection), str(error))
            except Exception:
                self._log.exception("admission_failed", peer=caller.address[0])
                objection = Objection(CloseReason.INTERNAL_ERROR, "the server failed; try again later")
        if objection is not None:
            await self._make_it_wait(caller.address[0])
            self._refuse(caller, objection, rejection)
        self._transmit()

    async def _make_it_wait(self, address: str) -> None:
        now = time.monotonic()
        is_first = not self._refusals.is_spent(address, now)
        self._refusals.count(address, now)
        if not is_first:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), REFUSAL_DELAY_SECONDS)

    async def _let_in(self, caller: Caller) -> None:
        """Its encryption is judged before the door opens, so that nobody without the passphrase disturbs a stream.

        Raises Denied, SrtError.
        """
        connection: SrtConnection | None = None

        def disconnect(detail: str) -> None:
            if connection is not None:
                self._cut_off(connection, CloseReason.DISCONNECTED, detail)
                self._transmit()

        key = caller.conclusion.key
        request = PublishRequest("srt", key, caller.address[0], disconnect)
        passphrase = await self._reception.passphrase(request) or self._settings.passphrase
        if passphrase is None and self._settings.is_encrypted_only:
            raise SrtError(Rejection.UNSECURE, "this server takes encrypted streams only; ask for a passphrase")
        keys = agree_on_keys(caller.conclusion, passphrase)
        self._replace_silent(key)
        publication = await self._reception.admit(request)
        now_us = _now_us()
        connection = self._listener.accept(caller, keys, passphrase, now_us)
        self._begin(connection, publication, caller, now_us / 1e6)

    def _begin(self, connection: SrtConnection, publication: Publication, caller: Caller, now: float) -> None:
        address = caller.address[0]
        publisher = SrtPublisher(connection, publication, caller.conclusion.key, address, now)
        self._publishers[connection] = publisher
        self._log.info(
            "publisher_admitted",
            stream=publisher.stream_name,
            peer=address,
            latency_ms=connection.latency_ms,
            encrypted=connection.is_encrypted,
        )

    def _replace_silent(self, key: str) -> None:
        """An encoder that was restarted comes back before its old connection is given up."""
        now = time.monotonic()
        for connection, publisher in list(self._publishers.items()):
            if publisher.key == key and publisher.is_silent(now):
                self._cut_off(connection, CloseReason.CONNECTION_LOST, "the publisher has come back")

    def _refuse(self, caller: Caller, objection: Objection, rejection: Rejection | None = None) -> None:
        code = rejection or rejection_for(objection.reason)
        self._listener.refuse(caller, code, _now_us())
        self._limits.closed(caller.address[0])
        self._note_refused(caller.address, objection.reason, objection.detail)

    def _note_refused(self, address: Address, reason: CloseReason, detail: str) -> None:
        self.counters.closed_by_reason[reason.value] += 1
        self._log.info("publisher_closed", reason=reason.value, detail=detail, stream=None, peer=address[0])

    # The end

    def _cut_off(self, connection: SrtConnection, reason: CloseReason, detail: str) -> None:
        """From this side."""
        self._end(connection, reason, detail)
        self._listener.close(connection, _now_us())

    def _end(self, connection: SrtConnection, reason: CloseReason, detail: str, *, is_clean: bool = False) -> None:
        publisher = self._publishers.pop(connection, None)
        if publisher is None:
            return
        log = self._log.bind(stream=publisher.stream_name, peer=publisher.peer_address)
        try:
            publisher.end(f"{reason}: {detail}", is_clean=is_clean, now=time.monotonic())
        except MediaError:  # what it held back to the last is of no use
            log.info("last_media_not_delivered")
        except Exception:
            log.exception("last_media_not_delivered")
        self._limits.closed(publisher.peer_address)
        self.counters.closed_by_reason[reason.value] += 1
        log.info("publisher_closed", reason=reason.value, detail=detail)


def _now_us() -> int:
    return time.monotonic_ns() // 1000


def _bound_socket(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound
