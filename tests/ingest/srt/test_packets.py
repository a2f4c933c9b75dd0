"""SRT packets as bytes (draft-sharabayko-srt §3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.packets import (
    MAX_DATAGRAM_BYTES,
    MAX_LOSS_WORDS,
    ControlPacket,
    ControlType,
    DataPacket,
    KeyFlag,
    SequenceRange,
    full_acknowledgement,
    light_acknowledgement,
    loss_reports,
    parse_drop_request,
    parse_packet,
)

WORD = st.integers(0, 0xFFFFFFFF)


def test_data_packet() -> None:
    datagram = bytes.fromhex("7fffffff d4000001 00000102 00123456") + b"payload"
    assert parse_packet(datagram) == DataPacket(0x7FFFFFFF, KeyFlag.ODD, True, 0x102, 0x123456, datagram)
    packet = parse_packet(datagram)
    assert isinstance(packet, DataPacket)
    assert packet.payload == b"payload"


def test_data_packet_that_is_not_encrypted_and_not_sent_again() -> None:
    packet = parse_packet(bytes.fromhex("00000000 c3ffffff ffffffff 00000001"))
    assert isinstance(packet, DataPacket)
    assert (packet.key, packet.is_retransmitted, packet.payload) == (KeyFlag.NONE, False, b"")


@pytest.mark.parametrize("padding", ["", "00000000"])
def test_control_packet_without_information(padding: str) -> None:
    packet = parse_packet(bytes.fromhex("80050000 00000000 00000007 00000009" + padding))
    assert isinstance(packet, ControlPacket)
    assert (packet.type_id, packet.timestamp_us, packet.socket_id) == (ControlType.SHUTDOWN, 7, 9)


def test_control_packet_is_padded_as_libsrt_does_it() -> None:
    keepalive = ControlPacket(ControlType.KEEPALIVE, 0, 0, (1 << 32) + 5, 9)
    assert keepalive.serialise() == bytes.fromhex("80010000 00000000 00000005 00000009 00000000")


@pytest.mark.parametrize("size", [0, 15, MAX_DATAGRAM_BYTES + 1])
def test_size_that_no_packet_has(size: int) -> None:
    assert parse_packet(bytes(size)) is None


@pytest.mark.parametrize("size", [16, MAX_DATAGRAM_BYTES])
def test_size_that_a_packet_may_have(size: int) -> None:
    assert parse_packet(bytes(size)) is not None


@given(st.integers(0, 0x7FFF), st.integers(0, 0xFFFF), WORD, WORD, WORD, st.binary(min_size=1, max_size=64))
def test_control_packet_round_trip(
    type_id: int, subtype: int, information: int, timestamp_us: int, socket_id: int, body: bytes
) -> None:
    packet = ControlPacket(type_id, subtype, information, timestamp_us, socket_id, body)
    assert parse_packet(packet.serialise()) == packet


def test_full_acknowledgement() -> None:
    body = full_acknowledgement(
        42,
        rtt_us=38473,
        rtt_variance_us=9084,
        free_packets=48533,
        packets_per_second=20,
        capacity_packets_per_second=0,
        bytes_per_second=73637,
    )
    assert body == bytes.fromhex("0000002a 00009649 0000237c 0000bd95 00000014 00000000 00011fa5")


def test_light_acknowledgement() -> None:
    assert light_acknowledgement(0x7FFFFFFF) == bytes.fromhex("7fffffff")


def test_loss_report() -> None:
    assert loss_reports([SequenceRange(42, 42), SequenceRange(45, 49)]) == [bytes.fromhex("0000002a 8000002d 00000031")]


def test_no_loss_report_without_loss() -> None:
    assert loss_reports([]) == []


def test_long_loss_report_is_split_between_ranges() -> None:
    ranges = [SequenceRange(0, 0), *(SequenceRange(number, number + 1) for number in range(10, 10_000, 10))]
    reports = loss_reports(ranges)
    assert [len(report) // 4 for report in reports[:-1]] == [MAX_LOSS_WORDS - 1] + [MAX_LOSS_WORDS] * (len(reports) - 2)
    assert _ranges(b"".join(reports)) == ranges


@given(st.lists(st.tuples(st.integers(0, 0x7FFFFFFF), st.integers(0, 0x7FFFFFFF)), max_size=1000))
def test_loss_report_round_trip(pairs: list[tuple[int, int]]) -> None:
    ranges = [SequenceRange(*pair) for pair in pairs]
    reports = loss_reports(ranges)
    assert [each for report in reports for each in _ranges(report)] == ranges
    assert all(16 + len(report) <= MAX_DATAGRAM_BYTES for report in reports)


def test_drop_request() -> None:
    assert parse_drop_request(bytes.fromhex("00000005 7fffffff")) == SequenceRange(5, 0x7FFFFFFF)


@pytest.mark.parametrize("body", ["", "00000005 000000", "80000005 00000006", "00000005 80000006"])
def test_malformed_drop_request(body: str) -> None:
    assert parse_drop_request(bytes.fromhex(body)) is None


def _ranges(report: bytes) -> list[SequenceRange]:
    """What a sender reads in a loss report."""
    words = [int.from_bytes(report[index : index + 4]) for index in range(0, len(report), 4)]
    ranges = []
    while words:
        first = words.pop(0)
        last = words.pop(0) if first >> 31 else first
        ranges.append(SequenceRange(first & 0x7FFFFFFF, last))
    return ranges
