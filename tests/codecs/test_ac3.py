"""AC-3 and E-AC-3 frames, against ETSI TS 102 366."""

from __future__ import annotations

import pytest

from pinkmedia.codecs.ac3 import Ac3Format, Eac3Format
from pinkmedia.errors import CodecError
from tests.codecs.bit_writer import BitWriter


def ac3_frame(*, rate_code: int = 0, size_code: int = 20, bsid: int = 8, acmod: int = 2, has_lfe: int = 0) -> bytes:
    bits = BitWriter().write(0x0B77, 16).write(0xBEEF, 16).write(rate_code, 2).write(size_code, 6)
    bits.write(bsid, 5).write(0, 3).write(acmod, 3)
    for _ in range((acmod in (3, 5, 7)) + (acmod >= 4) + (acmod == 2)):
        bits.write(0b01, 2)  # mix levels, surround mode
    return bits.write(has_lfe, 1).write(0x3F, 16).to_bytes()


def eac3_frame(
    *,
    stream_type: int = 0,
    substream: int = 0,
    size: int = 768,
    rate_code: int = 0,
    block_code: int = 3,
    acmod: int = 2,
    has_lfe: int = 0,
    bsid: int = 16,
) -> bytes:
    bits = BitWriter().write(0x0B77, 16).write(stream_type, 2).write(substream, 3).write(size // 2 - 1, 11)
    bits.write(rate_code, 2).write(block_code, 2).write(acmod, 3).write(has_lfe, 1).write(bsid, 5)
    return bits.to_bytes().ljust(size, b"\0")


@pytest.mark.parametrize(
    ("acmod", "has_lfe", "channels", "dac3"),
    [
        (0, 0, 2, "100140"),
        (1, 0, 1, "100940"),
        (2, 0, 2, "101140"),
        (3, 0, 3, "101940"),
        (5, 1, 5, "102d40"),
        (6, 0, 4, "103140"),
        (7, 1, 6, "103d40"),
    ],
)
def test_ac3(acmod: int, has_lfe: int, channels: int, dac3: str) -> None:
    source = Ac3Format.parse(ac3_frame(acmod=acmod, has_lfe=has_lfe))
    assert (source.configuration, source.channels, source.sample_rate) == (bytes.fromhex(dac3), channels, 48_000)
    assert source.sample_count(ac3_frame()) == 1536


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        ac3_frame()[:6],
        b"\x77\x0b" + ac3_frame()[2:],
        ac3_frame(rate_code=3),
        ac3_frame(size_code=38),
        ac3_frame(bsid=9),
    ],
)
def test_malformed_ac3(frame: bytes) -> None:
    with pytest.raises(CodecError):
        Ac3Format.parse(frame)


def test_eac3() -> None:
    source = Eac3Format.parse(eac3_frame(acmod=7, has_lfe=1, size=1792))
    assert source.configuration == bytes.fromhex("0e00200f00")
    assert (source.channels, source.sample_rate, source.samples_per_frame) == (6, 48_000, 1536)


def test_eac3_frames_of_fewer_blocks_make_up_one_packet() -> None:
    two_blocks = eac3_frame(size=256, block_code=1)
    source = Eac3Format.parse(3 * two_blocks)
    assert source.configuration == Eac3Format.parse(eac3_frame(size=768)).configuration
    assert source.samples_per_frame == 1536
    assert source.sample_count(two_blocks) == 512


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (b"", "too early"),
        (eac3_frame()[:-1], "cut short"),
        (7 * eac3_frame(size=16, block_code=0), "more than 6"),
        (eac3_frame(substream=1), "several substreams"),
        (eac3_frame() + eac3_frame(stream_type=1), "several substreams"),
        (eac3_frame(rate_code=3), "variant"),
        (eac3_frame(bsid=8), "variant"),
        (eac3_frame() + b"\x0b\x78" + bytes(20), "sync word"),
    ],
)
def test_malformed_eac3(packet: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        Eac3Format.parse(packet)
    with pytest.raises(CodecError, match=text):
        Eac3Format.parse(eac3_frame()).sample_count(packet)
