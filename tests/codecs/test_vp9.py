"""VP9 records and uncompressed headers, where FFmpeg's own streams do not reach."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pinkmedia.codecs.vp9 import Vp9Format
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour
from tests.codecs.bit_writer import BitWriter
from tests.codecs.published import VPX_VP9, published

RECORD_4_0 = bytes.fromhex("00 28 82 02 02 02 0000")


def key_frame(profile: int = 0, *, is_rgb: bool = False, width: int = 1920, height: int = 1080) -> bytes:
    bits = BitWriter().write(0b10, 2).write(profile & 1, 1).write(profile >> 1, 1)
    if profile == 3:
        bits.write(0, 1)
    bits.write(0b0010, 4).write(0x498342, 24)
    if profile >= 2:
        bits.write(0, 1)
    bits.write(7 if is_rgb else 2, 3)
    if not is_rgb:
        bits.write(0, 1)
    if profile in (1, 3):
        bits.write(0, 1 if is_rgb else 3)
    return bits.write(width - 1, 16).write(height - 1, 16).write(0, 32).to_bytes()


@pytest.mark.parametrize(
    ("record", "frame", "codec_string"),
    [
        ("00 28 82 02 02 02 0000", key_frame(), "vp09.00.40.08"),
        ("00 28 80 01 01 01 0000", key_frame(), "vp09.00.40.08"),
        ("00 29 83 02 02 02 0000", key_frame(), "vp09.00.41.08.01.02.02.02.01"),
        ("01 28 86 01 0d 00 0000", key_frame(1, is_rgb=True), "vp09.01.40.08.03.01.13.00.00"),
        ("01 28 84 02 02 02 0000", key_frame(1), "vp09.01.40.08.02.01.01.01.00"),
        ("02 33 a2 09 10 09 0000", key_frame(2), "vp09.02.51.10.01.09.16.09.00"),
        ("03 33 c6 09 10 09 0000", key_frame(3), "vp09.03.51.12.03.09.16.09.00"),
    ],
)
def test_track(record: str, frame: bytes, codec_string: str) -> None:
    track = Vp9Format.parse(bytes.fromhex(record), frame).track(track_id=1, frame_rate=Fraction(30))
    assert (track.codec_string, track.width, track.height) == (codec_string, 1920, 1080)
    assert track.configuration == bytes.fromhex(record)


def test_record_with_and_without_version_and_flags() -> None:
    expected = Vp9Format.parse(RECORD_4_0, key_frame())
    assert Vp9Format.parse(b"\x01\0\0\0" + RECORD_4_0, key_frame()) == expected
    assert expected.colour is None


def test_colour_is_told() -> None:
    hdr = Vp9Format.parse(bytes.fromhex("0233a3 091009 0000"), key_frame(2))
    assert hdr.colour == Colour(9, 16, 9, True)


@pytest.mark.parametrize(
    ("record", "frame", "text"),
    [
        ("00 28 82 02 02 02 00", key_frame(), "cut short"),
        ("04 28 82 02 02 02 0000", key_frame(), "profile 4"),
        ("00 00 82 02 02 02 0000", key_frame(), "level 0"),
        ("00 28 a2 02 02 02 0000", key_frame(), "10 bits"),
        ("00 28 88 02 02 02 0000", key_frame(), "subsampling 4"),
        ("00 28 82 02 02 02 0000", b"", "too early"),
        ("00 28 82 02 02 02 0000", key_frame()[:6], "too early"),
        ("00 28 82 02 02 02 0000", b"\x86" + key_frame()[1:], "key frame"),
        ("00 28 82 02 02 02 0000", b"\x42" + key_frame()[1:], "key frame"),
        ("00 28 82 02 02 02 0000", key_frame(2), "profile 2"),
        ("00 28 82 02 02 02 0000", key_frame()[:2] + bytes(20), "sync code"),
        ("00 28 82 02 02 02 0000", key_frame(width=16_385), "16385x1080"),
    ],
)
def test_malformed_header(record: str, frame: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        Vp9Format.parse(bytes.fromhex(record), frame)


@pytest.mark.parametrize(
    ("first", "is_sync"),
    [
        (0b10_00_0_0_1_0, True),
        (0b10_00_0_0_0_0, True),  # hidden, in front of the one that is shown
        (0b10_00_0_1_1_0, False),
        (0b10_00_1_000, False),  # shows an existing frame
        (0b10_11_0_0_0_1, True),
        (0b10_11_0_0_1_0, False),
        (0b10_11_0_1_0_0, False),
    ],
)
def test_key_frames_are_sync_samples(first: int, is_sync: bool) -> None:
    data = memoryview(bytes((first, 0x49)))
    unit = Vp9Format.parse(RECORD_4_0, key_frame()).access_unit(data)
    assert unit == (data, is_sync)


def test_frames_that_are_none() -> None:
    source = Vp9Format.parse(RECORD_4_0, key_frame())
    assert source.access_unit(memoryview(b"")) is None
    with pytest.raises(CodecError, match="marker"):
        source.access_unit(memoryview(b"\x00\x01"))


def test_superframes_stay_whole() -> None:
    stream = published(VPX_VP9)
    source = Vp9Format.parse(stream.header, stream.frames[0])
    for frame in stream.frames:
        unit = source.access_unit(memoryview(frame))
        assert unit is not None
        assert unit.payload == frame
