"""All callers of one UDP port as a pure object: datagrams and time in, events and datagrams out.

    INDUCTION  ─► cookie, nothing kept
    CONCLUSION ─► cookie good? ─► CallerArrived ─► the owner accepts or refuses ─► SrtConnection
    data       ─► connection of its socket id and address ─► MediaArrived

What comes from an address that has not proven itself costs no memory, and the answer is never larger than the question.
Times are monotonic microseconds.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from ingest.srt.clock import SenderClock
from ingest.srt.connection import SrtConnection
from ingest.srt.cookie import CookieBaker
from ingest.srt.decryption import Decryption
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
from ingest.srt.handshake import (
    HANDSHAKE_BYTES,
    INDUCTION_MAGIC,
    VERSION_5,
    Handshake,
    HandshakeType,
    address_field,
)
from ingest.srt.key_material import StreamKeys
from ingest.srt.negotiation import LatencyLimits, accepting, parse_conclusion, refusing
from ingest.srt.packets import ControlPacket, ControlType, DataPacket, parse_packet
from pinkmedia.address_limits import AddressRateLimit

MAX_HANDSHAKES_PER_SECOND = 2_000
"""Read at all; one costs some 40 µs. Twice what comes when all encoders of a full node come back at once."""
MAX_HANDSHAKES_PER_ADDRESS = 100
"""In a second: three for each encoder that may be there."""
MAX_PENDING = 256
"""Callers that wait for the owner's answer, which takes milliseconds, or a second when it is a refusal. Beyond it a
conclusion is passed over; callers repeat theirs every quarter of a second."""
MAX_PENDING_PER_ADDRESS = 16
"""So that one address does not keep out the others."""
PENDING_US = 10_000_000
"""Until a caller without an answer, or who was refused, is forgotten; it gives up after 3 s itself."""
MAX_REMEMBERED_REFUSALS = 1024
"""Of callers that are proven: each holds some 300 bytes. Without the memory a request that was repeated, because the
line is long, would count as another attempt."""


class _CallerKey(NamedTuple):
    """The same in a conclusion that is repeated, and another in that of an encoder that was restarted."""

    address: Address
    socket_id: int
    """The caller's."""
    first_sequence: int


@dataclass(slots=True)
class _Entry:
    """An open connection and how its datagrams are known."""

    connection: SrtConnection
    caller_key: _CallerKey
    answer: bytes
    """To its conclusion, for when that comes again."""


