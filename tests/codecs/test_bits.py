"""Bits are read high bit first; Exp-Golomb codes are those of H.264's table 9-2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinkmedia.codecs.bits import BitReader, remove_emulation_prevention
from pinkmedia.errors import CodecError


def reader(pattern: str) -> BitReader:
    """A reader over bits written as text, padded with zeros to whole bytes."""
    bits = pattern.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return BitReader(bytes(int(bits[index : index + 8], 2) for index in range(0, len(bits), 8)))


def test_fields_cross_byte_boundaries() -> None:
    bits = BitReader(b"\xa5\x3c\xff")
    assert [bits.read(3), bits.read(8), bits.flag(), bits.read(12)] == [0b101, 0b00101001, True, 0b110011111111]
    assert bits.remaining_bits == 0


@pytest.mark.parametrize(
    ("pattern", "value"), [("1", 0), ("010", 1), ("011", 2), ("00100", 3), ("00111", 6), ("0001000", 7)]
)
def test_unsigned_golomb(pattern: str, value: int) -> None:
    assert reader(pattern).unsigned_golomb() == value


@pytest.mark.parametrize(
    ("pattern", "value"), [("1", 0), ("010", 1), ("011", -1), ("00100", 2), ("00101", -2), ("00110", 3)]
)
def test_signed_golomb(pattern: str, value: int) -> None:
    assert reader(pattern).signed_golomb() == value


def test_reading_past_the_end() -> None:
    with pytest.raises(CodecError, match="4 bits too early"):
        BitReader(b"\x00").read(12)


def test_endless_golomb_prefix() -> None:
    with pytest.raises(CodecError, match="longer"):
        BitReader(bytes(64)).unsigned_golomb()


@given(st.lists(st.integers(0, 2**32 - 2)))
def test_unsigned_golomb_round_trip(values: list[int]) -> None:
    pattern = "".join("0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}" for value in values)
    bits = reader(pattern)
    assert [bits.unsigned_golomb() for _ in values] == values


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [("000003", "0000"), ("00000300000301", "0000000001"), ("0000030003", "00000003"), ("000103", "000103")],
)
def test_emulation_prevention(escaped: str, plain: str) -> None:
    assert remove_emulation_prevention(bytes.fromhex(escaped)) == bytes.fromhex(plain)
