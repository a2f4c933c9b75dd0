"""Writes transport streams by hand, packet by packet, so that each rule can be broken on its own."""

from __future__ import annotations

from collections import Counter

PACKET_SIZE = 188
PAT_PID = 0
PMT_PID = 0x100
VIDEO_PID = 0x101
AUDIO_PID = 0x102

H264, AAC = 0x1B, 0x0F


def packet(
    pid: int,
    payload: bytes,
    continuity: int,
    *,
    is_start: bool = False,
    flags: int = 0,
    adaptation_flags: int = 0,
    has_payload: bool = True,
) -> bytes:
    """One packet; an adaptation field fills what the payload leaves. ``flags`` go into the third header byte's ends:
    bit 23 transport_error_indicator, bits 7 and 6 transport_scrambling_control."""
    room = PACKET_SIZE - 4
    needs_adaptation = adaptation_flags or len(payload) < room or not has_payload
    adaptation = b""
    if needs_adaptation:
        size = room - len(payload) - 1
        adaptation = bytes([size]) + (bytes([adaptation_flags]) + b"\xff" * (size - 1) if size else b"")
    header = 0x47 << 24 | is_start << 22 | pid << 8 | bool(adaptation) << 5 | has_payload << 4 | continuity & 15 | flags
    written = header.to_bytes(4) + adaptation + payload
    assert len(written) == PACKET_SIZE
    return written


class TsWriter:
    """Counts each PID's packets."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def next_continuity(self, pid: int) -> int:
        self._counts[pid] += 1
        return self._counts[pid] - 1 & 15

    def packets(self, pid: int, unit: bytes, *, first_size: int = 184) -> list[bytes]:
        """A unit from its start, over as many packets as it takes; the first carries at most ``first_size`` bytes."""
        parts = [unit[:first_size]]
        parts += [unit[start : start + 184] for start in range(first_size, len(unit), 184)]
        return [packet(pid, part, self.next_continuity(pid), is_start=index == 0) for index, part in enumerate(parts)]

    def sections(self, pid: int, *sections: bytes) -> list[bytes]:
        """Sections one behind the other in as few packets as they need."""
        unit = b"\x00" + b"".join(sections)
        return self.packets(pid, unit + b"\xff" * (-len(unit) % 184))

    def tables(self, *streams: bytes) -> bytes:
        """PAT and PMT of program 1."""
        return b"".join(self.sections(PAT_PID, pat({1: PMT_PID})) + self.sections(PMT_PID, pmt(1, *streams)))


def crc32(data: bytes) -> int:
    """As annex A draws it: one bit after the other."""
    register = 0xFFFFFFFF
    for byte in data:
        for shift in range(7, -1, -1):
            feedback = register >> 31 ^ byte >> shift & 1
            register = register << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if feedback else 0)
    return register


def section(table_id: int, body: bytes, *, syntax: int = 0xB000) -> bytes:
    """A section with its CRC."""
    head = bytes([table_id]) + (syntax | len(body) + 4).to_bytes(2) + body
    return head + crc32(head).to_bytes(4)


def table(
    table_id: int,
    extension: int,
    body: bytes,
    *,
    version: int = 0,
    number: int = 0,
    last: int = 0,
    current: bool = True,
) -> bytes:
    """A section of a table."""
    return section(table_id, extension.to_bytes(2) + bytes([0xC0 | version << 1 | current, number, last]) + body)


def pat(programs: dict[int, int], *, version: int = 0, number: int = 0, last: int = 0, current: bool = True) -> bytes:
    """A PAT: PMT PIDs by program number."""
    body = b"".join(program.to_bytes(2) + (0xE000 | pid).to_bytes(2) for program, pid in programs.items())
    return table(0, 1, body, version=version, number=number, last=last, current=current)


def entry(stream_type: int, pid: int, descriptors: bytes = b"") -> bytes:
    """A PMT's entry for an elementary stream."""
    return bytes([stream_type]) + (0xE000 | pid).to_bytes(2) + (0xF000 | len(descriptors)).to_bytes(2) + descriptors


def pmt(program: int, *streams: bytes, version: int = 0, descriptors: bytes = b"", current: bool = True) -> bytes:
    """A PMT."""
    body = b"\xe1\x01" + (0xF000 | len(descriptors)).to_bytes(2) + descriptors + b"".join(streams)
    return table(2, program, body, version=version, current=current)


def time(prefix: int, ticks: int) -> bytes:
    """A time in 5 bytes (§2.4.3.7)."""
    high, middle, low = ticks >> 30 & 7, ticks >> 15 & 0x7FFF, ticks & 0x7FFF
    return bytes([prefix << 4 | high << 1 | 1]) + (middle << 1 | 1).to_bytes(2) + (low << 1 | 1).to_bytes(2)


def pes(
    payload: bytes,
    *,
    pts: int | None = None,
    dts: int | None = None,
    stream_id: int = 0xE0,
    is_bounded: bool = False,
    stuffing: int = 0,
) -> bytes:
    """A PES packet."""
    fields = b""
    if pts is not None:
        fields = time(2, pts) if dts is None else time(3, pts) + time(1, dts)
    flags = 0 if pts is None else 0x80 if dts is None else 0xC0
    fields += b"\xff" * stuffing
    body = bytes([0x80, flags, len(fields)]) + fields + payload
    return b"\x00\x00\x01" + bytes([stream_id]) + (len(body) if is_bounded else 0).to_bytes(2) + body
