"""HEVC headers and access units, where FFmpeg's own streams do not reach."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from pinkmedia.codecs.hevc import HevcFormat, HevcNalType, hevc_codec_string, hevc_nal_type
from pinkmedia.codecs.hevc_sps import parse_hevc_sps
from pinkmedia.codecs.nal_units import length_prefixed, split_length_prefixed
from pinkmedia.errors import CodecError
from pinkmedia.media import Colour
from tests.codecs.bit_writer import BitWriter
from tests.codecs.published import X265, X265_OPEN_GOP, published, video_format

PROFILE_TIER_LEVEL = bytes.fromhex("01 60000000 b00000000000 5d")
VPS, PPS = b"\x40\x01\x0c", b"\x44\x01\xc1"
RASL_N, RASL_R = 8, 9


def sps(*, sub_layers: int = 1, with_tools: bool = False, with_vui: bool = False) -> bytes:
    """1920x1080 coded as 1920x1088. The tools are those whose syntax is hard to pass over."""
    bits = BitWriter()
    bits.write(0, 4).write(sub_layers - 1, 3).write(1, 1).write_bytes(PROFILE_TIER_LEVEL)
    if sub_layers > 1:
        bits.write(0b11, 2).write(0, 2 * (8 - 1))  # the first sub-layer has profile and level, the others nothing
        bits.write_bytes(bytes(12))
    bits.golombs(0, 1, 1920, 1088).write(1, 1).golombs(0, 0, 0, 4)  # id, 4:2:0, size, conformance window
    bits.golombs(0, 0, 4).write(1, 1)  # 8 bits; ordering information for each sub-layer
    bits.golombs(*(4, 2, 0) * sub_layers).golombs(0, 3, 0, 3, 0, 0)
    write_tools(bits) if with_tools else bits.write(0, 1).write(0b11, 2).write(0, 1).golombs(0).write(0, 1)
    bits.write(0b11, 2)  # temporal motion vectors, strong intra smoothing
    write_vui(bits) if with_vui else bits.write(0, 1)
    return b"\x42\x01" + bits.write(1, 1).emulation_prevented()


def write_tools(bits: BitWriter) -> None:
    bits.write(0b11, 2)  # scaling lists, written out
    for size_id, lists, coefficients in ((0, 6, 16), (1, 6, 64), (2, 6, 64), (3, 2, 64)):
        bits.write(0, 1).golombs(0)  # the first is the default one
        for _ in range(lists - 1):
            bits.write(1, 1).golombs(*([0] * (coefficients + (size_id > 1))))
    bits.write(0b11, 2)
    bits.write(1, 1).write(0x77, 8).golombs(0, 2).write(1, 1)  # PCM
    bits.golombs(3)
    bits.golombs(2, 1).golombs(0).write(1, 1).golombs(1).write(1, 1).golombs(3).write(1, 1)  # -1, -3, +4
    # The first set moved by -1: -2 and -4 are used, +3 is not even a reference, and -1 is added.
    bits.write(1, 1).write(1, 1).golombs(0).write(0b1_1_00_1, 5)
    # The second, of three, moved by +2: 0 (the picture itself) is no reference.
    bits.write(1, 1).write(0, 1).golombs(1).write(0b1_1_1_1, 4)
    bits.write(1, 1).golombs(1).write(0x1F, 8).write(1, 1)  # one long-term reference, order counts of 8 bits


def write_vui(bits: BitWriter) -> None:
    bits.write(1, 1).write(1, 1).write(255, 8).write(1, 16).write(1, 16)  # extended sample aspect ratio
    bits.write(0b11, 2)  # overscan
    bits.write(1, 1).write(5, 3).write(0, 1).write(1, 1).write(9, 8).write(16, 8).write(9, 8)
    bits.write(1, 1).golombs(2, 2)  # chroma location
    bits.write(0, 3).write(1, 1).golombs(0, 0, 0, 0)  # default display window
    bits.write(1, 1).write(1001, 32).write(60_000, 32)


def record(*arrays: tuple[int, list[bytes]], length_size: int = 4, version: int = 1) -> bytes:
    """An HEVCDecoderConfigurationRecord whose profile, chroma format and bit depths are not filled in."""
    head = bytes((version, *bytes(12), 0xF0, 0, 0xFC, 0xFC, 0xF8, 0xF8, 0, 0, 0x0C | length_size - 1, len(arrays)))
    return head + b"".join(
        bytes((kind,)) + len(units).to_bytes(2) + b"".join(len(unit).to_bytes(2) + unit for unit in units)
        for kind, units in arrays
    )


def arrays() -> list[tuple[int, list[bytes]]]:
    return [(HevcNalType.VPS, [VPS]), (HevcNalType.SPS, [sps()]), (HevcNalType.PPS, [PPS])]


@pytest.mark.parametrize("sub_layers", [1, 3])
@pytest.mark.parametrize("with_tools", [False, True])
def test_sps(sub_layers: int, with_tools: bool) -> None:
    parsed = parse_hevc_sps(sps(sub_layers=sub_layers, with_tools=with_tools, with_vui=True))
    assert parsed.profile_tier_level == PROFILE_TIER_LEVEL
    assert (parsed.width, parsed.height, parsed.chroma_format_idc) == (1920, 1080, 1)
    assert (parsed.bit_depth_luma, parsed.bit_depth_chroma) == (8, 8)
    assert parsed.colour == Colour(9, 16, 9, False)
    assert parsed.frame_rate == Fraction(60_000, 1001)


def test_sps_without_vui() -> None:
    parsed = parse_hevc_sps(sps())
    assert (parsed.colour, parsed.frame_rate) == (None, None)


@pytest.mark.parametrize(
    ("profile_tier_level", "expected"),
    [
        ("01 60000000 b00000000000 5d", "hvc1.1.6.L93.B0"),
        ("22 20000000 900000000000 99", "hvc1.2.4.H153.90"),
        ("44 08000000 9d0800000000 1e", "hvc1.A4.10.L30.9D.8"),
        ("01 60000000 000000000000 5d", "hvc1.1.6.L93"),
    ],
)
def test_codec_string(profile_tier_level: str, expected: str) -> None:
    assert hevc_codec_string(bytes.fromhex(profile_tier_level)) == expected


def test_record_is_filled_in_from_the_sps() -> None:
    source = HevcFormat.parse(record(*arrays(), length_size=2))
    head = b"\x01" + PROFILE_TIER_LEVEL + bytes.fromhex("f000 fc fd f8 f8 0000 0f 03")
    complete = [(0x80 | kind, units) for kind, units in arrays()]
    assert source.configuration == head + record(*complete)[23:]
    assert source.length_size == 2


@pytest.mark.parametrize(
    ("malformed", "text"),
    [
        (record(*arrays(), version=0), "version 0"),
        (record(*arrays(), length_size=3), "3 bytes"),
        (record(*arrays()[:2]), "no PPS"),
        (record(), "no VPS and no SPS and no PPS"),
        (record(*arrays()[1:]), "no VPS"),
        (record(*arrays(), (HevcNalType.VPS, [b""])), "empty"),
        (record(*arrays())[:-1], "cut short"),
    ],
)
def test_malformed_record(malformed: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        HevcFormat.parse(malformed)


@pytest.mark.parametrize(
    ("kind", "is_sync"),
    [(0, False), (1, False), (8, False), (15, False), (22, False), (32, False)]
    + [(kind, True) for kind in range(16, 22)],
)
def test_pictures_that_random_access_can_begin_with_are_sync_samples(kind: int, is_sync: bool) -> None:
    unit = video_format(X265).access_unit(memoryview(length_prefixed([b"\x46\x01\x50", bytes((kind << 1, 1, 0xAA))])))
    assert unit is not None
    assert unit.is_sync is is_sync


def test_open_gop_key_frame_is_a_sync_sample_though_undecodable_pictures_follow() -> None:
    kinds: list[int] = []
    source = video_format(X265_OPEN_GOP)
    for frame in published(X265_OPEN_GOP).frames:
        unit = source.access_unit(memoryview(frame))
        assert unit is not None
        units = split_length_prefixed(memoryview(unit.payload), 4)
        assert units
        if unit.is_sync or kinds:
            kinds.append(hevc_nal_type(units[-1]))
    cra = kinds.index(HevcNalType.CRA)
    assert {RASL_N, RASL_R} & set(kinds[cra + 1 : cra + 3])


def test_access_unit_is_a_view_without_copy() -> None:
    frame = memoryview(published(X265).frames[1])
    unit = video_format(X265).access_unit(frame)
    assert unit is not None
    assert isinstance(unit.payload, memoryview)
    assert unit.payload.obj is frame.obj


def test_short_lengths_start_codes_and_filler() -> None:
    source = replace(HevcFormat.parse(record(*arrays())), length_size=2)
    slice_unit, filler = b"\x26\x01\xaf", b"\x4c\x01\xff\x80"
    expected = length_prefixed([slice_unit])
    for data in (
        b"\x00\x03" + slice_unit + b"\x00\x04" + filler,
        b"\x00\x00\x00\x01" + slice_unit + b"\x00\x00\x01" + filler,
    ):
        assert source.access_unit(memoryview(data)) == (expected, True)
    assert source.access_unit(memoryview(b"\x00\x04" + filler)) is None
    with pytest.raises(CodecError, match="add up"):
        source.access_unit(memoryview(b"\x00\x09\x26"))
