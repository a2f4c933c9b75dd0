"""Callers of a port: who is proven, who is heard, and what is kept of them (draft-sharabayko-srt §4.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.connection import PEER_IDLE_US, TICK_US, Ending
from ingest.srt.cookie import WINDOW_SECONDS
from ingest.srt.errors import Rejection
from ingest.srt.events import Address, CallerArrived, ConnectionEnded, MediaArrived
from ingest.srt.handshake import Handshake, HandshakeType
from ingest.srt.listener import (
    MAX_HANDSHAKES_PER_ADDRESS,
    MAX_HANDSHAKES_PER_SECOND,
    MAX_PENDING,
    MAX_PENDING_PER_ADDRESS,
    MAX_REMEMBERED_REFUSALS,
    PENDING_US,
)
from ingest.srt.packets import ControlPacket, ControlType
from tests.ingest.srt.caller import FIRST_SEQUENCE, SOCKET_ID, conclusion, data_packet, induction
from tests.ingest.srt.listening_port import ADDRESS, KEY, Port


class TestInduction:
    """Of callers that are not proven."""

    def test_answer(self) -> None:
        port = Port()
        assert port.receive(induction()) == []
        ((datagram, address),) = port.sent()
        answer = Handshake.parse(datagram[16:])
        assert (address, int.from_bytes(datagram[12:16])) == (ADDRESS, SOCKET_ID)
        assert (answer.version, answer.extension_field, answer.type_id) == (5, 0x4A17, HandshakeType.INDUCTION)
        assert (answer.first_sequence, answer.encryption_field) == (FIRST_SEQUENCE, 0)
        assert answer.cookie != 0

    def test_answer_is_not_larger_than_the_question(self) -> None:
        port = Port()
        port.receive(induction())
        assert [len(datagram) for datagram, _address in port.sent()] == [len(induction())]

    def test_nothing_is_kept(self) -> None:
        port = Port()
        for number in range(1000):
            port.receive(induction(number), ("198.51.100.7", number))
        assert not port.listener.is_busy
        assert port.listener.tick(port.now_us) == []

    @pytest.mark.parametrize("size", range(16, 64))
    def test_cut_short(self, size: int) -> None:
        port = Port()
        assert port.receive(induction()[:size]) == []
        assert port.sent() == []

    @pytest.mark.parametrize("type_id", [0, -2, -3, 1004, 7])
    def test_rendezvous_and_other_types(self, type_id: int) -> None:
        port = Port()
        handshake = Handshake(5, 0, 2, 1, 1500, 8192, type_id, SOCKET_ID, port.cookie())
        port.receive(ControlPacket(ControlType.HANDSHAKE, 0, 0, 0, 0, handshake.serialise()).serialise())
        assert port.sent() == []


class TestCookie:
    """Proof of an address."""

    @pytest.mark.parametrize("error", [1, 0x80000000])
    def test_forged(self, error: int) -> None:
        port = Port()
        assert port.receive(conclusion(port.cookie() ^ error, KEY)) == []
        assert port.sent() == []

    def test_of_another_address(self) -> None:
        port = Port()
        assert port.receive(conclusion(port.cookie(), KEY), ("192.0.2.2", 5000)) == []
        assert port.receive(conclusion(port.cookie(), KEY), ("192.0.2.1", 5001)) == []
        assert port.sent() == []

    def test_too_old(self) -> None:
        port = Port()
        cookie = port.cookie()
        port.now_us += 2 * WINDOW_SECONDS * 1_000_000
        assert port.receive(conclusion(cookie, KEY)) == []

    def test_malformed_extensions_of_who_is_not_proven(self) -> None:
        port = Port()
        assert port.receive(conclusion(1, KEY)[:-1]) == []
        assert port.sent() == []


class TestRepeatedConclusion:
    """Callers repeat theirs every 250 ms until they are answered."""

    def test_while_the_owner_decides(self) -> None:
        port = Port()
        port.caller()
        assert port.receive(conclusion(port.cookie(), KEY)) == []
        assert port.sent() == []

    def test_after_acceptance(self) -> None:
        port = Port()
        port.accept(port.caller())
        answer = port.sent()
        port.now_us += 250_000
        request = conclusion(port.cookie(), KEY)
        assert port.receive(request) == []
        assert port.sent() == answer

    def test_after_refusal(self) -> None:
        port = Port()
        port.listener.refuse(port.caller(), Rejection.UNAUTHORIZED, port.now_us)
        refusal = port.sent()
        port.now_us += 250_000
        assert port.receive(conclusion(port.cookie(), KEY)) == []
        assert port.sent() == refusal

    def test_refusals_are_forgotten(self) -> None:
        port = Port()
        port.listener.refuse(port.caller(), Rejection.UNAUTHORIZED, port.now_us)
        port.now_us += PENDING_US + 1
        port.sent()
        assert port.caller()

    def test_number_of_refusals_kept(self) -> None:
        port = Port()
        cookie = port.cookie()
        for number in range(MAX_REMEMBERED_REFUSALS + 10):
            port.now_us += 1_000_000 // MAX_HANDSHAKES_PER_ADDRESS
            port.receive(conclusion(cookie, "", socket_id=number + 1))
        assert len(port.listener._refusals) == MAX_REMEMBERED_REFUSALS

    def test_other_caller_behind_the_same_address(self) -> None:
        port = Port()
        first, first_id = port.connected()
        second, second_id = port.connected(socket_id=SOCKET_ID + 1)
        assert first is not second
        assert first_id != second_id

    def test_same_socket_id_from_another_address(self) -> None:
        port = Port()
        first, _id = port.connected()
        second, _id = port.connected(("192.0.2.9", 5000))
        assert first is not second

    def test_encoder_that_was_restarted(self) -> None:
        port = Port()
        first, first_id = port.connected()
        request = bytearray(conclusion(port.cookie(), KEY))
        request[24:28] = (FIRST_SEQUENCE + 99).to_bytes(4)
        (event,) = port.receive(bytes(request))
        assert isinstance(event, CallerArrived)
        second = port.accept(event.caller)
        answer = port.handshake_sent()
        assert second is not first
        assert answer.socket_id != first_id
        assert answer.first_sequence == FIRST_SEQUENCE + 99


class TestFlood:
    """Of handshakes: those who are connected must not suffer."""

    def test_from_one_address(self) -> None:
        port = Port()
        for number in range(2 * MAX_HANDSHAKES_PER_ADDRESS):
            port.receive(induction(number))
        assert len(port.sent()) == MAX_HANDSHAKES_PER_ADDRESS
        port.receive(induction(), ("192.0.2.2", 5000))
        assert len(port.sent()) == 1

    def test_from_everywhere(self) -> None:
        port = Port()
        for number in range(2 * MAX_HANDSHAKES_PER_SECOND):
            port.receive(induction(), (f"198.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5000))
        assert len(port.sent()) == MAX_HANDSHAKES_PER_SECOND
        port.now_us += 1_000_000
        assert port.cookie()


class TestLimits:
    """Of callers that wait."""

    def test_from_one_address(self) -> None:
        port = Port()
        for number in range(MAX_PENDING_PER_ADDRESS):
            waiting = port.caller(socket_id=number + 1)
        assert port.receive(conclusion(port.cookie(), KEY, socket_id=99)) == []
        assert port.sent() == []
        assert port.caller(("192.0.2.2", 5000))
        port.listener.refuse(waiting, Rejection.UNAUTHORIZED, port.now_us)
        port.sent()
        assert port.caller(socket_id=99)

    def test_in_all(self) -> None:
        port = Port()
        for number in range(MAX_PENDING):
            port.caller((f"192.0.2.{number}", 5000))
        assert port.receive(conclusion(port.cookie(), KEY)) == []
        assert port.sent() == []

    def test_callers_without_an_answer_are_forgotten(self) -> None:
        port = Port()
        port.caller()
        assert port.listener.is_busy
        port.listener.tick(port.now_us + PENDING_US)
        assert port.listener.is_busy
        port.listener.tick(port.now_us + PENDING_US + 1)
        assert not port.listener.is_busy

    def test_those_who_are_connected_are_answered_all_the_same(self) -> None:
        port = Port()
        port.connected()
        for number in range(MAX_PENDING_PER_ADDRESS):
            port.caller(socket_id=number + 1)
        port.receive(conclusion(port.cookie(), KEY))
        assert port.handshake_sent().type_id == HandshakeType.CONCLUSION


class TestConnections:
    """Datagrams find their connection."""

    def test_media(self) -> None:
        port = Port()
        connection, socket_id = port.connected()
        assert port.receive(data_packet(FIRST_SEQUENCE, b"0", socket_id)) == [MediaArrived(connection, [b"0"])]
        assert port.receive(data_packet(FIRST_SEQUENCE + 2, b"2", socket_id)) == []
        ((datagram, address),) = port.sent()
        assert address == ADDRESS
        assert datagram[:2] == bytes.fromhex("8003")
        assert port.receive(data_packet(FIRST_SEQUENCE + 1, b"1", socket_id)) == [
            MediaArrived(connection, [b"1", b"2"])
        ]

    def test_given_up_on_a_tick(self) -> None:
        port = Port()
        connection, socket_id = port.connected()
        port.receive(data_packet(FIRST_SEQUENCE + 2, b"2", socket_id))
        assert port.listener.tick(port.now_us + 500_000) == [MediaArrived(connection, [None, b"2"])]

    def test_two_connections(self) -> None:
        port = Port()
        first, first_id = port.connected()
        second, second_id = port.connected(("192.0.2.2", 6000))
        assert port.receive(data_packet(FIRST_SEQUENCE, b"1", first_id)) == [MediaArrived(first, [b"1"])]
        assert port.receive(data_packet(FIRST_SEQUENCE, b"2", second_id), ("192.0.2.2", 6000)) == [
            MediaArrived(second, [b"2"])
        ]

    @pytest.mark.parametrize("address", [("192.0.2.2", 5000), ("192.0.2.1", 5001)])
    def test_forged_address(self, address: Address) -> None:
        port = Port()
        connection, socket_id = port.connected()
        shutdown = ControlPacket(ControlType.SHUTDOWN, 0, 0, 0, socket_id).serialise()
        assert port.receive(data_packet(FIRST_SEQUENCE, b"forged", socket_id), address) == []
        assert port.receive(shutdown, address) == []
        assert connection.ending is None
        assert connection.receiver.next_expected == FIRST_SEQUENCE

    def test_unknown_socket_id(self) -> None:
        port = Port()
        _connection, socket_id = port.connected()
        assert port.receive(data_packet(FIRST_SEQUENCE, b"", socket_id ^ 1)) == []
        assert port.sent() == []

    def test_shutdown(self) -> None:
        port = Port()
        connection, socket_id = port.connected()
        shutdown = ControlPacket(ControlType.SHUTDOWN, 0, 0, 0, socket_id).serialise()
        assert port.receive(shutdown) == [ConnectionEnded(connection, Ending.SHUTDOWN)]
        assert port.receive(shutdown) == []
        assert port.receive(data_packet(FIRST_SEQUENCE, b"late", socket_id)) == []
        assert not port.listener.is_busy

    def test_silence(self) -> None:
        port = Port()
        connection, _socket_id = port.connected()
        assert port.listener.tick(port.now_us + PEER_IDLE_US) == []
        assert port.listener.tick(port.now_us + PEER_IDLE_US + TICK_US) == [
            ConnectionEnded(connection, Ending.PEER_IDLE)
        ]
        assert not port.listener.is_busy

    def test_closed_from_this_side(self) -> None:
        port = Port()
        connection, socket_id = port.connected()
        port.listener.close(connection, port.now_us)
        ((datagram, address),) = port.sent()
        assert (datagram[:2], address) == (bytes.fromhex("8005"), ADDRESS)
        assert port.receive(data_packet(FIRST_SEQUENCE, b"late", socket_id)) == []
        port.listener.close(connection, port.now_us)
        assert port.sent() == []

    def test_conclusion_after_the_end_is_a_new_call(self) -> None:
        port = Port()
        connection, _socket_id = port.connected()
        port.listener.close(connection, port.now_us)
        port.sent()
        assert port.caller()


@given(st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=90)), max_size=20))
def test_arbitrary_datagrams(tails: list[tuple[int, bytes]]) -> None:
    port = Port()
    _connection, socket_id = port.connected()
    request = conclusion(port.cookie(), KEY, socket_id=3)
    beginnings = [
        b"",
        request[:64],
        ControlPacket(ControlType.DROP_REQUEST, 0, 0, 0, socket_id).serialise()[:16],
        ControlPacket(ControlType.USER_DEFINED, 3, 0, 0, socket_id).serialise()[:16],
        data_packet(FIRST_SEQUENCE, b"", socket_id)[:16],
    ]
    for index, tail in tails:
        port.receive(beginnings[index] + tail)
        port.now_us += TICK_US
        port.listener.tick(port.now_us)
