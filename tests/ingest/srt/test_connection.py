"""A connection after its handshake (draft-sharabayko-srt §4.8 to §4.11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.clock import DRIFT_SAMPLES
from ingest.srt.connection import (
    KEEPALIVE_US,
    LIGHT_ACK_PACKETS,
    PEER_IDLE_US,
    REMEMBERED_ACKS,
    SHORTEST_REPORT_INTERVAL_US,
    TICK_US,
    Ending,
)
from ingest.srt.packets import ControlType, DataPacket, parse_packet
from ingest.srt.round_trip import FIRST_RTT_US, FIRST_VARIANCE_US
from tests.ingest.srt.caller import FIRST_SEQUENCE, CallerKeys
from tests.ingest.srt.sender import BEGAN_US, LATENCY_US, PASSPHRASE, Peer


class TestAcknowledgements:
    """§4.8.1."""

    def test_only_when_there_is_news(self) -> None:
        peer = Peer()
        peer.tick()
        assert peer.acknowledged() == []
        peer.publish(0, 1)
        peer.tick()
        assert peer.acknowledged() == [(1, 2)]
        peer.tick()
        assert peer.acknowledged() == []
        peer.publish(2)
        peer.tick()
        assert peer.acknowledged() == [(2, 3)]

    def test_what_a_full_one_says(self) -> None:
        peer = Peer()
        peer.publish(0, 2, 3)
        peer.tick()
        (ack,) = peer.heard(ControlType.ACK)
        words = [int.from_bytes(ack.body[index : index + 4]) for index in range(0, len(ack.body), 4)]
        assert words == [FIRST_SEQUENCE + 1, FIRST_RTT_US, FIRST_VARIANCE_US, 8192 - 3, 0, 0, 0]
        assert ack.timestamp_us == TICK_US

    def test_not_beyond_a_gap_until_it_is_given_up(self) -> None:
        peer = Peer()
        peer.publish(0, 2)
        peer.tick()
        assert peer.acknowledged() == [(1, 1)]
        peer.tick(LATENCY_US - 2 * TICK_US)
        assert peer.tick() == [None, b"2"]
        assert [count for _number, count in peer.acknowledged()] == [1, 3]

    def test_repeated_until_confirmed(self) -> None:
        peer = Peer()
        peer.publish(0)
        peer.tick()
        peer.tick(FIRST_RTT_US + 4 * FIRST_VARIANCE_US)
        assert peer.acknowledged() == [(1, 1)]
        peer.tick(1)
        assert peer.acknowledged() == [(2, 1)]
        peer.say(ControlType.ACKACK, information=2)
        peer.tick(KEEPALIVE_US)
        assert peer.acknowledged() == []

    def test_light_ones_between(self) -> None:
        peer = Peer()
        peer.publish(*range(2 * LIGHT_ACK_PACKETS))
        assert peer.acknowledged() == [(0, LIGHT_ACK_PACKETS), (0, 2 * LIGHT_ACK_PACKETS)]

    @given(st.lists(st.integers(0, 40), max_size=80))
    def test_never_go_backwards(self, indices: list[int]) -> None:
        peer = Peer()
        acknowledged: list[int] = []
        for index in indices:
            peer.publish(index)
            peer.tick()
            acknowledged += [count for _number, count in peer.acknowledged()]
        assert acknowledged == sorted(acknowledged)
        assert max(acknowledged, default=0) <= max(indices, default=0) + 1


class TestRoundTrip:
    """§4.10."""

    def test_first_and_next_samples(self) -> None:
        peer = Peer()
        trip = peer.connection.round_trip
        peer.publish(0)
        peer.tick()
        peer.now_us += 40_000
        peer.say(ControlType.ACKACK, information=1)
        assert (trip.rtt_us, trip.variance_us) == (40_000, 20_000)
        peer.publish(1)
        peer.tick()
        peer.now_us += 56_000
        peer.say(ControlType.ACKACK, information=2)
        assert (trip.rtt_us, trip.variance_us) == (42_000, 19_000)

    @pytest.mark.parametrize("information", [0, 2, 0xFFFFFFFF])
    def test_unknown_confirmations(self, information: int) -> None:
        peer = Peer()
        peer.publish(0)
        peer.tick()
        peer.say(ControlType.ACKACK, information=information)
        assert peer.connection.round_trip.rtt_us == FIRST_RTT_US

    def test_repeated_confirmation(self) -> None:
        peer = Peer()
        peer.publish(0)
        peer.tick()
        peer.now_us += 10_000
        peer.say(ControlType.ACKACK, information=1)
        peer.now_us += 500_000
        peer.say(ControlType.ACKACK, information=1)
        assert peer.connection.round_trip.rtt_us == 10_000

    def test_confirmation_after_too_many_others(self) -> None:
        peer = Peer()
        for index in range(REMEMBERED_ACKS + 1):
            peer.publish(index)
            peer.tick()
        peer.say(ControlType.ACKACK, information=1)
        assert peer.connection.round_trip.rtt_us == FIRST_RTT_US
        peer.say(ControlType.ACKACK, information=2)
        assert peer.connection.round_trip.rtt_us == REMEMBERED_ACKS * TICK_US - TICK_US

    def test_overtaken_confirmation_confirms_nothing_anew(self) -> None:
        peer = Peer()
        for index in range(2):
            peer.publish(index)
            peer.tick()
        peer.say(ControlType.ACKACK, information=2)
        peer.say(ControlType.ACKACK, information=1)
        peer.acknowledged()
        peer.tick(KEEPALIVE_US)
        assert peer.acknowledged() == []

    def test_drift(self) -> None:
        peer = Peer()
        clock = peer.connection._clock
        for index in range(DRIFT_SAMPLES):
            peer.publish(index)
            peer.tick()
            sent_us = peer.now_us - BEGAN_US - 3_000
            peer.say(ControlType.ACKACK, information=index + 1, timestamp_us=sent_us)
        assert clock.drift_us == 3_000


class TestRequests:
    """§4.8.2."""

    def test_at_once(self) -> None:
        peer = Peer()
        peer.publish(0, 3)
        assert peer.requested() == [[1, 2]]
        peer.publish(5)
        assert peer.requested() == [[4]]

    def test_again_after_half_a_round_trip(self) -> None:
        peer = Peer()
        peer.publish(0, 2)
        assert peer.requested() == [[1]]
        peer.tick((FIRST_RTT_US + 4 * FIRST_VARIANCE_US) // 2 - TICK_US // 2 - 1)
        assert peer.requested() == []
        peer.tick(1)
        assert peer.requested() == [[1]]

    def test_not_too_often_on_a_short_line(self) -> None:
        peer = Peer()
        peer.publish(0)
        peer.tick()
        peer.say(ControlType.ACKACK, information=1)
        peer.publish(2)
        assert peer.requested() == [[1]]
        peer.tick(SHORTEST_REPORT_INTERVAL_US - TICK_US // 2 - 1)
        assert peer.requested() == []
        peer.tick(1)
        assert peer.requested() == [[1]]

    def test_not_for_what_came_or_was_given_up(self) -> None:
        peer = Peer()
        peer.publish(0, 2, 4)
        peer.publish(1)
        peer.tick(2 * LATENCY_US)
        peer.tick(2 * LATENCY_US)
        assert peer.requested() == [[1], [3]]

    def test_not_for_what_the_sender_has_dropped(self) -> None:
        peer = Peer()
        peer.publish(0, 2)
        number = FIRST_SEQUENCE + 1
        assert peer.say(ControlType.DROP_REQUEST, body=number.to_bytes(4) * 2) == [None, b"2"]
        peer.requested()
        peer.tick(KEEPALIVE_US)
        assert peer.requested() == []

    def test_malformed_drop_request(self) -> None:
        peer = Peer()
        peer.publish(0, 2)
        assert peer.say(ControlType.DROP_REQUEST, body=b"short") == []
        assert peer.publish(1) == [b"1", b"2"]


class TestLiveness:
    """§4.11."""

    def test_keepalive_in_silence(self) -> None:
        peer = Peer()
        peer.tick(KEEPALIVE_US)
        assert peer.heard(ControlType.KEEPALIVE) == []
        peer.tick(1)
        assert len(peer.heard(ControlType.KEEPALIVE)) == 1
        peer.tick()
        assert peer.heard(ControlType.KEEPALIVE) == []

    @pytest.mark.parametrize("type_id", [ControlType.KEEPALIVE, ControlType.PEER_ERROR, 0x1234])
    def test_anything_keeps_it_alive(self, type_id: int) -> None:
        peer = Peer()
        for _ in range(3):
            peer.tick(PEER_IDLE_US)
            peer.say(type_id)
        assert peer.connection.ending is None
        assert peer.connection.heard_us == peer.now_us

    def test_peer_that_is_gone(self) -> None:
        peer = Peer()
        peer.publish(0)
        peer.tick(PEER_IDLE_US)
        assert peer.connection.ending is None
        peer.tick(1)
        assert peer.connection.ending is Ending.PEER_IDLE

    def test_shutdown(self) -> None:
        peer = Peer()
        peer.say(ControlType.SHUTDOWN)
        assert peer.connection.ending is Ending.SHUTDOWN
        peer.connection.close(peer.now_us)
        assert peer.heard(ControlType.SHUTDOWN) == []
        assert peer.connection.ending is Ending.SHUTDOWN

    def test_goodbye_is_said_once(self) -> None:
        peer = Peer()
        peer.connection.close(peer.now_us)
        peer.connection.close(peer.now_us)
        assert len(peer.heard(ControlType.SHUTDOWN)) == 1
        assert peer.connection.ending is Ending.CLOSED


def test_rates() -> None:
    peer = Peer()
    for index in range(1_000):
        if (FIRST_SEQUENCE + index) % 16 != 1:  # the one behind the sixteenth is sent right after it
            peer.now_us += 1_000
        peer.publish(index)
    peer.tick(BEGAN_US + 1_000_000 - peer.now_us)
    rates = peer.connection.rates
    assert rates.packets_per_second == 1_000
    assert rates.bytes_per_second == sum(len(str(index)) for index in range(1_000))
    assert rates.capacity_packets_per_second == 1_000_000
    peer.tick(1_000_000)
    assert rates.packets_per_second == 0


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_arbitrary_packets(datagrams: list[bytes]) -> None:
    peer = Peer(CallerKeys(PASSPHRASE))
    for datagram in datagrams:
        packet = parse_packet(datagram)
        if isinstance(packet, DataPacket):
            peer.connection.receive_data(packet, peer.now_us)
        elif packet is not None:
            peer.connection.receive_control(packet, peer.now_us)
        peer.tick()
    assert all(len(datagram) >= 16 for datagram in peer.connection.datagrams_to_send())
