"""Opus headers and packets, against the RFCs."""

from __future__ import annotations

import pytest

from pinkmedia.codecs.opus import OpusFormat, packet_samples
from pinkmedia.errors import CodecError

STEREO = "01 02 3801 80bb0000 0000 00"
TWENTY_MS = b"\xfc\x00"


def parse(body: str, magic: bytes = b"OpusHead") -> OpusFormat:
    return OpusFormat.parse(magic + bytes.fromhex(body), TWENTY_MS)


def test_dops_says_the_same_big_endian() -> None:
    assert parse("01 01 3801 44ac0000 00ff 00").configuration == bytes.fromhex("00 01 0138 0000ac44 ff00 00")


def test_dops_has_the_channel_mapping() -> None:
    source = parse("01 03 3801 80bb0000 0000 01 02 01 00 02 ff")
    assert source.configuration == bytes.fromhex("00 03 0138 0000bb80 0000 01 02 01 00 02 ff")
    assert source.channels == 3


@pytest.mark.parametrize(
    ("toc", "samples"),
    [
        # RFC 6716, Table 2: SILK of three bandwidths, hybrid of two, CELT of four
        *((configuration, (480, 960, 1920, 2880)[configuration % 4]) for configuration in range(12)),
        *((configuration, (480, 960)[configuration % 2]) for configuration in range(12, 16)),
        *((configuration, (120, 240, 480, 960)[configuration % 4]) for configuration in range(16, 32)),
    ],
)
def test_samples_of_a_frame(toc: int, samples: int) -> None:
    assert packet_samples(bytes((toc << 3,))) == samples
    assert packet_samples(bytes((toc << 3 | 1, 0, 0))) == 2 * samples
    assert packet_samples(bytes((toc << 3 | 2, 0, 0))) == 2 * samples


def test_packets_of_many_frames() -> None:
    assert packet_samples(bytes((16 << 3 | 3, 48))) == 48 * 120
    assert packet_samples(bytes((31 << 3 | 3, 0xC0 | 6))) == 6 * 960


@pytest.mark.parametrize("packet", [b"", b"\xff", b"\xff\x00", bytes((31 << 3 | 3, 7)), bytes((3 << 3 | 3, 3))])
def test_packets_that_are_empty_or_too_long(packet: bytes) -> None:
    with pytest.raises(CodecError, match="120 ms"):
        packet_samples(packet)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (STEREO.replace("01 02", "10 02"), "version 1"),
        (STEREO.replace("01 02", "01 00"), "0 channels"),
        (STEREO.replace("01 02", "01 03"), "3 channels"),
        ("01 02 3801 80bb0000 0000 ff 02 00 00 01", "mapping 255"),
        ("01 09 3801 80bb0000 0000 01 09 00 000102030405060708", "9 channels"),
        ("01 03 3801 80bb0000 0000 01 00 00 00 01 02", "0 streams"),
        ("01 03 3801 80bb0000 0000 01 02 03 00 01 02", "2 streams"),
        ("01 03 3801 80bb0000 0000 01 02 01 00 01 03", "in no stream"),
        ("01 03 3801 80bb0000 0000 01 02 01 00 01", "cut short"),
        ("01 02 3801 80bb0000 0000", "cut short"),
    ],
)
def test_malformed_header(body: str, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        parse(body)


def test_other_magic() -> None:
    with pytest.raises(CodecError, match="OpusHead"):
        parse(STEREO, magic=b"OpusTags")


def test_sample_count_is_the_packets_own() -> None:
    source = parse(STEREO)
    assert source.samples_per_frame == 960
    assert source.sample_count(b"\x08\x00") == 960
    assert source.sample_count(b"\xe0\x00") == 120