class SrtListener:
    """Knows every caller of a port."""

    def __init__(self, latency: LatencyLimits, now_us: int) -> None:
        self._latency = latency
        self._began_us = now_us
        self._cookies = CookieBaker()
        self._entries: dict[int, _Entry] = {}
        self._by_caller: dict[_CallerKey, int] = {}
        """Our socket ids."""
        self._pending: dict[_CallerKey, int] = {}
        """When each arrived."""
        self._pending_by_host: Counter[str] = Counter()
        self._refusals: OrderedDict[_CallerKey, tuple[int, bytes]] = OrderedDict()
        """When each was refused, and the datagram that says so."""
        self._second = 0
        self._handshake_count = 0
        """In this second."""
        self._handshakes_by_address = AddressRateLimit(MAX_HANDSHAKES_PER_ADDRESS, 1.0)
        self._outgoing: list[tuple[bytes, Address]] = []

    @property
    def is_busy(self) -> bool:
        """There is something that `tick` must look after."""
        return bool(self._entries or self._pending)

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Each is returned once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def receive_datagram(self, datagram: bytes, address: Address, now_us: int) -> list[ListenerEvent]:
        packet = parse_packet(datagram)
        if packet is None:
            return []
        if isinstance(packet, ControlPacket) and packet.type_id == ControlType.HANDSHAKE:
            return self._receive_handshake(packet, address, now_us)
        entry = self._entries.get(packet.socket_id)
        if entry is None or entry.caller_key.address != address:
            return []  # of an earlier life, or forged
        connection = entry.connection
        if isinstance(packet, DataPacket):
            payloads = connection.receive_data(packet, now_us)
        else:
            payloads = connection.receive_control(packet, now_us)
        return self._events(packet.socket_id, entry, payloads)

    def tick(self, now_us: int) -> list[ListenerEvent]:
        """To be called every TICK_US."""
        events: list[ListenerEvent] = []
        for socket_id, entry in list(self._entries.items()):
            events += self._events(socket_id, entry, entry.connection.tick(now_us))
        for key, arrived_us in list(self._pending.items()):
            if now_us - arrived_us > PENDING_US:
                self._settle(key)
        return events

    def accept(self, caller: Caller, keys: StreamKeys | None, passphrase: str | None, now_us: int) -> SrtConnection:
        """Opens the connection with what `agree_on_keys` has found; ``passphrase`` opens later keys."""
        conclusion, address = caller.conclusion, caller.address
        request = conclusion.handshake
        socket_id = self._new_socket_id()
        connection = SrtConnection(
            peer_socket_id=request.socket_id,
            first_sequence=request.first_sequence,
            clock=SenderClock(caller.timestamp_us, caller.arrived_us, conclusion.latency_ms * 1000),
            decryption=None if keys is None or passphrase is None else Decryption(keys, passphrase),
            now_us=now_us,
        )
        answer = self._send_handshake(accepting(conclusion, socket_id, keys), request.socket_id, address, now_us)
        key = _caller_key(request, address)
        self._settle(key)
        self._entries[socket_id] = _Entry(connection, key, answer)
        self._by_caller[key] = socket_id
        return connection

    def refuse(self, caller: Caller, rejection: Rejection, now_us: int) -> None:
        """Tells the caller why not."""
        request = caller.conclusion.handshake
        self._settle(_caller_key(request, caller.address))
        self._refuse(request, rejection, caller.address, now_us)

    def close(self, connection: SrtConnection, now_us: int) -> None:
        """Ends a connection from this side."""
        for socket_id, entry in list(self._entries.items()):
            if entry.connection is connection:
                connection.close(now_us)
                self._events(socket_id, entry, [])

    # Handshakes

    def _receive_handshake(self, packet: ControlPacket, address: Address, now_us: int) -> list[ListenerEvent]:
        if packet.socket_id != 0 or self._is_flooded(address, now_us):
            return []  # within a connection it would be a rendezvous, which is not offered
        try:
            handshake = Handshake.parse(packet.body[:HANDSHAKE_BYTES])  # extensions: of those who are proven only
        except SrtError:
            return []
        if handshake.type_id == HandshakeType.INDUCTION:
            self._answer_induction(handshake, address, now_us)
            return []
        if handshake.type_id != HandshakeType.CONCLUSION:
            return []
        if not self._cookies.is_good(handshake.cookie, address, now_us / 1e6):
            return []
        return self._receive_conclusion(handshake, packet, address, now_us)

    def _is_flooded(self, address: Address, now_us: int) -> bool:
        """Whether handshakes come so fast that what is there already would suffer. Callers repeat theirs."""
        second = now_us // 1_000_000
        if second != self._second:
            self._second, self._handshake_count = second, 0
        self._handshake_count += 1
        if self._handshake_count > MAX_HANDSHAKES_PER_SECOND:
            return True
        is_spent = self._handshakes_by_address.is_spent(address[0], now_us / 1e6)
        if not is_spent:
            self._handshakes_by_address.count(address[0], now_us / 1e6)
        return is_spent

    def _answer_induction(self, handshake: Handshake, address: Address, now_us: int) -> None:
        """§4.3.1.1: as long as the request, with nothing remembered."""
        answer = Handshake(
            version=VERSION_5,
            encryption_field=0,
            extension_field=INDUCTION_MAGIC,
            first_sequence=handshake.first_sequence,
            mss_bytes=handshake.mss_bytes,
            flow_window_packets=handshake.flow_window_packets,
            type_id=HandshakeType.INDUCTION,
            socket_id=handshake.socket_id,
            cookie=self._cookies.bake(address, now_us / 1e6),
            peer_address=address_field(address[0]),
        )
        self._send_handshake(answer, handshake.socket_id, address, now_us)

    def _receive_conclusion(
        self, handshake: Handshake, packet: ControlPacket, address: Address, now_us: int
    ) -> list[ListenerEvent]:
        key = _caller_key(handshake, address)
        known = self._answer_before(key, now_us)
        if known is not None:
            self._outgoing.append((known, address))
            return []
        if key in self._pending or self._is_crowded(address):
            return []  # repeated while the owner decides, or to be repeated
        try:
            conclusion = parse_conclusion(Handshake.parse(packet.body), self._latency)
        except SrtError as error:
            self._refuse(handshake, error.rejection, address, now_us)
            return [CallerRefused(address, error.rejection, str(error))]
        self._pending[key] = now_us
        self._pending_by_host[address[0]] += 1
        return [CallerArrived(Caller(address, conclusion, packet.timestamp_us, now_us))]

    def _answer_before(self, key: _CallerKey, now_us: int) -> bytes | None:
        """A conclusion is repeated until it is answered, and its answer may be lost."""
        socket_id = self._by_caller.get(key)
        if socket_id is not None:
            return self._entries[socket_id].answer
        refused_us, refusal = self._refusals.get(key, (0, b""))
        return refusal if refusal and now_us - refused_us <= PENDING_US else None

    def _refuse(self, request: Handshake, rejection: Rejection, address: Address, now_us: int) -> None:
        datagram = self._send_handshake(refusing(request, rejection), request.socket_id, address, now_us)
        key = _caller_key(request, address)
        self._refusals[key] = (now_us, datagram)
        self._refusals.move_to_end(key)
        if len(self._refusals) > MAX_REMEMBERED_REFUSALS:
            self._refusals.popitem(last=False)

    def _is_crowded(self, address: Address) -> bool:
        return len(self._pending) >= MAX_PENDING or self._pending_by_host[address[0]] >= MAX_PENDING_PER_ADDRESS

    def _settle(self, key: _CallerKey) -> None:
        """The caller waits no longer."""
        if self._pending.pop(key, None) is not None:
            self._pending_by_host[key.address[0]] -= 1
            self._pending_by_host += Counter()  # forget addresses of whom nobody waits

    def _new_socket_id(self) -> int:
        """30 random bits, not 0: bit 30 means a group to libsrt."""
        while (socket_id := secrets.randbits(30)) == 0 or socket_id in self._entries:
            pass
        return socket_id

    def _send_handshake(self, handshake: Handshake, socket_id: int, address: Address, now_us: int) -> bytes:
        timestamp_us = now_us - self._began_us
        packet = ControlPacket(ControlType.HANDSHAKE, 0, 0, timestamp_us, socket_id, handshake.serialise())
        datagram = packet.serialise()
        self._outgoing.append((datagram, address))
        return datagram

    # Connections

    def _events(self, socket_id: int, entry: _Entry, payloads: list[bytes | None]) -> list[ListenerEvent]:
        connection = entry.connection
        self._outgoing += [(datagram, entry.caller_key.address) for datagram in connection.datagrams_to_send()]
        events: list[ListenerEvent] = [MediaArrived(connection, payloads)] if payloads else []
        if connection.ending is not None and self._entries.pop(socket_id, None) is not None:
            del self._by_caller[entry.caller_key]
            events.append(ConnectionEnded(connection, connection.ending))
        return events


def _caller_key(request: Handshake, address: Address) -> _CallerKey:
    return _CallerKey(address, request.socket_id, request.first_sequence)
