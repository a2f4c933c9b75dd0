"""AV1 sequence headers and temporal units, where FFmpeg's own streams do not reach."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pinkmedia.codecs.av1 import Av1Format, ObuType, av1_codec_string
from pinkmedia.codecs.av1_sequence import parse_sequence_header
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour
from tests.codecs.bit_writer import BitWriter
from tests.codecs.published import SVT_AV1, published, video_format

DELIMITER = b"\x12\x00"
PADDING = b"\x7a\x01\x80"
KEY_FRAME, HIDDEN_KEY_FRAME, INTER_FRAME, SHOWN_EXISTING = 0x10, 0x00, 0x30, 0x90


def obu(kind: int, payload: bytes, *, has_size: bool = True, extension: bytes = b"") -> bytes:
    head = bytes((kind << 3 | bool(extension) << 2 | has_size << 1,)) + extension
    return head + (bytes((len(payload),)) if has_size else b"") + payload


def sequence_header(
    *,
    profile: int = 0,
    with_models: bool = False,
    level: int = 8,
    tier: int = 1,
    colour: tuple[tuple[int, int], ...] = (),
) -> bytes:
    """1920x1080; ``colour`` is color_config as (value, bits), 8-bit 4:2:0 without description if empty."""
    bits = BitWriter().write(profile, 3).write(0, 2)
    write_models(bits, level, tier) if with_models else write_operating_point(bits, level, tier)
    bits.write(10, 4).write(10, 4).write(1919, 11).write(1079, 11)
    bits.write(1, 1).write(0, 7)  # frame ids
    bits.write(0, 3).write(0, 4)
    bits.write(1, 1).write(0, 2)  # order hints
    bits.write(0, 1).write(1, 1).write(0, 1).write(1, 1)  # forced screen content tools and integer motion vectors
    bits.write(6, 3).write(0, 3)
    for value, count in colour or ((0, 1), (0, 1), (0, 1), (0, 1), (0, 2)):
        bits.write(value, count)
    return bits.write(0, 2).to_bytes()


def write_operating_point(bits: BitWriter, level: int, tier: int) -> None:
    bits.write(0, 1).write(0, 1).write(0, 5).write(0, 12).write(level, 5)
    if level > 7:
        bits.write(tier, 1)


def write_models(bits: BitWriter, level: int, tier: int) -> None:
    """Timing of 60000/1001 a second with two ticks a picture, decoder model, display delay, two operating points."""
    bits.write(1, 1).write(1001, 32).write(120_000, 32).write(1, 1).golombs(1)
    bits.write(1, 1).write(9, 5).write(1, 32).write(0, 10)
    bits.write(1, 1).write(1, 5)
    for point_level in (level, 0):
        bits.write(1, 12).write(point_level, 5)
        if point_level > 7:
            bits.write(tier, 1)
        bits.write(1, 1).write(0, 2 * 10 + 1).write(1, 1).write(5, 4)


def record(*obus: bytes, head: str = "81 00 00 00") -> bytes:
    return bytes.fromhex(head) + b"".join(obus)


def source_of(header: bytes) -> Av1Format:
    return Av1Format.parse(record(obu(ObuType.SEQUENCE_HEADER, header)))


def test_sequence_header_with_timing_and_models() -> None:
    header = parse_sequence_header(sequence_header(with_models=True))
    assert (header.width, header.height, header.level, header.tier) == (1920, 1080, 8, 1)
    assert header.frame_rate == Fraction(60_000, 1001)


@pytest.mark.parametrize(
    ("profile", "colour", "expected", "record_head"),
    [
        (0, (), "av01.0.08H.08", "8108 8c00"),
        (0, ((0, 1), (0, 1), (1, 1), (1, 8), (1, 8), (1, 8), (0, 1), (0, 2)), "av01.0.08H.08", "8108 8c00"),
        (
            0,
            ((1, 1), (0, 1), (1, 1), (9, 8), (16, 8), (9, 8), (0, 1), (2, 2)),
            "av01.0.08H.10.0.112.09.16.09.0",
            "8108 ce00",
        ),
        (0, ((0, 1), (1, 1), (0, 1), (1, 1)), "av01.0.08H.08.1.110.02.02.02.1", "8108 9c00"),
        (1, ((0, 1), (1, 1), (1, 8), (13, 8), (0, 8)), "av01.1.08H.08.0.000.01.13.00.1", "8128 8000"),
        (1, ((0, 1), (0, 1), (0, 1)), "av01.1.08H.08.0.000.01.01.01.0", "8128 8000"),
        (2, ((1, 1), (0, 1), (0, 1), (0, 1), (0, 1)), "av01.2.08H.10.0.100.01.01.01.0", "8148 c800"),
        (
            2,
            ((1, 1), (1, 1), (0, 1), (0, 1), (0, 1), (1, 1), (1, 1), (0, 2)),
            "av01.2.08H.12",
            "8148 ec00",
        ),
    ],
)
def test_codec_string_and_record(
    profile: int, colour: tuple[tuple[int, int], ...], expected: str, record_head: str
) -> None:
    source = source_of(sequence_header(profile=profile, colour=colour))
    assert av1_codec_string(source.header) == expected
    assert source.configuration[:4] == bytes.fromhex(record_head)


def test_levels_below_4_have_no_tier() -> None:
    assert av1_codec_string(source_of(sequence_header(level=5)).header) == "av01.0.05M.08"


def test_colour_is_told() -> None:
    hdr = ((1, 1), (0, 1), (1, 1), (9, 8), (16, 8), (9, 8), (0, 1), (2, 2))
    track = source_of(sequence_header(colour=hdr)).track(track_id=1, frame_rate=Fraction(30))
    assert track.colour == Colour(9, 16, 9, False)


def test_record_keeps_delay_sequence_header_and_metadata() -> None:
    header, metadata = sequence_header(), obu(ObuType.METADATA, b"\x01\x00\x64\x00\x32\x80")
    source = Av1Format.parse(
        record(obu(ObuType.SEQUENCE_HEADER, header), PADDING, metadata, DELIMITER, head="81 1f ff 13")
    )
    assert source.configuration == bytes.fromhex("81088c13") + obu(ObuType.SEQUENCE_HEADER, header) + metadata


@pytest.mark.parametrize(
    ("malformed", "text"),
    [
        (b"\x81\x00\x0c", "cut short"),
        (record(head="82000000"), "version 1"),
        (record(), "no sequence header"),
        (record(obu(ObuType.METADATA, b"\x01")), "no sequence header"),
        (record(obu(ObuType.SEQUENCE_HEADER, b"\x60")), "profile 3"),
        (record(obu(ObuType.SEQUENCE_HEADER, sequence_header())[:-1]), "add up"),
        (record(obu(ObuType.SEQUENCE_HEADER, b"\x00" * 3)), "too early"),
        (record(b"\x0a" + b"\xff" * 9), "add up"),
        (record(b"\x80"), "OBUs"),
    ],
)
def test_malformed_record(malformed: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        Av1Format.parse(malformed)


@pytest.mark.parametrize(
    ("obus", "is_sync"),
    [
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME, bytes((KEY_FRAME, 1)))], True),
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME_HEADER, bytes((KEY_FRAME, 1)))], True),
        ([(ObuType.FRAME, bytes((KEY_FRAME, 1)))], False),
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME, bytes((HIDDEN_KEY_FRAME, 1)))], False),
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME, bytes((INTER_FRAME, 1)))], False),
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME_HEADER, bytes((SHOWN_EXISTING, 1)))], False),
        ([(ObuType.SEQUENCE_HEADER, b"\0"), (ObuType.FRAME, b"")], False),
        ([(ObuType.SEQUENCE_HEADER, b"\0")], False),
    ],
)
def test_sync_samples_have_a_sequence_header_and_a_shown_key_frame(
    obus: list[tuple[int, bytes]], is_sync: bool
) -> None:
    data = DELIMITER + b"".join(obu(kind, payload) for kind, payload in obus)
    unit = video_format(SVT_AV1).access_unit(memoryview(data))
    assert unit is not None
    assert (unit.payload, unit.is_sync) == (data[2:], is_sync)


def test_usual_temporal_unit_is_a_view_without_delimiter() -> None:
    frame = memoryview(published(SVT_AV1).frames[1])
    assert frame[:2] == DELIMITER
    unit = video_format(SVT_AV1).access_unit(frame)
    assert unit is not None
    assert isinstance(unit.payload, memoryview)
    assert unit.payload == frame[2:]


def test_padding_goes_and_sizes_come() -> None:
    first, last = bytes((KEY_FRAME, 1)), bytes(200)
    data = b"".join(
        (
            DELIMITER,
            obu(ObuType.FRAME, first, extension=b"\x20"),
            PADDING,
            obu(ObuType.FRAME, last, has_size=False, extension=b"\x28"),
        )
    )
    unit = video_format(SVT_AV1).access_unit(memoryview(data))
    assert unit is not None
    sized = bytes((ObuType.FRAME << 3 | 6, 0x28, 0x80 | 200 & 0x7F, 1)) + last
    assert unit.payload == obu(ObuType.FRAME, first, extension=b"\x20") + sized


@pytest.mark.parametrize("data", [b"", DELIMITER, DELIMITER + PADDING])
def test_nothing_is_left(data: bytes) -> None:
    assert video_format(SVT_AV1).access_unit(memoryview(data)) is None


def test_more_obus_than_any_picture_has() -> None:
    with pytest.raises(CodecError, match="1024"):
        video_format(SVT_AV1).access_unit(memoryview(DELIMITER * 1025))
