"""An independent reader of CMAF chunks, for the tests."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Fragment:
    """What a part's boxes say."""

    sequence_number: int
    decode_time_ticks: int
    durations_ticks: list[int]
    flags: list[int]
    composition_offsets_ticks: list[int]
    payloads: list[bytes]

    @property
    def presentation_times_ticks(self) -> list[int]:
        times, ticks = [], self.decode_time_ticks
        for duration, offset in zip(self.durations_ticks, self.composition_offsets_ticks, strict=True):
            times.append(ticks + offset)
            ticks += duration
        return times


def boxes(data: bytes) -> dict[bytes, bytes]:
    """Bodies of the boxes side by side in ``data``, by type; the sizes must add up."""
    found, at = {}, 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= len(data) - at, f"{kind!r} has an impossible size"
        found[kind] = data[at + 8 : at + size]
        at += size
    return found


def parse_fragment(data: bytes) -> Fragment:
    top = boxes(data)
    moof = boxes(top[b"moof"])
    traf = boxes(moof[b"traf"])
    _, sequence_number = struct.unpack(">II", moof[b"mfhd"])
    tfhd_flags, _, default_duration, default_flags = struct.unpack(">IIII", traf[b"tfhd"])
    assert tfhd_flags == 0x020028
    (decode_time_ticks,) = struct.unpack(">Q", traf[b"tfdt"][4:])
    durations, sizes, flags, offsets = [], [], [], []
    version_and_flags, count, data_offset = struct.unpack_from(">IIi", traf[b"trun"])
    at = 12
    for _ in range(count):
        values = {0x100: default_duration, 0x200: 0, 0x400: default_flags, 0x800: 0}
        for bit in values:
            if version_and_flags & bit:
                (values[bit],) = struct.unpack_from(">i" if bit == 0x800 else ">I", traf[b"trun"], at)
                at += 4
        durations.append(values[0x100])
        sizes.append(values[0x200])
        flags.append(values[0x400])
        offsets.append(values[0x800])
    assert at == len(traf[b"trun"])
    moof_at = data.index(b"moof") - 4
    payloads, at = [], moof_at + data_offset
    for size in sizes:
        payloads.append(data[at : at + size])
        at += size
    assert at == len(data), "the samples fill the mdat"
    return Fragment(sequence_number, decode_time_ticks, durations, flags, offsets, payloads)
