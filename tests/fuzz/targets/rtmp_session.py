"""A publisher's whole connection: bytes into the session, its events to the media path.

The first byte of an input is how far a good publisher gets before it (0–2, modulo 3), the second the length of the
reads that the rest comes in (0: all at once).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.errors import MediaError
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.chunks import MAX_PARTIAL_BYTES
from ingest.rtmp.events import Event, MediaReceived, MetadataReceived, PublishEnded, PublishRequested, SessionClosed
from ingest.rtmp.media import RtmpMedia
from ingest.rtmp.session import MAX_UNADMITTED_BYTES, PublisherSession, State
from tests.fuzz.targets.checked_publication import CheckedPublication
from tests.ingest.rtmp.peer import HELLO, command, connect

_BEGINNINGS = (
    (),
    (HELLO,),
    (HELLO, connect(), command("createStream", 2, None), command("publish", 3, None, "KEY", stream_id=1)),
)
_UNADMITTED = State.CONNECTING, State.CONNECTED, State.REQUESTED


def run(data: bytes) -> None:
    publisher = _Publisher()
    step, read_bytes, rest = data[:1], data[1:2], data[2:]
    for beginning in _BEGINNINGS[ord(step) % len(_BEGINNINGS) if step else 0]:
        publisher.send(beginning)
    for read in _reads(rest, ord(read_bytes) if read_bytes else 0):
        publisher.send(read)
    publisher.leave()


def _reads(data: bytes, length: int) -> Iterator[bytes]:
    step = length or max(1, len(data))
    return (data[start : start + step] for start in range(0, len(data), step))


class _Publisher:
    """The connection and what `ingest.rtmp.connection` does with its events."""

    def __init__(self) -> None:
        self._session = PublisherSession(0.0)
        self._media: RtmpMedia | None = None

    def send(self, data: bytes) -> None:
        was_closed = self._session.state is State.CLOSED
        events = self._session.receive_data(data, 0.0)
        assert not (was_closed and events)
        for event in events:
            self._handle(event)
        assert not any(isinstance(event, SessionClosed) for event in events[:-1])
        self._check_bounds()
        self._session.data_to_send()

    def leave(self) -> None:
        if self._media is not None:
            self._media.end("left", is_clean=False, now=0.0)

    def _handle(self, event: Event) -> None:
        match event:
            case PublishRequested():
                self._session.accept_publish(0.0)
                self._media = RtmpMedia(CheckedPublication())
            case MetadataReceived(properties):
                self._set_metadata(properties)
            case MediaReceived():
                self._receive_media(event)
            case PublishEnded():
                self.leave()

    def _set_metadata(self, properties: dict[str, AmfValue]) -> None:
        assert self._media is not None
        self._media.set_metadata(properties)

    def _receive_media(self, event: MediaReceived) -> None:
        assert self._media is not None
        try:
            self._media.receive(event, 0.0)
        except MediaError:
            self.leave()

    def _check_bounds(self) -> None:
        reader = self._session._reader
        held = sum(len(stream.partial) for stream in reader._streams.values())
        assert held <= MAX_PARTIAL_BYTES
        assert self._session.state not in _UNADMITTED or held <= MAX_UNADMITTED_BYTES
