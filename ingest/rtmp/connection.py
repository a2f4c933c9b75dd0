"""One publisher's socket: a relay between asyncio, TLS where there is some, PublisherSession and RtmpMedia.

    socket ─► (TLS) ─► session ─► events ─► media ─► publication
           ◄─ (TLS) ◄─ data_to_send      (all within one call: there is no queue, TCP holds back what we cannot take)

The connection ends in one place, `_end`: the publication is ended and the reason logged and counted, once. After that
the socket lingers half-closed, so that the publisher can read why before a reset takes it away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, cast

from structlog.typing import FilteringBoundLogger

from ingest.admission import Denied, Reception
from ingest.errors import CloseReason, MediaError
from ingest.key_attempts import Objection
from ingest.rtmp.errors import TlsError
from ingest.rtmp.events import Event, MediaReceived, MetadataReceived, PublishEnded, PublishRequested, SessionClosed
from ingest.rtmp.media import RtmpMedia
from ingest.rtmp.session import PublisherSession, State
from ingest.rtmp.tls import PortTls, TlsLayer, begin_tls
from pinkmedia.publishing import Publication, PublishRequest

LINGER_SECONDS = 1.0
"""After our last word, until the socket is reset: several round trips for the publisher to read it and close."""
MAX_SEND_BUFFER_BYTES = 64 * 1024
"""Answers that the peer has not taken yet; all of a publisher's life needs less than 4 KiB."""


class ConnectionOwner(Protocol):
    """What a connection needs of its server."""

    reception: Reception
    log: FilteringBoundLogger

    def connection_opened(self, connection: PublisherConnection) -> Objection | None:
        """Why the connection cannot stay, or None."""

    def media_received(self, byte_count: int) -> None: ...

    def connection_ended(self, reason: CloseReason) -> None: ...

    def connection_closed(self, connection: PublisherConnection) -> None: ...


