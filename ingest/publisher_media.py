"""An admitted publisher's media on its way to its publication, whatever protocol brought it.

tags ─► timeline ─► publication        within one call: there is no queue; bit rate, tracks and changes are limited
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from ingest.bit_rate import BitRateLimit
from ingest.elementary import AudioTag, VideoTag
from ingest.errors import BadMedia, MediaError, TooManyTracks, UnservedCodec
from ingest.timeline import MediaTimeline, TimelineEvent, TracksReady
from pinkmedia.errors import CodecError, UnsupportedCodec
from pinkmedia.media import TimedMetadata, VideoTrack
from pinkmedia.publishing import Publication

MAX_TIMELINES_PER_MINUTE = 20
"""New timelines (jumps in time, changed settings) of one publisher: each may cost a worker process."""


class PublisherMedia:
    """Takes media until its publication ends. ``now`` is monotonic seconds."""

    def __init__(self, publication: Publication) -> None:
        self._publication: Publication | None = publication
        self._limits = publication.limits
        self._bit_rate = BitRateLimit(publication.limits.bit_rate_bps)
        self._timeline = MediaTimeline()
        self._began_at: deque[float] = deque(maxlen=MAX_TIMELINES_PER_MINUTE)

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        self._timeline.set_metadata(properties)

    def count(self, byte_count: int, timestamp_ms: int, now: float) -> None:
        """So much came, at this time of its own (milliseconds modulo 2^32). Raises BitRateExceeded."""
        self._bit_rate.count(byte_count, timestamp_ms, now)

    def receive(self, tag: VideoTag | AudioTag, timestamp_ms: int, now: float) -> None:
        """A header or a frame, and its decode time (milliseconds modulo 2^32). Raises MediaError, CodecError."""
        self._deliver(self._timeline.receive(tag, timestamp_ms, now), now)

    def receive_metadata(self, scheme: str, timestamp_ms: int, payload: bytes) -> None:
        """Timed metadata (`pinkmedia.media.TimedMetadata`); before the first packet it is of no use."""
        pts_ticks = self._timeline.video_ticks_at(timestamp_ms)
        if self._publication is not None and pts_ticks is not None:
            self._publication.write_metadata(TimedMetadata(scheme, pts_ticks, payload))

    def end(self, reason: str, *, is_clean: bool, now: float) -> None:
        """No more media; what was held back is delivered first. Called again, it does nothing."""
        publication = self._publication
        if publication is None:
            return
        try:
            self._deliver(self._timeline.flush(), now)
        finally:
            self._publication = None
            publication.end(reason, is_clean=is_clean)

    def _deliver(self, produced: Iterable[TimelineEvent], now: float) -> None:
        for item in produced:
            if self._publication is None:  # it disconnected us meanwhile
                return
            if isinstance(item, TracksReady):
                self._begin(self._publication, item, now)
            else:
                self._publication.write(item)

    def _begin(self, publication: Publication, ready: TracksReady, now: float) -> None:
        self._began_at.append(now)
        if len(self._began_at) == MAX_TIMELINES_PER_MINUTE and now - self._began_at[0] < 60:
            raise BadMedia("timestamps or settings change too often")
        video_count = sum(isinstance(track, VideoTrack) for track in ready.tracks)
        limits = self._limits
        if video_count > limits.video_tracks or len(ready.tracks) - video_count > limits.audio_tracks:
            raise TooManyTracks(
                f"this stream may have {limits.video_tracks} video and {limits.audio_tracks} audio tracks;"
                f" the encoder sends {video_count} and {len(ready.tracks) - video_count}"
            )
        publication.begin(ready.tracks)


def media_error(error: CodecError) -> MediaError:
    """What ends the publisher for an error of its demuxer or its timeline."""
    return UnservedCodec(str(error)) if isinstance(error, UnsupportedCodec) else BadMedia(str(error))
