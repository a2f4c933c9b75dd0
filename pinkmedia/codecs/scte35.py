"""Splice information sections: where a broadcast is to be left and joined again (ANSI/SCTE 35 2023 §9).

Only what a player is told of is read: which event it is, when, for how long. What else a section says, players get in
the section itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from pinkmedia.codecs.bits import BitReader
from pinkmedia.errors import CodecError

SPLICE_INSERT = 0x05
TIME_SIGNAL = 0x06
SEGMENTATION_DESCRIPTOR = 0x02
CUE_IDENTIFIER = int.from_bytes(b"CUEI")
PTS_BITS = 33
TICKS_PER_SECOND = 90_000
TABLE_ID = 0xFC
_UNKNOWN_COMMAND_LENGTH = 0xFFF
"""Of sections made before 2013 (§9.6.1)."""


@dataclass(frozen=True, slots=True)
class Splice:
    """One event."""

    event_id: int | None
    """None where nothing names it."""
    is_out: bool | None
    """Whether the network is left, or joined again; None where the section does not say it in these words."""
    is_cancelled: bool = False
    """What was announced under this number will not be."""
    pts_ticks: int | None = None
    """When, modulo 2^33; None: now."""
    duration_seconds: float | None = None
    """What is planned."""


def parse_splice(section: bytes) -> Splice | None:
    """What a splice_info_section announces; None where that is nothing (a heartbeat, say). Raises CodecError."""
    reader = BitReader(section)
    if reader.read(8) != TABLE_ID:
        raise CodecError("no splice information section")
    reader.read(4 + 12 + 8)
    if reader.flag():
        raise CodecError("the splice information is encrypted")
    reader.read(6)
    adjustment_ticks = reader.read(PTS_BITS)
    reader.read(8 + 12)
    command_bytes, command = reader.read(12), reader.read(8)
    begin = reader.position
    if command == SPLICE_INSERT:
        return _insert(reader, adjustment_ticks)
    if command != TIME_SIGNAL:
        return None
    pts_ticks = _splice_time(reader, adjustment_ticks)
    unread_bits = begin + 8 * command_bytes - reader.position
    if command_bytes != _UNKNOWN_COMMAND_LENGTH:
        if unread_bits < 0:
            raise CodecError("the splice command is longer than it says")
        reader.read(unread_bits)
    return _signal(reader, pts_ticks)


def _insert(reader: BitReader, adjustment_ticks: int) -> Splice:
    """splice_insert() (§9.7.3)."""
    event_id = reader.read(32)
    if reader.flag():
        return Splice(event_id, None, is_cancelled=True)
    reader.read(7)
    is_out, is_whole_program, has_duration, is_immediate = (reader.flag() for _ in range(4))
    reader.read(4)
    pts_ticks = None
    if is_whole_program and not is_immediate:
        pts_ticks = _splice_time(reader, adjustment_ticks)
    if not is_whole_program:
        for _ in range(reader.read(8)):
            reader.read(8)
            pts_ticks = None if is_immediate else _splice_time(reader, adjustment_ticks)
    return Splice(
        event_id, is_out, pts_ticks=pts_ticks, duration_seconds=_break_seconds(reader) if has_duration else None
    )


def _break_seconds(reader: BitReader) -> float:
    """break_duration() (§9.8.2)."""
    reader.read(7)
    return reader.read(PTS_BITS) / TICKS_PER_SECOND


def _splice_time(reader: BitReader, adjustment_ticks: int) -> int | None:
    """splice_time() (§9.8.1)."""
    if not reader.flag():
        reader.read(7)
        return None
    reader.read(6)
    return (reader.read(PTS_BITS) + adjustment_ticks) % (1 << PTS_BITS)


def _signal(reader: BitReader, pts_ticks: int | None) -> Splice:
    """time_signal() with the first segmentation_descriptor() of its section, if it has one (§10.3.3)."""
    left_bytes = reader.read(16)
    while left_bytes >= 2:
        tag, size_bytes = reader.read(8), reader.read(8)
        descriptor = BitReader(reader.read_bytes(8 * size_bytes))
        left_bytes -= 2 + size_bytes
        if tag == SEGMENTATION_DESCRIPTOR and descriptor.read(32) == CUE_IDENTIFIER:
            return _segmentation(descriptor, pts_ticks)
    return Splice(None, None, pts_ticks=pts_ticks)


def _segmentation(reader: BitReader, pts_ticks: int | None) -> Splice:
    event_id = reader.read(32)
    if reader.flag():
        return Splice(event_id, None, is_cancelled=True)
    reader.read(7)
    is_whole_program, has_duration = reader.flag(), reader.flag()
    reader.read(6)
    if not is_whole_program:
        reader.read(reader.read(8) * (8 + 7 + PTS_BITS))
    duration_seconds = reader.read(40) / TICKS_PER_SECOND if has_duration else None
    return Splice(event_id, None, pts_ticks=pts_ticks, duration_seconds=duration_seconds)
