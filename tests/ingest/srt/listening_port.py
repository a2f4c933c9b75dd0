"""A listener without a socket, for tests, and the callers that it hears."""

from __future__ import annotations

from ingest.srt.connection import SrtConnection
from ingest.srt.events import Address, Caller, CallerArrived, CallerRefused, ListenerEvent
from ingest.srt.handshake import Handshake
from ingest.srt.listener import SrtListener
from ingest.srt.negotiation import LatencyLimits, agree_on_keys
from ingest.srt.packets import ControlPacket, ControlType, parse_packet
from tests.ingest.srt.caller import conclusion, induction

ADDRESS = ("192.0.2.1", 5000)
KEY = "the-key"
PASSPHRASE = "correct horse"


class Port:
    """A listener, and the time there."""

    def __init__(self) -> None:
        self.now_us = 1_000_000_000
        self.listener = SrtListener(LatencyLimits(shortest_ms=60, longest_ms=2000), self.now_us)

    def receive(self, datagram: bytes, address: Address = ADDRESS) -> list[ListenerEvent]:
        return self.listener.receive_datagram(datagram, address, self.now_us)

    def sent(self) -> list[tuple[bytes, Address]]:
        return self.listener.datagrams_to_send()

    def handshake_sent(self) -> Handshake:
        """The only thing that was sent."""
        ((datagram, _address),) = self.sent()
        packet = parse_packet(datagram)
        assert isinstance(packet, ControlPacket)
        assert packet.type_id == ControlType.HANDSHAKE
        return Handshake.parse(packet.body)

    def cookie(self, address: Address = ADDRESS) -> int:
        self.receive(induction(), address)
        return self.handshake_sent().cookie

    def caller(self, address: Address = ADDRESS, **wish: object) -> Caller:
        """One that waits for an answer."""
        (event,) = self.receive(conclusion(self.cookie(address), KEY, **wish), address)  # type: ignore[arg-type]
        assert isinstance(event, CallerArrived)
        return event.caller

    def accept(self, caller: Caller, passphrase: str | None = None) -> SrtConnection:
        keys = agree_on_keys(caller.conclusion, passphrase)
        return self.listener.accept(caller, keys, passphrase, self.now_us)

    def connected(self, address: Address = ADDRESS, **wish: object) -> tuple[SrtConnection, int]:
        """A connection, and the socket id that its caller was told."""
        connection = self.accept(self.caller(address, **wish))
        return connection, self.handshake_sent().socket_id

    def rejection(self, stream_id: str | None = KEY, **wish: object) -> int:
        """What a caller is told at once."""
        (event,) = self.receive(conclusion(self.cookie(), stream_id, **wish))  # type: ignore[arg-type]
        assert isinstance(event, CallerRefused)
        answer = self.handshake_sent()
        assert (answer.type_id, answer.extensions) == (event.rejection, ())
        return answer.type_id
