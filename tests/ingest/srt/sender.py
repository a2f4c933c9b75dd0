"""A connection without a socket, for tests, and the sender that it hears."""

from __future__ import annotations

from ingest.srt.clock import SenderClock
from ingest.srt.connection import (
    TICK_US,
    SrtConnection,
)
from ingest.srt.decryption import Decryption
from ingest.srt.key_material import KeyMaterial
from ingest.srt.packets import ControlPacket, ControlType, DataPacket, parse_packet
from tests.ingest.srt.caller import FIRST_SEQUENCE, SOCKET_ID, CallerKeys, data_packet

BEGAN_US = 1_000_000
LATENCY_US = 500_000
PASSPHRASE = "correct horse"


class Peer:
    """A connection, and the sender that it hears: packet 0 is its first, and one is sent each millisecond."""

    def __init__(self, keys: CallerKeys | None = None) -> None:
        decryption = None
        if keys is not None:
            decryption = Decryption(KeyMaterial.parse(keys.material).unwrap(PASSPHRASE), PASSPHRASE)
        self.connection = SrtConnection(
            peer_socket_id=SOCKET_ID,
            first_sequence=FIRST_SEQUENCE,
            clock=SenderClock(0, BEGAN_US, LATENCY_US),
            decryption=decryption,
            now_us=BEGAN_US,
        )
        self.now_us = BEGAN_US
        self.keys = keys

    def publish(self, *indices: int) -> list[bytes | None]:
        delivered: list[bytes | None] = []
        for index in indices:
            packet = parse_packet(data_packet(FIRST_SEQUENCE + index, b"%d" % index, 1, self.keys))
            assert isinstance(packet, DataPacket)
            delivered += self.connection.receive_data(packet, self.now_us)
        return delivered

    def say(
        self, type_id: int, *, information: int = 0, timestamp_us: int = 0, subtype: int = 0, body: bytes = b""
    ) -> list[bytes | None]:
        packet = ControlPacket(type_id, subtype, information, timestamp_us, 1, body)
        return self.connection.receive_control(packet, self.now_us)

    def tick(self, after_us: int = TICK_US) -> list[bytes | None]:
        self.now_us += after_us
        return self.connection.tick(self.now_us)

    def heard(self, type_id: ControlType) -> list[ControlPacket]:
        """Every control packet of this type since the last look; what else there was is forgotten."""
        packets = [parse_packet(datagram) for datagram in self.connection.datagrams_to_send()]
        controls = [packet for packet in packets if isinstance(packet, ControlPacket)]
        assert all(packet.socket_id == SOCKET_ID for packet in controls)
        return [packet for packet in controls if packet.type_id == type_id]

    def acknowledged(self) -> list[tuple[int, int]]:
        """ACK numbers, and how many packets each acknowledges."""
        acks = self.heard(ControlType.ACK)
        return [(ack.information, int.from_bytes(ack.body[:4]) - FIRST_SEQUENCE) for ack in acks]

    def requested(self) -> list[list[int]]:
        """Of each NAK its words, counted from the first packet, but for the flags of ranges."""
        return [
            [
                (int.from_bytes(nak.body[index : index + 4]) & 0x7FFFFFFF) - FIRST_SEQUENCE
                for index in range(0, len(nak.body), 4)
            ]
            for nak in self.heard(ControlType.NAK)
        ]
