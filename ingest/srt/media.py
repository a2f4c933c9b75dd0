"""An SRT publisher's payloads on their way to its publication: MPEG-TS is read here."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.mpegts import es_table
from ingest.mpegts.demuxer import TsDemuxer
from ingest.mpegts.units import TimedEvent, TimedTag
from ingest.publisher_media import PublisherMedia, media_error
from pinkmedia.errors import CodecError
from pinkmedia.media import ID3_SCHEME, SCTE35_SCHEME
from pinkmedia.publishing import Publication

METADATA_SCHEMES = {"scte35": SCTE35_SCHEME, "id3": ID3_SCHEME}
"""By kind of event."""

_TIMESTAMP_MASK = 0xFFFFFFFF


class SrtMedia:
    """Takes payloads until its publication ends. ``now`` is monotonic seconds."""

    def __init__(self, publication: Publication) -> None:
        self.demuxer = TsDemuxer(es_table)
        self.last_frame_at: float | None = None
        """When something came that can be played."""
        self._media = PublisherMedia(publication)
        self._timestamp_ms = 0

    def receive(self, payloads: Iterable[bytes | None], now: float) -> None:
        """What came in order; None stands where something is lost. Raises MediaError."""
        try:
            for payload in payloads:
                if payload is None:
                    self.demuxer.note_loss()
                else:
                    self._receive(payload, now)
        except CodecError as error:
            raise media_error(error) from error

    def end(self, reason: str, *, is_clean: bool, now: float) -> None:
        """No more media. Called again, it does nothing."""
        try:
            if is_clean:
                self._deliver(self.demuxer.flush(), now)
        except CodecError:  # the last frame is of no use
            pass
        finally:
            self._media.end(reason, is_clean=is_clean, now=now)

    def _receive(self, payload: bytes, now: float) -> None:
        self._media.count(len(payload), self._timestamp_ms, now)
        self._deliver(self.demuxer.receive_data(payload), now)

    def _deliver(self, tags: Iterable[TimedTag | TimedEvent], now: float) -> None:
        for timed in tags:
            if isinstance(timed, TimedTag):
                # Whole milliseconds, as RTMP has them: the timeline puts back what rounding takes.
                self._timestamp_ms = round(timed.timestamp_ms) & _TIMESTAMP_MASK
                self.last_frame_at = now
                self._media.receive(timed.tag, self._timestamp_ms, now)
            else:
                event_ms = round(timed.timestamp_ms) & _TIMESTAMP_MASK
                self._media.receive_metadata(METADATA_SCHEMES[timed.kind], event_ms, timed.payload)
