"""What waits for a worker: complete and in order, however little the socket takes; and how much may wait."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pinkmedia.media import Packet
from transcode.outbox import BACKLOG_BYTES, BACKLOG_SECONDS, PacketOutbox
from transcode.wire import Fields, WireReader

READ_BYTES = 7001
"""Cuts frames anywhere."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def packet(size: int, received_at: float = 0.0) -> Packet:
    return Packet(1, 0, 0, 3000, False, bytes(size), received_at)


def test_everything_arrives_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    outbox, reader = PacketOutbox(near), WireReader()
    sent = [packet(size) for size in (0, 1, 500_000, 3, 0, 900_000)]
    for item in sent:
        outbox.push_packet(item)
        outbox.push_control({"type": "drain"})
    received: list[Fields | Packet] = []
    while len(received) < 2 * len(sent):
        outbox.send()
        received += list(reader.feed(far.recv(READ_BYTES)))
    assert outbox.is_empty
    assert received[::2] == sent
    assert received[1::2] == [{"type": "drain"}] * len(sent)


def test_it_is_overfull_by_bytes(pair: tuple[socket.socket, socket.socket]) -> None:
    outbox = PacketOutbox(pair[0])
    for _quarter in range(3):
        outbox.push_packet(packet(BACKLOG_BYTES // 4))
    assert not outbox.is_overfull
    outbox.push_packet(packet(BACKLOG_BYTES // 4))
    assert outbox.is_overfull


def test_it_is_overfull_by_the_time_between_its_packets(pair: tuple[socket.socket, socket.socket]) -> None:
    outbox = PacketOutbox(pair[0])
    outbox.push_control({"type": "configure"})
    for received_at in (1000.0, 1000.0 + BACKLOG_SECONDS):
        outbox.push_packet(packet(10, received_at))
    assert not outbox.is_overfull
    outbox.push_packet(packet(10, 1000.1 + BACKLOG_SECONDS))
    assert outbox.is_overfull
    outbox.send()
    assert not outbox.is_overfull


def test_a_peer_that_is_gone_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.close()
    outbox = PacketOutbox(near)
    outbox.push_packet(packet(10))
    with pytest.raises(OSError, match="Broken pipe"):
        outbox.send()
