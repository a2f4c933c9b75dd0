"""Datagrams from three addresses to an SRT port, of which one has a connection with a passphrase.

An input is a sequence of datagrams: a byte whose lowest bits are the sender and whose others are milliseconds that pass
before it, two bytes of length, the datagram. Where it has the marks below, the cookie or the socket id is put there:
the fuzzer cannot guess them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.srt.errors import SrtError
from ingest.srt.events import Address, Caller, CallerArrived, ConnectionEnded, ListenerEvent, MediaArrived
from ingest.srt.handshake import Handshake
from ingest.srt.listener import SrtListener
from ingest.srt.negotiation import LatencyLimits, agree_on_keys
from ingest.srt.packets import ControlPacket, parse_packet
from tests.ingest.srt.caller import CallerKeys, conclusion, induction

HEADER_BYTES = 3
COOKIE_MARK = b"COOK"
SOCKET_MARK = b"SOCK"
PASSPHRASE = "a passphrase to fuzz"
KEYS = CallerKeys(PASSPHRASE, secret=bytes(range(32)))
ADDRESSES: tuple[Address, ...] = (("192.0.2.1", 1), ("192.0.2.2", 2), ("2001:db8::1", 3))
MAX_DATAGRAM_BYTES = 1472


def run(data: bytes) -> None:
    port = _Port()
    for sender, elapsed_us, datagram in datagrams(data):
        port.receive(datagram, sender, elapsed_us)
    port.wait_until_all_is_over()


def datagrams(data: bytes) -> Iterator[tuple[Address, int, bytes]]:
    at = 0
    while at + HEADER_BYTES <= len(data):
        byte_count = int.from_bytes(data[at + 1 : at + HEADER_BYTES])
        sender = ADDRESSES[(data[at] & 3) % len(ADDRESSES)]
        yield sender, (data[at] >> 2) * 1000, data[at + HEADER_BYTES : at + HEADER_BYTES + byte_count]
        at += HEADER_BYTES + byte_count


class _Port:
    """The listener and its owner, who lets everybody in that has the passphrase."""

    def __init__(self) -> None:
        self._now_us = 0
        self._listener = SrtListener(LatencyLimits(20, 8000), 0)
        self._cookies = {address: self._cookie(address) for address in ADDRESSES}
        self._socket_id = 0
        self._live: set[object] = set()
        self.receive(conclusion(self._cookies[ADDRESSES[0]], "key", keys=KEYS), ADDRESSES[0], 0)
        assert self._live

    def _cookie(self, address: Address) -> int:
        self._listener.receive_datagram(induction(), address, 0)
        ((answer, _),) = self._listener.datagrams_to_send()
        return self._handshake(answer).cookie

    @staticmethod
    def _handshake(datagram: bytes) -> Handshake:
        packet = parse_packet(datagram)
        assert isinstance(packet, ControlPacket)
        return Handshake.parse(packet.body)

    def receive(self, datagram: bytes, sender: Address, elapsed_us: int) -> None:
        self._now_us += elapsed_us
        datagram = datagram.replace(COOKIE_MARK, self._cookies[sender].to_bytes(4))
        datagram = datagram.replace(SOCKET_MARK, self._socket_id.to_bytes(4))
        self._note(self._listener.receive_datagram(datagram, sender, self._now_us))
        answered = sum(len(each) for each, to in self._listener.datagrams_to_send() if to == sender)
        assert self._live or answered <= len(datagram)
        if elapsed_us:
            self._note(self._listener.tick(self._now_us))
            self._listener.datagrams_to_send()

    def wait_until_all_is_over(self) -> None:
        for _ in range(3):
            self._now_us += 20_000_000
            self._note(self._listener.tick(self._now_us))
        assert not self._live
        assert not self._listener.is_busy

    def _note(self, events: list[ListenerEvent]) -> None:
        for event in events:
            match event:
                case CallerArrived(caller):
                    self._answer(caller)
                case MediaArrived(connection, payloads):
                    assert connection in self._live
                    assert payloads
                case ConnectionEnded(connection):
                    self._live.remove(connection)

    def _answer(self, caller: Caller) -> None:
        try:
            keys = agree_on_keys(caller.conclusion, PASSPHRASE)
        except SrtError as error:
            self._listener.refuse(caller, error.rejection, self._now_us)
            return
        self._live.add(self._listener.accept(caller, keys, PASSPHRASE, self._now_us))
        answer, _ = self._listener.datagrams_to_send()[-1]
        self._socket_id = self._handshake(answer).socket_id
