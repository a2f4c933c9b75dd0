"""A publisher's media messages on their way to its publication: FLV tag bodies are read here."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.elementary import AudioTag, MediaKind, VideoTag
from ingest.flv.tags import TagReader
from ingest.publisher_media import PublisherMedia, media_error
from ingest.rtmp.events import MediaReceived
from pinkmedia.errors import CodecError
from pinkmedia.publishing import Publication


class RtmpMedia:
    """Takes messages until its publication ends. ``now`` is monotonic seconds."""

    def __init__(self, publication: Publication) -> None:
        self._media = PublisherMedia(publication)
        self._tags = TagReader()

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        self._media.set_metadata(properties)

    def receive(self, event: MediaReceived, now: float) -> None:
        """One message. Raises MediaError."""
        self._media.count(len(event.body), event.timestamp_ms, now)
        try:
            for tag in self._read(event):
                self._media.receive(tag, event.timestamp_ms, now)
        except CodecError as error:
            raise media_error(error) from error

    def end(self, reason: str, *, is_clean: bool, now: float) -> None:
        """No more media. Called again, it does nothing."""
        self._media.end(reason, is_clean=is_clean, now=now)

    def _read(self, event: MediaReceived) -> list[VideoTag] | list[AudioTag]:
        if event.kind is MediaKind.VIDEO:
            return self._tags.read_video(event.body)
        return self._tags.read_audio(event.body)
