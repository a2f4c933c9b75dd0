"""One CMAF chunk (ISO/IEC 23000-19 §7.3.2.3): the bytes of a part. This is the hot path.

    prft                          wall clock of this chunk (ISO/IEC 14496-12 §8.16.5)
    emsg *                        event messages (`packager.event_message`)
    moof
    ├── mfhd                      sequence number
    └── traf
        ├── tfhd                  default-base-is-moof, default duration and flags
        ├── tfdt (version 1)      decode time of the first sample
        └── trun (version 1)      sizes; durations, flags, signed composition offsets only where needed
    mdat

The header is packed in one go: the box sizes follow from the number of samples and fields alone.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from packager.init_segment import CMAF_TRACK_ID

SYNC_SAMPLE_FLAGS = 0x02000000
"""sample_depends_on = 2: needs no other sample."""
NON_SYNC_SAMPLE_FLAGS = 0x01010000
"""sample_depends_on = 1 and sample_is_non_sync_sample."""

_DEFAULT_BASE_IS_MOOF = 0x020000
_TFHD_FLAGS = _DEFAULT_BASE_IS_MOOF | 0x08 | 0x20  # default duration, default flags
_DATA_OFFSET, _DURATION, _SIZE, _FLAGS, _COMPOSITION_OFFSET = 0x001, 0x100, 0x200, 0x400, 0x800
_PRFT_SIZE = 32
_FIXED_MOOF_SIZE = 8 + 16 + 8 + 24 + 20 + 20  # moof, mfhd, traf, tfhd, tfdt, trun without entries
_NTP_EPOCH_OFFSET_SECONDS = 2_208_988_800
"""From 1900 (NTP) to 1970 (Unix)."""
_PRFT_MOOF_FINALISED = 0x000002
"""The clock was read when the chunk was finished."""
_UINT32 = 0xFFFFFFFF


@dataclass(slots=True)
class Sample:
    """One access unit as the file will hold it; times in the track's timescale."""

    duration_ticks: int
    composition_offset_ticks: int
    is_sync: bool
    payload: bytes | memoryview


@lru_cache(maxsize=1024)
def _header_struct(entry_count: int) -> struct.Struct:
    """prft, moof and the head of mdat, with ``entry_count`` 32-bit words of sample entries."""
    prft = "I4sIIQQ"
    mfhd, traf, tfhd = "I4sII", "I4s", "I4sIIII"
    tfdt, trun = "I4sIQ", "I4sIII"
    return struct.Struct(f">{prft}I4s{mfhd}{traf}{tfhd}{tfdt}{trun}{entry_count}II4s")


def write_fragment(
    samples: Sequence[Sample],
    *,
    sequence_number: int,
    decode_time_ticks: int,
    default_duration_ticks: int,
    is_video: bool,
    wall_clock_seconds: float,
    messages: Sequence[bytes] = (),
) -> bytes:
    """The bytes of one chunk holding ``samples`` (at least one), starting at ``decode_time_ticks``.

    ``messages`` are event message boxes.
    """
    flags, entries = _entries(samples, default_duration_ticks, is_video=is_video)
    payload_size = sum([len(sample.payload) for sample in samples])
    entries_size = 4 * len(entries)
    moof_size = _FIXED_MOOF_SIZE + entries_size
    default_flags = NON_SYNC_SAMPLE_FLAGS if is_video else SYNC_SAMPLE_FLAGS
    ntp = int((wall_clock_seconds + _NTP_EPOCH_OFFSET_SECONDS) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
    # fmt: off
    header = _header_struct(len(entries)).pack(
        _PRFT_SIZE, b"prft", 1 << 24 | _PRFT_MOOF_FINALISED, CMAF_TRACK_ID, ntp, decode_time_ticks,
        moof_size, b"moof",
        16, b"mfhd", 0, sequence_number & _UINT32,
        moof_size - 24, b"traf",
        24, b"tfhd", _TFHD_FLAGS, CMAF_TRACK_ID, default_duration_ticks, default_flags,
        20, b"tfdt", 1 << 24, decode_time_ticks,
        20 + entries_size, b"trun", 1 << 24 | flags, len(samples), moof_size + 8,
        *entries,
        payload_size + 8, b"mdat",
    )
    # fmt: on
    payloads = [sample.payload for sample in samples]
    if messages:
        return b"".join([header[:_PRFT_SIZE], *messages, header[_PRFT_SIZE:], *payloads])
    return b"".join([header, *payloads])


def _entries(samples: Sequence[Sample], default_duration_ticks: int, *, is_video: bool) -> tuple[int, list[int]]:
    """trun's flags and its sample entries flattened: only the fields that differ from the defaults are written."""
    flags = _DATA_OFFSET | _SIZE
    if is_video:
        flags |= _FLAGS
    for sample in samples:
        if sample.duration_ticks != default_duration_ticks:
            flags |= _DURATION
        if sample.composition_offset_ticks:
            flags |= _COMPOSITION_OFFSET
    entries: list[int] = []
    for sample in samples:
        if flags & _DURATION:
            entries.append(sample.duration_ticks)
        entries.append(len(sample.payload))
        if flags & _FLAGS:
            entries.append(SYNC_SAMPLE_FLAGS if sample.is_sync else NON_SYNC_SAMPLE_FLAGS)
        if flags & _COMPOSITION_OFFSET:
            entries.append(sample.composition_offset_ticks & _UINT32)
    return flags, entries
