"""Sections, and the tables that they make (ISO/IEC 13818-1 §2.4.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mpegts.counters import TsCounters
from ingest.mpegts.program import (
    MAX_ELEMENTARY_STREAMS,
    MAX_PROGRAMS,
    ProgramAssociation,
    ProgramMap,
    StreamEntry,
    parse_program_map,
)
from ingest.mpegts.sections import SectionAssembler, crc32_mpeg2
from pinkmedia.errors import CodecError
from tests.ingest.mpegts.muxing import crc32, entry, pat, pmt, section, table

SHORT = section(0x80, b"short")
LONG = section(0x81, bytes(range(250)) * 4)


class Sections:
    """An assembler and what it delivered."""

    def __init__(self) -> None:
        self.delivered: list[bytes] = []
        self.counters = TsCounters()
        self.assembler = SectionAssembler(self.delivered.append, self.counters)

    def receive(self, *payloads: tuple[bytes, bool]) -> list[bytes]:
        for payload, is_start in payloads:
            self.assembler.receive_payload(payload, is_start)
        return self.delivered


@given(st.binary(max_size=300))
def test_the_crc_is_that_of_annex_a(data: bytes) -> None:
    assert crc32_mpeg2(data) == crc32(data)


def test_the_crc_of_a_known_text() -> None:
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7


def test_one_section_and_stuffing() -> None:
    assert Sections().receive((b"\x00" + SHORT + b"\xff" * 50, True)) == [SHORT]


def test_the_pointer_skips_what_it_points_over() -> None:
    assert Sections().receive((b"\x03abc" + SHORT, True)) == [SHORT]


def test_several_sections_share_a_packet() -> None:
    assert Sections().receive((b"\x00" + SHORT * 3 + b"\xff\xff", True)) == [SHORT] * 3


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 100, len(LONG) - 1])
def test_a_section_over_several_packets(cut: int) -> None:
    assert Sections().receive((b"\x00" + LONG[:cut], True), (LONG[cut:] + b"\xff\xff", False)) == [LONG]


def test_a_section_ends_where_the_pointer_points_to() -> None:
    head, tail = LONG[:-20], LONG[-20:]
    assert Sections().receive((b"\x00" + head, True), (b"\x14" + tail + SHORT, True)) == [LONG, SHORT]


def test_a_section_that_the_pointer_cuts_short_is_dropped() -> None:
    assert Sections().receive((b"\x00" + LONG[:50], True), (b"\x00" + SHORT, True), (LONG[50:], False)) == [SHORT]


def test_nothing_begins_without_a_start() -> None:
    assert Sections().receive((SHORT, False), (b"\x00" + SHORT, True), (SHORT, False)) == [SHORT]


def test_nothing_begins_behind_a_section_that_ends_without_a_start() -> None:
    assert Sections().receive((b"\x00" + LONG[:500], True), (LONG[500:] + SHORT, False), (SHORT, False)) == [LONG]


def test_a_gap_drops_what_has_begun() -> None:
    sections = Sections()
    sections.receive((b"\x00" + LONG[:100], True))
    sections.assembler.note_gap()
    assert sections.receive((LONG[100:], False), (b"\x00" + SHORT, True)) == [SHORT]


def test_a_wrong_crc_is_counted() -> None:
    sections = Sections()
    broken = SHORT[:-1] + bytes([SHORT[-1] ^ 1])
    assert sections.receive((b"\x00" + broken + SHORT, True)) == [SHORT]
    assert sections.counters.crc_errors == 1


def test_an_empty_payload_is_nothing() -> None:
    assert Sections().receive((b"", True), (b"\xff", True), (b"\x00", True)) == []


@given(st.lists(st.tuples(st.binary(max_size=184), st.booleans()), max_size=20))
def test_any_payloads_are_survived(payloads: list[tuple[bytes, bool]]) -> None:
    sections = Sections()
    sections.receive(*payloads)
    assert all(crc32(delivered) == 0 for delivered in sections.delivered)


def test_a_pat_names_programs_but_not_the_network() -> None:
    assert ProgramAssociation().receive(pat({0: 0x10, 1: 0x100, 7: 0x200})) == {1: 0x100, 7: 0x200}


def test_a_pat_in_two_sections_is_whole_with_the_second() -> None:
    association = ProgramAssociation()
    assert association.receive(pat({1: 0x100}, number=0, last=1)) is None
    assert association.receive(pat({2: 0x200}, number=1, last=1)) == {1: 0x100, 2: 0x200}


def test_sections_of_two_versions_make_no_table() -> None:
    association = ProgramAssociation()
    association.receive(pat({1: 0x100}, number=0, last=1))
    assert association.receive(pat({2: 0x200}, number=1, last=1, version=1)) is None
    assert association.receive(pat({3: 0x300}, number=0, last=1, version=1)) == {3: 0x300, 2: 0x200}


def test_tables_of_the_future_are_not_in_force() -> None:
    assert ProgramAssociation().receive(pat({1: 0x100}, current=False)) is None
    assert parse_program_map(pmt(1, entry(0x1B, 0x101), current=False)) is None


def test_programs_beyond_the_limit_are_ignored() -> None:
    programs = {number: 0x100 + number for number in range(1, 200)}
    received = ProgramAssociation().receive(pat(programs))
    assert received == {number: 0x100 + number for number in range(1, MAX_PROGRAMS + 1)}


@pytest.mark.parametrize("pid", [0x00, 0x01, 0x0F, 0x1FFF])
def test_reserved_pids_carry_no_program_and_no_stream(pid: int) -> None:
    assert ProgramAssociation().receive(pat({1: pid})) == {}
    assert parse_program_map(pmt(1, entry(0x1B, pid))) == ProgramMap(1, ())


def test_a_pmt_lists_streams_with_their_descriptors() -> None:
    received = parse_program_map(pmt(5, entry(0x1B, 0x101), entry(0x06, 0x102, b"\x05\x04Opus"), descriptors=b"\x0e\0"))
    assert received == ProgramMap(5, (StreamEntry(0x101, 0x1B, b""), StreamEntry(0x102, 0x06, b"\x05\x04Opus")))


def test_a_pid_belongs_to_the_first_stream_that_names_it() -> None:
    assert parse_program_map(pmt(1, entry(0x1B, 0x101), entry(0x0F, 0x101))) == ProgramMap(
        1, (StreamEntry(0x101, 0x1B, b""),)
    )


def test_streams_beyond_the_limit_are_ignored() -> None:
    received = parse_program_map(pmt(1, *(entry(0x0F, 0x101 + number) for number in range(100))))
    assert received is not None
    assert [stream.pid for stream in received.streams] == [0x101 + number for number in range(MAX_ELEMENTARY_STREAMS)]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(table(2, 1, b"\xe1\x01\xf0"), id="ends in its head"),
        pytest.param(table(2, 1, b"\xe1\x01\xf0\x05"), id="descriptors longer than the section"),
        pytest.param(table(2, 1, b"\xe1\x01\xf0\x00" + entry(0x1B, 0x101)[:-1]), id="entry cut short"),
        pytest.param(pat({1: 0x100}), id="another table"),
        pytest.param(section(2, b"\x00\x01\xc1\x00\x00\xe1\x01\xf0\x00", syntax=0x3000), id="short syntax"),
        pytest.param(section(2, b""), id="empty"),
    ],
)
def test_a_broken_pmt_is_refused(broken: bytes) -> None:
    with pytest.raises(CodecError):
        parse_program_map(broken)


@given(st.binary(max_size=100))
def test_any_section_is_read_or_refused(body: bytes) -> None:
    for table_id in (0, 2):
        for read in (ProgramAssociation().receive, parse_program_map):
            try:
                read(section(table_id, body))
            except CodecError:
                continue
