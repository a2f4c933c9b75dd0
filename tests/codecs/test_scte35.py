"""Splice information sections. The first two are the specification's own examples (ANSI/SCTE 35 2023 §14)."""

from __future__ import annotations

import base64

import pytest

from pinkmedia.codecs.scte35 import Splice, parse_splice
from pinkmedia.errors import CodecError

PLACEMENT = base64.b64decode("/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==")
BREAK = base64.b64decode("/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=")


def section(command: int, body: str, *, adjustment_ticks: int = 0, command_bytes: int | None = None) -> bytes:
    """With a command in hexadecimal digits, and no descriptors."""
    data = bytes.fromhex(body)
    size_bytes = len(data) if command_bytes is None else command_bytes
    head = b"\xfc\x30\x00\x00" + adjustment_ticks.to_bytes(5) + b"\x00" + (0xFFF << 12 | size_bytes).to_bytes(3)
    return head + bytes([command]) + data + b"\x00\x00" + b"CRC."


def test_a_break_with_its_time_and_duration() -> None:
    splice = Splice(0x4800008F, is_out=True, pts_ticks=0x07369C02E, duration_seconds=0x00052CCF5 / 90_000)
    assert parse_splice(BREAK) == splice


def test_a_signal_with_a_segmentation_descriptor() -> None:
    assert parse_splice(PLACEMENT) == Splice(0x4800008E, None, pts_ticks=0x072BD0050, duration_seconds=307.0)


def test_the_end_of_a_break_at_once() -> None:
    assert parse_splice(section(5, "00000007 7f 5f 0001 00 00")) == Splice(7, is_out=False)


def test_a_break_that_is_called_off() -> None:
    assert parse_splice(section(5, "00000007 ff")) == Splice(7, None, is_cancelled=True)


def test_each_component_has_a_time() -> None:
    body = "00000007 7f 8f 02 01 fe00000bb8 02 fe00000bb9 0001 00 00"
    assert parse_splice(section(5, body)) == Splice(7, is_out=True, pts_ticks=3001)


def test_multiplexers_move_all_times_by_the_adjustment() -> None:
    splice = parse_splice(section(6, "fe 00000bb8", adjustment_ticks=(1 << 33) - 1000))
    assert splice == Splice(None, None, pts_ticks=2000)


def test_a_signal_of_unknown_length_and_without_a_time() -> None:
    assert parse_splice(section(6, "7f", command_bytes=0xFFF)) == Splice(None, None)


def test_a_heartbeat_is_no_event() -> None:
    assert parse_splice(section(0, "")) is None


@pytest.mark.parametrize("size", range(len(BREAK) - 20))
def test_cut_sections(size: int) -> None:
    with pytest.raises(CodecError):
        parse_splice(BREAK[:size])


@pytest.mark.parametrize("damaged", [b"\xfd" + BREAK[1:], BREAK[:4] + b"\x80" + BREAK[5:]])
def test_what_is_no_splice_or_is_encrypted(damaged: bytes) -> None:
    with pytest.raises(CodecError):
        parse_splice(damaged)


def test_a_command_longer_than_its_section() -> None:
    with pytest.raises(CodecError):
        parse_splice(section(6, "7f", command_bytes=500))


def test_a_command_shorter_than_what_it_says() -> None:
    with pytest.raises(CodecError):
        parse_splice(section(6, "fe00000bb8", command_bytes=1))
