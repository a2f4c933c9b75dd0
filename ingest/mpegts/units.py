"""What passes between the layers of the demuxer.

188-byte packets ─► PesPacket per elementary stream ─► TimedTag: headers and frames with their decode time
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.elementary import AudioTag, VideoTag

TICKS_PER_MS = 90
"""Of PTS and DTS (ISO/IEC 13818-1 §2.4.2.1)."""


@dataclass(frozen=True, slots=True)
class PesPacket:
    """One PES packet of an elementary stream, put together."""

    pts_ticks: int | None
    """Presentation time at 90 kHz, its 33-bit wrap undone; None when the packet carries no time."""
    dts_ticks: int | None
    """Decode time on the same axis; the presentation time where the packet has only that."""
    is_damaged: bool
    """Packets of it are missing: nothing in it can be trusted."""
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TimedTag:
    """A header or a frame, as `ingest.timeline.MediaTimeline.receive` takes it."""

    tag: VideoTag | AudioTag
    timestamp_ms: float
    """Decode time on an axis without a wrap."""


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """A section or a packet that is no picture and no sound: SCTE-35 (a splice information section) or ID3."""

    kind: str
    """``scte35`` or ``id3``."""
    timestamp_ms: float
    """Of the ID3 tag; of SCTE-35 that of the splice, or the newest video decode time when the section came."""
    payload: bytes = field(repr=False)
