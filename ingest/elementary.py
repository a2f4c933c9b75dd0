"""Headers and frames of a publisher's tracks, as every demuxer hands them to `ingest.timeline`.

Each track of a kind has a number; 0 is what everybody plays. A track's frames come behind its header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from pinkmedia.codecs.formats import AudioFormat, VideoFormat
from pinkmedia.media import Colour, HdrMetadata


class MediaKind(StrEnum):
    """Sound or pictures. A string, because it is part of a key that is looked up for every frame."""

    AUDIO = "audio"
    VIDEO = "video"


class TrackKey(NamedTuple):
    """One of a publisher's tracks."""

    kind: MediaKind
    number: int
    """Among its kind, as the sender has it; 0 is what everybody plays."""

    @property
    def track_id(self) -> int:
        """Odd for video and even for audio, so that all differ; 1 and 2 are the tracks that everybody plays."""
        return 2 * self.number + (1 if self.kind is MediaKind.VIDEO else 2)


@dataclass(frozen=True, slots=True)
class TrackAnnounced:
    """A track is there, but what its header says is whole only with the first frame; or its pictures come, and no key
    frame was among them yet."""

    key: TrackKey


@dataclass(frozen=True, slots=True)
class ColourInfo:
    """What a sender says about its colours beside the stream; None where it says nothing."""

    colour: Colour | None
    hdr: HdrMetadata | None


@dataclass(frozen=True, slots=True)
class VideoSequenceHeader:
    """How the frames that follow on this track decode."""

    track_number: int
    format: VideoFormat


@dataclass(frozen=True, slots=True)
class VideoColour:
    """How this track's pictures are to be shown (HDR)."""

    track_number: int
    info: ColourInfo


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One coded picture."""

    track_number: int
    composition_ms: float
    """Presentation minus decode time; negative with some encoders; with nanoseconds where the sender adds them."""
    is_sync: bool
    """A decoder can start with it, whatever the sender calls it."""
    payload: bytes | memoryview = field(repr=False)
    """As `pinkmedia.media.Packet` has it."""


@dataclass(frozen=True, slots=True)
class AudioSequenceHeader:
    """How the frames that follow on this track decode."""

    track_number: int
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One coded frame of sound."""

    track_number: int
    sample_count: int
    """Samples per channel that it decodes to."""
    payload: bytes | memoryview = field(repr=False)


VideoTag: TypeAlias = TrackAnnounced | VideoSequenceHeader | VideoColour | VideoFrame
AudioTag: TypeAlias = TrackAnnounced | AudioSequenceHeader | AudioFrame
