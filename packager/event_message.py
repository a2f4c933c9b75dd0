"""Timed metadata in front of a part: the event message box (ISO/IEC 23009-1 §5.10.3.3), as CMAF has it (§7.4.5)."""

from __future__ import annotations

import struct

from packager.boxes import full_box
from pinkmedia.media import VIDEO_TIMESCALE, TimedMetadata

_UNKNOWN_DURATION = 0xFFFFFFFF


def event_message(metadata: TimedMetadata, *, number: int) -> bytes:
    """An ``emsg`` box of version 1, with the presentation time on the track's timeline; ``number`` tells it apart."""
    times = struct.pack(">IQII", VIDEO_TIMESCALE, max(0, metadata.pts_ticks), _UNKNOWN_DURATION, number & 0xFFFFFFFF)
    value = b"\0"
    return full_box(b"emsg", 1, 0, times, metadata.scheme.encode() + b"\0", value, metadata.payload)