class PublisherConnection(asyncio.Protocol):
    """Made by the server for each accepted socket."""

    def __init__(self, owner: ConnectionOwner, port_tls: PortTls | None = None) -> None:
        self._owner = owner
        self._port_tls = port_tls
        self._tls: TlsLayer | None = None
        self._has_received = False
        self._loop = asyncio.get_running_loop()
        self._session = PublisherSession(time.monotonic())
        self._media: RtmpMedia | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._admission: asyncio.Task[None] | None = None
        self._key = ""
        self._stream_name: str | None = None
        self._has_ended = False
        self._is_lingering = False
        self._read_at = 0.0
        """When the bytes in hand came: the media's ``received_at``."""
        self.peer_address = ""
        """IP address, known from ``connection_made`` on."""

    @property
    def is_tls(self) -> bool:
        return self._tls is not None

    def shut_down(self, reason: CloseReason, detail: str) -> None:
        """Tell the publisher and close. Safe to call more than once."""
        self._handle(self._session.shut_down(reason, detail))

    def send_elsewhere(self, tc_url: str, description: str) -> bool:
        """Ask the publisher to go on at another server; whether it knows how to."""
        is_asked = self._session.request_reconnect(description, tc_url)
        self._transmit()
        return is_asked

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have asyncio's methods but are no subclasses: they cannot be told apart by isinstance.
        self._transport = cast(asyncio.Transport, transport)
        self.peer_address = str((self._transport.get_extra_info("peername") or ("",))[0])
        self._transport.set_write_buffer_limits(high=MAX_SEND_BUFFER_BYTES)
        objection = self._owner.connection_opened(self)
        if objection is None:
            self._arm_timer()
        else:
            self._end(*objection)
            self._reset()

    def data_received(self, data: bytes) -> None:
        if self._has_ended:
            return
        self._read_at = time.monotonic()
        try:
            plaintext = self._decipher(data)
        except TlsError as error:
            self.shut_down(error.reason, str(error))
            return
        self._handle(self._session.receive_data(plaintext, self._read_at))
        if self._tls and self._tls.has_ended:
            self._peer_finished()

    def _decipher(self, data: bytes) -> bytes:
        """What the peer says; its first byte decides about TLS. Raises TlsError."""
        if not self._has_received:
            self._has_received = True
            self._tls = begin_tls(self._port_tls, data[0])
        return self._tls.receive_data(data) if self._tls else data

    def eof_received(self) -> None:
        self._peer_finished()

    def pause_writing(self) -> None:
        self._end(CloseReason.NOT_READING, f"more than {MAX_SEND_BUFFER_BYTES} bytes of answers not taken")
        self._reset()

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            self._end_lost(exc)
        finally:  # whatever fails above: the server counts on it
            self._cancel_timer()
            self._transport = None
            self._owner.connection_closed(self)

    def _end_lost(self, exc: Exception | None = None) -> None:
        if exc is not None and not isinstance(exc, OSError):
            self._end(CloseReason.INTERNAL_ERROR, type(exc).__name__)
        elif self._session.state is State.ENDED:
            self._end(CloseReason.PUBLISHER_LEFT, "unpublished")
        elif self._tls and not self._tls.has_spoken:
            self._end(CloseReason.TLS_FAILED, "the publisher left without a word; does it trust the certificate?")
        else:
            self._end(CloseReason.CONNECTION_LOST, f"while {self._session.state.name.lower()}")

    def _peer_finished(self) -> None:
        """Nothing more comes. asyncio closes our side, too, but might wait for ever for our last words to be taken."""
        self._end_lost()
        self._linger()

    # The session's events

    def _handle(self, events: Iterable[Event]) -> None:
        if self._has_ended:
            return
        for event in events:
            match event:
                case MediaReceived():
                    self._receive_media(event)
                case MetadataReceived() if self._media:
                    self._media.set_metadata(event.properties)
                case PublishRequested():
                    self._receive_request(event.key)
                case PublishEnded():
                    self._end_publication("unpublished", is_clean=True)
                case SessionClosed():
                    self._end(event.reason, event.detail)
        self._transmit()

    def _transmit(self) -> None:
        """Send what the session has to say, then close or re-arm the timer."""
        if self._transport is None or self._transport.is_closing():
            return
        self._write(self._session.data_to_send())
        if self._session.state is State.CLOSED:
            self._linger()
        else:
            self._arm_timer()

    def _write(self, plaintext: bytes) -> None:
        if self._tls:
            self._tls.send(plaintext)
        outgoing = self._tls.data_to_send() if self._tls else plaintext
        if outgoing and self._transport is not None:
            self._transport.write(outgoing)

    def _arm_timer(self) -> None:
        """Only a nearer deadline moves the timer; after each packet it is farther, and an early call does no harm."""
        deadline = self._session.get_timer()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        self._cancel_timer()
        self._timer_at = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - time.monotonic()), self._timer_fired)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timer_fired(self) -> None:
        self._timer = None
        self._handle(self._session.handle_timer(time.monotonic()))

    # Admission

    def _receive_request(self, key: str) -> None:
        self._key = key
        self._admission = self._loop.create_task(self._admit(key))

    async def _admit(self, key: str) -> None:
        request = PublishRequest("rtmps" if self.is_tls else "rtmp", key, self.peer_address, self._disconnect)
        try:
            publication = await self._owner.reception.admit(request)
        except Denied as denied:
            self._loop.call_later(denied.delay_seconds, self._deny, denied.objection)
        except Exception:
            self._owner.log.exception("admission_failed", peer=self.peer_address)
            self.shut_down(CloseReason.INTERNAL_ERROR, "the server failed; try again later")
        else:
            self._begin_publication(publication)

    def _begin_publication(self, publication: Publication) -> None:
        self._media, self._stream_name = RtmpMedia(publication), publication.stream_name
        if self._has_ended:  # it left while the door was deciding
            self._end_publication("connection lost", is_clean=False)
            return
        self._owner.log.info("publisher_admitted", stream=self._stream_name, peer=self.peer_address)
        self._session.accept_publish(time.monotonic())
        self._transmit()

    def _deny(self, objection: Objection) -> None:
        self._handle(self._session.deny_publish(objection.reason, objection.detail))

    def _disconnect(self, detail: str) -> None:
        self.shut_down(CloseReason.DISCONNECTED, detail)

    # Media

    def _receive_media(self, event: MediaReceived) -> None:
        if self._media is None:
            return
        self._owner.media_received(len(event.body))
        try:
            self._media.receive(event, self._read_at)
        except MediaError as error:
            self._owner.reception.note_rejection(self._key, error)
            self.shut_down(error.reason, str(error))

    def _end_publication(self, reason: str, *, is_clean: bool) -> None:
        media, self._media = self._media, None
        if media is None:
            return
        try:
            media.end(reason, is_clean=is_clean, now=self._read_at)
        except MediaError:  # what it held back to the last is of no use
            self._owner.log.info("last_media_not_delivered", stream=self._stream_name, peer=self.peer_address)
        except Exception:
            self._owner.log.exception("last_media_not_delivered", stream=self._stream_name, peer=self.peer_address)

    # The end

    def _end(self, reason: CloseReason, detail: str) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._end_publication(f"{reason}: {detail}", is_clean=False)
        self._owner.connection_ended(reason)
        self._owner.log.info(
            "publisher_closed", reason=reason.value, detail=detail, stream=self._stream_name, peer=self.peer_address
        )

    def _linger(self) -> None:
        """Close our half; what the publisher still sends is read and dropped, because unread it would reset."""
        if self._transport is None or self._transport.is_closing() or self._is_lingering:
            return
        self._is_lingering = True
        if self._tls:
            self._tls.close()
            self._write(b"")
        self._cancel_timer()
        self._timer = self._loop.call_later(LINGER_SECONDS, self._reset)
        with suppress(OSError):  # the peer has reset it meanwhile, which asyncio has yet to find out
            self._transport.write_eof()

    def _reset(self) -> None:
        if self._transport is not None:
            self._transport.abort()
