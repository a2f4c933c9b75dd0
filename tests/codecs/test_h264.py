"""H.264 headers, against parameter sets that libx264 wrote."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinkmedia.codecs.h264 import (
    AvcConfiguration,
    SequenceParameterSet,
    codec_string,
    contains_idr,
    parse_sps,
    video_track,
)
from pinkmedia.codecs.nal_units import annex_b_to_length_prefixed, split_annex_b
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, VideoTrack

HIGH_1080P60 = bytes.fromhex("6764002aacd940780227e584000003000400000301e03c60c658")
MAIN_480P2997 = bytes.fromhex("674d401feca06c1ef370800001f480007530078c18cb")
BASELINE_360P25 = bytes.fromhex("6742c01eda0280bfe584000003000400000300c83c58ba80")
HIGH422_720P50 = bytes.fromhex("677a0020b6cd9405005ba1000003000100000300640f183196")
INTERLACED_1080 = bytes.fromhex("67640028acd94078044fde1c94040405000003000100000300321f162d96")
HIGH444_WITH_SCALING = bytes.fromhex("67f4000d919b282833f1b080000003008000001e078a14cb")
PPS = bytes.fromhex("68ebe3cb22c0")


@pytest.mark.parametrize(
    ("sps", "expected"),
    [
        (HIGH_1080P60, SequenceParameterSet(100, 0x00, 42, 1, 8, 8, 1920, 1080, Fraction(1), Fraction(60))),
        (MAIN_480P2997, SequenceParameterSet(77, 0x40, 31, 1, 8, 8, 854, 480, Fraction(1), Fraction(30000, 1001))),
        (BASELINE_360P25, SequenceParameterSet(66, 0xC0, 30, 1, 8, 8, 640, 360, Fraction(1), Fraction(25))),
        (HIGH422_720P50, SequenceParameterSet(122, 0x00, 32, 2, 10, 10, 1280, 720, Fraction(1), Fraction(50))),
        (INTERLACED_1080, SequenceParameterSet(100, 0x00, 40, 1, 8, 8, 1920, 1080, Fraction(4, 3), Fraction(25))),
        (HIGH444_WITH_SCALING, SequenceParameterSet(244, 0x00, 13, 3, 8, 8, 320, 180, Fraction(1), Fraction(30))),
    ],
)
def test_parse_sps(sps: bytes, expected: SequenceParameterSet) -> None:
    assert parse_sps(sps) == expected


@pytest.mark.parametrize(
    ("sps", "aspect_ratio"),
    [
        pytest.param("6764001eacd940b4126c3840000003004000000c83c58b6580", Fraction(4, 3), id="from the table"),
        pytest.param("6764001eacd940b4126ffc001c001440000003004000000c83c58b6580", Fraction(7, 5), id="written out"),
        pytest.param("6764001eacd940b4126ffc0190000440000003004000000c83c58b6580", Fraction(1), id="a mistake"),
    ],
)
def test_sample_aspect_ratio(sps: str, aspect_ratio: Fraction) -> None:
    """Of 720x576 pictures that libx264 wrote; the last was told another, and believed it."""
    parsed = parse_sps(bytes.fromhex(sps))
    assert (parsed.sample_aspect_ratio, parsed.frame_rate) == (aspect_ratio, Fraction(25))


def test_pixels_are_square_on_the_screen() -> None:
    configuration = AvcConfiguration((bytes.fromhex("6764001eacd940b4126c3840000003004000000c83c58b6580"),), (PPS,))
    track = video_track(configuration, track_id=1, frame_rate=Fraction(25))
    assert (track.width, track.height, track.display_width) == (720, 576, 960)


@pytest.mark.parametrize("length", range(len(HIGH_1080P60) - 7))
def test_sps_cut_short(length: int) -> None:
    with pytest.raises(CodecError):
        parse_sps(HIGH_1080P60[:length])


@given(st.binary(max_size=64))
def test_any_bytes_parse_or_raise_codec_error(body: bytes) -> None:
    try:
        sps = parse_sps(b"\x67" + body)
    except CodecError:
        return
    assert sps.width > 0
    assert sps.height > 0


def test_codec_string() -> None:
    assert codec_string(HIGH_1080P60) == "avc1.64002A"
    assert codec_string(BASELINE_360P25) == "avc1.42C01E"
    with pytest.raises(CodecError):
        codec_string(b"\x67\x64")


@pytest.mark.parametrize(
    ("configuration", "record"),
    [
        (
            AvcConfiguration(sps=(HIGH_1080P60,), pps=(PPS,)),
            f"0164002aff e1 001a{HIGH_1080P60.hex()} 01 0006{PPS.hex()} fdf8f800",
        ),
        (
            AvcConfiguration(sps=(BASELINE_360P25,), pps=(PPS, b"\x68\xce"), length_size=2),
            f"0142c01efd e1 0018{BASELINE_360P25.hex()} 02 0006{PPS.hex()} 000268ce",
        ),
        (
            AvcConfiguration(sps=(HIGH422_720P50,), pps=(PPS,)),
            f"017a0020ff e1 0019{HIGH422_720P50.hex()} 01 0006{PPS.hex()} fefafa00",
        ),
    ],
)
def test_configuration_record(configuration: AvcConfiguration, record: str) -> None:
    assert configuration.serialise() == bytes.fromhex(record)
    assert AvcConfiguration.parse(bytes.fromhex(record)) == configuration


@pytest.mark.parametrize(
    "record",
    [
        "",
        "0164002aff",
        f"0064002affe1001a{HIGH_1080P60.hex()}010006{PPS.hex()}",  # version 0
        f"0164002afee1001a{HIGH_1080P60.hex()}010006{PPS.hex()}",  # lengths of 3 bytes
        f"0164002affe0010006{PPS.hex()}",  # no SPS
        f"0164002affe1001a{HIGH_1080P60.hex()}00",  # no PPS
        f"0164002affe1001a{HIGH_1080P60.hex()}010007{PPS.hex()}",  # PPS longer than the record
        "0164002affe100000100026801",  # empty SPS
    ],
)
def test_malformed_configuration_record(record: str) -> None:
    with pytest.raises(CodecError):
        AvcConfiguration.parse(bytes.fromhex(record))


def test_configuration_from_extradata() -> None:
    extradata = b"\x00\x00\x00\x01" + HIGH_1080P60 + b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x01\x06\x05\x80"
    assert AvcConfiguration.from_annex_b(extradata) == AvcConfiguration(sps=(HIGH_1080P60,), pps=(PPS,))


def test_extradata_without_parameter_sets() -> None:
    with pytest.raises(CodecError, match="SPS"):
        AvcConfiguration.from_annex_b(b"\x00\x00\x01\x06\x05\x80")


def test_video_track_has_4_byte_lengths() -> None:
    source = AvcConfiguration(sps=(HIGH_1080P60,), pps=(PPS,), length_size=2)
    assert video_track(source, track_id=1, frame_rate=Fraction(60)) == VideoTrack(
        track_id=1,
        codec=Codec.H264,
        configuration=AvcConfiguration(sps=(HIGH_1080P60,), pps=(PPS,)).serialise(),
        width=1920,
        height=1080,
        codec_string="avc1.64002A",
        frame_rate=Fraction(60),
    )


def test_annex_b() -> None:
    data = bytes.fromhex("00000001 0910 000001 6588 84 00 00000001 4101")
    assert split_annex_b(data) == [b"\x09\x10", b"\x65\x88\x84", b"\x41\x01"]
    assert annex_b_to_length_prefixed(data) == bytes.fromhex("00000002 0910 00000003 658884 00000002 4101")


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00", b"\x65\x88\x00\x00\x01\x41"])
def test_annex_b_without_start_code(data: bytes) -> None:
    with pytest.raises(CodecError):
        split_annex_b(data)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("00000002 0910 00000003 060580 00000002 6588", True),
        ("00000002 4101 00000002 6588", False),  # slices of one picture are all IDR, or none is
        ("00000002 4201", False),
        ("00000002 0910", False),
        ("00000002 6742 00000002 68ce 00000001 65", True),
        ("000000ff 09", False),
        ("0000", False),
        ("", False),
    ],
)
def test_contains_idr(payload: str, expected: bool) -> None:
    assert contains_idr(bytes.fromhex(payload)) is expected
    assert contains_idr(memoryview(bytes.fromhex(payload))) is expected
