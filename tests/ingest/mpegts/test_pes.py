"""PES packets and their times (ISO/IEC 13818-1 §2.4.3.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mpegts.clock import ProgramClock
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.pes import MAX_PES_BYTES, PesAssembler
from ingest.mpegts.pes_header import PesHeader, parse_header
from ingest.mpegts.units import PesPacket
from pinkmedia.errors import CodecError
from tests.ingest.mpegts.muxing import pes

RANGE = 1 << 33


class Stream:
    """An assembler and what it delivered."""

    def __init__(self) -> None:
        self.delivered: list[PesPacket] = []
        self.counters = TsCounters()
        self.assembler = PesAssembler(self.delivered.append, ProgramClock(), self.counters)

    def receive(self, unit: bytes, part_size: int = 184) -> None:
        for start in range(0, len(unit), part_size):
            self.assembler.receive_payload(unit[start : start + part_size], start == 0)

    def flushed(self) -> list[PesPacket]:
        self.assembler.flush()
        return self.delivered


@given(st.integers(0, RANGE - 1), st.integers(0, RANGE - 1))
def test_every_time_is_read_as_it_was_written(pts: int, dts: int) -> None:
    packet = pes(b"", pts=pts, dts=dts, stuffing=3)
    assert parse_header(packet) == PesHeader(len(packet), pts, dts)


@pytest.mark.parametrize("part_size", [1, 5, 9, 14, 184])
def test_a_video_packet_ends_where_the_next_begins(part_size: int) -> None:
    stream, picture = Stream(), bytes(range(256)) * 5
    stream.receive(pes(picture, pts=9000, dts=3000), part_size)
    assert stream.delivered == []
    assert stream.assembler.is_assembling
    stream.receive(pes(b"next", pts=6600))
    assert stream.delivered == [PesPacket(9000, 3000, False, picture)]
    assert stream.flushed()[1:] == [PesPacket(6600, 6600, False, b"next")]


def test_a_video_packet_ends_where_its_last_part_is_filled_up() -> None:
    stream, picture = Stream(), bytes(range(256)) * 5
    stream.receive(pes(picture, pts=9000))
    stream.assembler.note_stuffing()
    assert stream.delivered == [PesPacket(9000, 9000, False, picture)]
    assert not stream.assembler.is_assembling
    stream.receive(pes(b"next", pts=12_600))
    assert stream.flushed()[1:] == [PesPacket(12_600, 12_600, False, b"next")]
    assert stream.counters == TsCounters()


def test_a_sender_that_fills_up_anywhere_is_found_out() -> None:
    stream, picture = Stream(), pes(bytes(range(256)) * 5, pts=9000)
    for _ in range(2):
        stream.assembler.receive_payload(picture[:500], True)
        stream.assembler.note_stuffing()
        stream.assembler.receive_payload(picture[500:], False)
    stream.receive(pes(b"next", pts=12_600))
    cut, told, whole, _ = stream.flushed()
    assert (cut.is_damaged, len(cut.payload) < 500) == (False, True)
    assert (told.is_damaged, told.payload) == (True, b"")
    assert (whole.is_damaged, whole.payload) == (False, bytes(range(256)) * 5)


@pytest.mark.parametrize("part_size", [1, 5, 9, 14, 184])
def test_an_audio_packet_ends_with_its_length(part_size: int) -> None:
    stream, sound = Stream(), bytes(range(250)) * 2
    stream.receive(pes(sound, pts=90, is_bounded=True), part_size)
    assert stream.delivered == [PesPacket(90, 90, False, sound)]
    assert not stream.assembler.is_assembling


def test_what_follows_the_length_is_not_payload() -> None:
    stream = Stream()
    stream.receive(pes(b"sound", is_bounded=True) + b"\xff" * 300)
    assert stream.flushed() == [PesPacket(None, None, False, b"sound")]


def test_a_packet_that_ends_before_its_length_is_damaged() -> None:
    stream = Stream()
    stream.receive(pes(bytes(100), pts=90, is_bounded=True)[:-1])
    stream.receive(pes(b"next", pts=180, is_bounded=True))
    assert [packet.is_damaged for packet in stream.delivered] == [True, False]
    assert stream.counters == TsCounters(damaged_units=1)


def test_a_gap_damages_the_packet_and_skips_to_the_next() -> None:
    stream = Stream()
    stream.receive(pes(b"head", pts=90))
    stream.assembler.note_gap()
    stream.assembler.receive_payload(b"of another packet, perhaps", False)
    stream.receive(pes(b"next", pts=180))
    assert stream.flushed() == [PesPacket(90, 90, True, b"head"), PesPacket(180, 180, False, b"next")]


def test_a_gap_between_packets_is_told() -> None:
    stream = Stream()
    stream.receive(pes(b"sound", is_bounded=True))
    stream.assembler.note_gap()
    stream.assembler.receive_payload(b"of a packet whose start is lost", False)
    stream.receive(pes(b"next", is_bounded=True))
    assert [(packet.is_damaged, packet.payload) for packet in stream.delivered] == [
        (False, b"sound"),
        (True, b""),
        (False, b"next"),
    ]


def test_nothing_begins_without_a_start() -> None:
    stream = Stream()
    stream.assembler.receive_payload(b"the middle of a packet", False)
    assert stream.flushed() == []
    assert stream.counters == TsCounters()


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"\x00\x00\x02" + pes(b"x")[3:], id="start code"),
        pytest.param(pes(b"x")[:6] + b"\x90" + pes(b"x")[7:], id="scrambled"),
        pytest.param(pes(b"x")[:6] + b"\x0f" + pes(b"x")[7:], id="MPEG-1"),
        pytest.param(pes(b"x")[:8], id="no header length"),
        pytest.param(pes(b"", pts=1)[:-1], id="header cut short"),
        pytest.param(pes(b"x")[:7] + b"\x80" + pes(b"x")[8:], id="no room for the PTS"),
        pytest.param(pes(b"x", pts=1)[:7] + b"\xc0" + pes(b"x", pts=1)[8:], id="no room for the DTS"),
        pytest.param(b"\x00\x00\x01", id="prefix cut short"),
    ],
)
def test_a_broken_header_is_a_damaged_packet(broken: bytes) -> None:
    stream = Stream()
    stream.receive(broken)
    assert stream.flushed() == [PesPacket(None, None, True, b"")]
    assert stream.counters == TsCounters(damaged_units=1, dropped_units=1)


def test_padding_is_no_media_and_no_damage() -> None:
    stream = Stream()
    stream.receive(b"\x00\x00\x01\xbe\x00\x10" + b"\xff" * 16)
    assert stream.flushed() == []
    assert stream.counters == TsCounters(dropped_units=1)


def test_a_packet_without_end_is_given_up() -> None:
    stream = Stream()
    stream.receive(pes(bytes(MAX_PES_BYTES)), part_size=1 << 16)
    assert not stream.assembler.is_assembling
    stream.receive(pes(b"next", pts=90))
    assert stream.flushed() == [PesPacket(None, None, True, b""), PesPacket(90, 90, False, b"next")]
    assert stream.counters == TsCounters(damaged_units=1, dropped_units=1)


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=30))
def test_any_payloads_are_survived(payloads: list[tuple[bytes, bool]]) -> None:
    stream = Stream()
    for payload, is_start in payloads:
        stream.assembler.receive_payload(payload, is_start)
    assert len(stream.flushed()) <= len(payloads)


@given(st.binary(max_size=40))
def test_any_header_is_read_or_refused(tail: bytes) -> None:
    try:
        header = parse_header(b"\x00\x00\x01\xe0\x00\x00\x80" + tail)
    except CodecError:
        return
    assert header is not None
    assert header.size <= 7 + len(tail)


def test_the_first_time_stays_as_it_is() -> None:
    assert ProgramClock().place(RANGE - 1) == RANGE - 1


def test_the_wrap_is_undone_in_both_directions() -> None:
    clock = ProgramClock()
    placed = [clock.place(ticks % RANGE) for ticks in (RANGE - 90, RANGE + 90, RANGE - 45, RANGE + 180)]
    assert placed == [RANGE - 90, RANGE + 90, RANGE - 45, RANGE + 180]


@given(st.integers(0, RANGE - 1), st.lists(st.integers(-RANGE // 2, RANGE // 2 - 1), max_size=50))
def test_steps_of_less_than_half_the_range_are_followed(start: int, steps: list[int]) -> None:
    clock, ticks = ProgramClock(), start
    clock.place(start)
    for step in steps:
        ticks += step
        assert clock.place(ticks % RANGE) == ticks
