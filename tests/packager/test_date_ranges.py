"""EXT-X-DATERANGE from timed metadata."""

from __future__ import annotations

import re

import pytest

from packager.date_ranges import LONGEST_PAYLOAD_BYTES, MOST_RANGES, DateRanges
from pinkmedia.media import ID3_SCHEME, SCTE35_SCHEME, TimedMetadata
from tests.codecs.test_scte35 import BREAK, PLACEMENT, section

EPOCH = 1_700_000_000.0
OPEN_BREAK = section(5, "00000007 7f df 0001 00 00")
END = section(5, "00000007 7f 5f 0001 00 00")


@pytest.fixture
def ranges() -> DateRanges:
    return DateRanges()


def add(ranges: DateRanges, seconds: float, payload: bytes, scheme: str = SCTE35_SCHEME) -> None:
    ranges.add(TimedMetadata(scheme, round(seconds * 90_000), payload))


def lines(ranges: DateRanges, since_seconds: float = 0.0) -> list[str]:
    """Without the tag's name, and payloads."""
    found = ranges.lines(since_seconds, EPOCH)
    assert all(line.startswith("#EXT-X-DATERANGE:") for line in found)
    return [re.sub("0x[0-9A-F]{9,}", "…", line.removeprefix("#EXT-X-DATERANGE:")) for line in found]


def test_a_break_and_its_end_have_one_id(ranges: DateRanges) -> None:
    add(ranges, 10, OPEN_BREAK)
    out = 'ID="splice-00000007-1",START-DATE="2023-11-14T22:13:30.000Z",SCTE35-OUT=…'
    assert lines(ranges) == [out]
    add(ranges, 40.5, END)
    assert lines(ranges) == [out, 'ID="splice-00000007-1",DURATION=30.500,SCTE35-IN=…']


def test_payloads_are_hexadecimal(ranges: DateRanges) -> None:
    add(ranges, 10, BREAK)
    assert ranges.lines(0, EPOCH)[0].endswith(f",PLANNED-DURATION=60.294,SCTE35-OUT=0x{BREAK.hex().upper()}")


def test_repeated_sections_are_one_range(ranges: DateRanges) -> None:
    for section_ in (PLACEMENT, PLACEMENT, OPEN_BREAK, OPEN_BREAK, END, END):
        add(ranges, 10, section_)
    assert len(lines(ranges)) == 3


def test_an_announcement_in_other_words_is_the_same_break(ranges: DateRanges) -> None:
    add(ranges, 10, OPEN_BREAK)
    add(ranges, 10.2, section(5, "00000007 7f df 0001 01 02"))
    assert len(lines(ranges)) == 1


def test_an_old_number_for_a_new_break(ranges: DateRanges) -> None:
    add(ranges, 10, BREAK)
    add(ranges, 500, BREAK[:-4] + b"crc.")
    assert [line[:26] for line in lines(ranges)] == ['ID="splice-4800008F-1",STA', 'ID="splice-4800008F-2",STA']


def test_other_splices_are_commands(ranges: DateRanges) -> None:
    add(ranges, 10, PLACEMENT)
    add(ranges, 11, END)  # of what has begun before we came
    add(ranges, 12, section(5, "00000009 ff"))
    assert [line.rsplit(",", 1)[1] for line in lines(ranges)] == ["SCTE35-CMD=…"] * 3
    assert "PLANNED-DURATION=307.000," in lines(ranges)[0]


def test_id3_tags(ranges: DateRanges) -> None:
    add(ranges, 10, b"ID3 and more", ID3_SCHEME)
    date = "2023-11-14T22:13:30.000Z"
    assert lines(ranges) == [f'ID="id3-1",START-DATE="{date}",CLASS="{ID3_SCHEME}",DURATION=0,X-ID3=…']


@pytest.mark.parametrize(
    ("scheme", "payload"),
    [
        (SCTE35_SCHEME, b"\xfc"),
        (SCTE35_SCHEME, section(0, "")),
        (ID3_SCHEME, bytes(LONGEST_PAYLOAD_BYTES + 1)),
        ("urn:other", b"payload"),
    ],
)
def test_what_cannot_be_listed_is_left_out(ranges: DateRanges, scheme: str, payload: bytes) -> None:
    add(ranges, 10, payload, scheme)
    assert lines(ranges) == []


def test_what_is_over_leaves_the_list(ranges: DateRanges) -> None:
    add(ranges, 10, BREAK)
    add(ranges, 10, OPEN_BREAK)
    assert len(lines(ranges, since_seconds=70.2)) == 2
    assert len(lines(ranges, since_seconds=70.4)) == 1
    add(ranges, 100, END)
    assert len(lines(ranges, since_seconds=100)) == 2
    assert lines(ranges, since_seconds=100.1) == []


def test_the_newest_are_kept_of_each_scheme(ranges: DateRanges) -> None:
    add(ranges, 0, OPEN_BREAK)
    for index in range(2 * MOST_RANGES):
        add(ranges, index, b"ID3%d" % index, ID3_SCHEME)
    found = lines(ranges)
    assert (len(found), found[0][:10]) == (MOST_RANGES + 1, 'ID="splice')
    assert f'ID="id3-{2 * MOST_RANGES + 1}"' in found[-1]
