"""What ingest needs to know of a codec, whichever it is.

A stream's header (sequence header, configuration record, or a first frame where the codec has no header) becomes a
format. The format describes the track and reads the frames that follow. Formats are frozen dataclasses: two that are
equal describe the same stream, so a header that is only repeated changes nothing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Protocol

from pinkmedia.media import AudioTrack, VideoTrack


class AccessUnit(NamedTuple):
    """One coded picture as `Packet` carries it."""

    payload: bytes | memoryview
    is_sync: bool


class VideoFormat(Protocol):
    """How the pictures of a stream are coded."""

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames per second as the header declares them; None when it does not."""

    def track(self, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
        """The track whose packets `access_unit` makes."""

    def access_unit(self, data: memoryview) -> AccessUnit | None:
        """A coded picture as the publisher sent it; None when nothing of it is left. Raises CodecError."""


class AudioFormat(Protocol):
    """How the sound of a stream is coded."""

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        """The track whose packets are the frames as they come."""

    def sample_count(self, data: bytes | memoryview) -> int:
        """Samples per channel that a frame decodes to, at the track's sample rate. Raises CodecError."""
