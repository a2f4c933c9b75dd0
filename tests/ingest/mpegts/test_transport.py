"""Packets of a transport stream: sync, continuity, flags (ISO/IEC 13818-1 §2.4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ingest.mpegts.counters import TsCounters
from ingest.mpegts.transport import TransportReader
from tests.ingest.mpegts.muxing import PACKET_SIZE, packet

PID = 0x101
GAP = b"gap"


@dataclass
class Sink:
    """Remembers what it got; a gap stands among the payloads."""

    is_assembling: bool = True
    payloads: list[bytes] = field(default_factory=list)
    starts: list[bytes] = field(default_factory=list)
    stuffed: list[bytes] = field(default_factory=list)

    def receive_payload(self, payload: bytes, is_start: bool) -> None:
        self.payloads.append(payload)
        if is_start:
            self.starts.append(payload)

    def note_gap(self) -> None:
        self.payloads.append(GAP)

    def note_stuffing(self) -> None:
        self.stuffed.append(self.payloads[-1])

    def flush(self) -> None:
        raise AssertionError("nobody asked the reader to flush")


@dataclass
class Listener:
    """A reader that listens to one PID."""

    counters: TsCounters = field(default_factory=TsCounters)
    sink: Sink = field(default_factory=Sink)

    def __post_init__(self) -> None:
        self.reader = TransportReader(self.counters)
        self.reader.listen(PID, self.sink)

    def receive(self, *pieces: bytes) -> list[bytes]:
        for piece in pieces:
            self.reader.receive_data(piece)
        return self.sink.payloads


def plain(number: int, *, pid: int = PID, continuity: int | None = None) -> bytes:
    """A packet that is told from others by its number."""
    return packet(pid, content(number), number if continuity is None else continuity)


def content(number: int) -> bytes:
    return number.to_bytes(2) * 92


def stream(count: int) -> bytes:
    return b"".join(plain(number) for number in range(count))


@pytest.mark.parametrize("piece_size", [1, 7, 187, 188, 189, 1316, 100_000])
def test_cuts_do_not_matter(piece_size: int) -> None:
    listener, data = Listener(), stream(40)
    pieces = [data[start : start + piece_size] for start in range(0, len(data), piece_size)]
    assert listener.receive(*pieces) == [content(number) for number in range(40)]
    assert listener.counters == TsCounters(packets=40)


def test_a_stream_from_the_middle_of_a_packet_begins_with_the_next() -> None:
    listener = Listener()
    assert listener.receive(stream(6)[100:]) == [content(number) for number in range(1, 6)]
    assert listener.counters.sync_losses == 0


def test_sync_bytes_in_one_payload_begin_nothing() -> None:
    listener = Listener()
    data = packet(PID, b"\x47" * 184, 0) + b"".join(plain(number) for number in range(1, 5))
    assert listener.receive(data[1:]) == [content(number) for number in range(1, 5)]


def test_two_sync_bytes_are_not_enough_to_begin() -> None:
    listener = Listener()
    assert listener.receive(stream(2)) == []
    assert listener.receive(plain(2)) == [content(0), content(1), content(2)]


def test_noise_before_the_stream_is_not_kept() -> None:
    listener = Listener()
    for _ in range(100):
        listener.reader.receive_data(bytes(10_000))
    assert listener.receive(stream(3)) == [content(0), content(1), content(2)]


def test_bytes_that_were_lost_cost_a_sync_and_the_unit() -> None:
    listener, data = Listener(), stream(12)
    received = listener.receive(data[: 4 * 188] + data[4 * 188 + 50 :])
    assert received == [*map(content, range(4)), GAP, GAP, *map(content, range(5, 12))]
    assert listener.counters == TsCounters(packets=11, sync_losses=1, continuity_errors=1)


def test_a_broken_sync_byte_costs_one_packet() -> None:
    listener, data = Listener(), bytearray(stream(12))
    data[4 * 188] = 0
    listener.receive(bytes(data))
    assert [payload for payload in listener.sink.payloads if payload != GAP] == [
        content(number) for number in range(12) if number != 4
    ]


def test_a_missing_packet_is_a_gap() -> None:
    listener = Listener()
    assert listener.receive(stream(3), plain(4), plain(5)) == [*map(content, range(3)), GAP, content(4), content(5)]
    assert listener.counters.continuity_errors == 1


def test_other_pids_have_counters_of_their_own() -> None:
    listener = Listener()
    others = b"".join(plain(number, pid=0x1FFF, continuity=0) for number in range(5))
    assert listener.receive(stream(3), others, plain(3)) == [content(number) for number in range(4)]
    assert listener.counters == TsCounters(packets=9)


def test_the_counter_wraps_after_sixteen_packets() -> None:
    listener = Listener()
    assert GAP not in listener.receive(stream(50))


def test_a_packet_may_come_twice() -> None:
    listener = Listener()
    assert listener.receive(stream(3), plain(2), plain(3)) == [content(number) for number in range(4)]
    assert listener.counters == TsCounters(packets=5, duplicate_packets=1)


def test_sixteen_missing_packets_and_more_are_seen_by_the_content() -> None:
    listener = Listener()
    assert listener.receive(stream(3), plain(18), plain(19))[3:] == [GAP, content(18), content(19)]
    assert listener.counters.duplicate_packets == 0


def test_an_adaptation_field_is_not_payload() -> None:
    listener = Listener()
    short = packet(PID, b"short", 3, is_start=True)
    assert listener.receive(stream(3), short, plain(4))[3:] == [b"short", content(4)]
    assert listener.sink.starts == [b"short"]


def test_a_packet_without_payload_does_not_count() -> None:
    listener = Listener()
    assert listener.receive(stream(3), packet(PID, b"", 2, has_payload=False), plain(3))[3:] == [content(3)]
    assert listener.counters == TsCounters(packets=5)


@pytest.mark.parametrize("has_payload", [True, False])
def test_a_discontinuity_that_is_told_is_no_error(has_payload: bool) -> None:
    listener = Listener()
    told = packet(PID, b"told" if has_payload else b"", 9, adaptation_flags=0x80, has_payload=has_payload)
    following = plain(10, continuity=10)
    expected = [b"told", content(10)] if has_payload else [content(10)]
    assert listener.receive(stream(3), told, following)[3:] == expected
    assert listener.counters.continuity_errors == 0


def test_an_adaptation_field_longer_than_the_packet_is_refused() -> None:
    listener = Listener()
    broken = bytearray(packet(PID, b"x", 3))
    broken[4] = 184
    assert listener.receive(stream(3), bytes(broken)) == [content(number) for number in range(3)]
    assert listener.counters.malformed_packets == 1


def test_a_packet_marked_as_broken_is_not_read() -> None:
    listener = Listener()
    broken = packet(PID, content(3), 3, flags=0x800000)
    assert listener.receive(stream(3), broken, plain(4))[3:] == [GAP, content(4)]
    assert listener.counters == TsCounters(packets=5, transport_errors=1, continuity_errors=1)


@pytest.mark.parametrize("flags", [0x40, 0x80, 0xC0])
def test_scrambled_packets_are_counted_and_refused(flags: int) -> None:
    listener = Listener()
    assert listener.receive(stream(3), packet(PID, content(3), 3, flags=flags)) == [*map(content, range(3))]
    assert listener.counters.scrambled_packets == 1


@pytest.mark.parametrize("is_assembling", [True, False])
def test_a_loss_below_damages_only_what_has_begun(is_assembling: bool) -> None:
    listener = Listener(sink=Sink(is_assembling))
    listener.receive(stream(3), plain(3)[:100])
    listener.reader.note_loss()
    following = b"".join(plain(number) for number in range(3, 6))
    damage = [GAP] if is_assembling else []
    assert listener.receive(following) == [*map(content, range(3)), *damage, *map(content, range(3, 6))]
    assert listener.counters == TsCounters(packets=6)


def test_nobody_listens_any_more() -> None:
    listener = Listener()
    listener.receive(stream(3))
    listener.reader.ignore(PID)
    assert len(listener.receive(plain(3))) == 3
    assert listener.counters.packets == 4


@pytest.mark.parametrize(
    ("adaptation", "is_stuffed"),
    [
        pytest.param("", False, id="none"),
        pytest.param("00", True, id="of no length"),
        pytest.param("01 00", True, id="without fields"),
        pytest.param("01 40", False, id="random access"),
        pytest.param("07 10 000000000000", False, id="PCR"),
        pytest.param("08 10 000000000000 ff", True, id="PCR and more"),
        pytest.param("0d 18 000000000000 000000000000", False, id="PCR and OPCR"),
        pytest.param("02 04 00", False, id="splicing point"),
        pytest.param("04 02 02 abcd", False, id="private data"),
        pytest.param("05 02 02 abcd ff", True, id="private data and more"),
        pytest.param("04 03 00 01 00", False, id="private data and extension"),
        pytest.param("02 02 ff", False, id="private data that is longer than the field"),
    ],
)
def test_a_packet_that_is_filled_up(adaptation: str, is_stuffed: bool) -> None:
    listener, field_bytes = Listener(), bytes.fromhex(adaptation)
    payload = bytes(PACKET_SIZE - 4 - len(field_bytes))
    header = 0x47 << 24 | PID << 8 | bool(field_bytes) << 5 | 0x10
    listener.receive(header.to_bytes(4) + field_bytes + payload, plain(1), plain(2))
    assert listener.sink.stuffed == ([payload] if is_stuffed else [])
