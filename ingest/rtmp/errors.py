"""What ends an RTMP connection.

PinkmediaError
└── RtmpError            the peer broke a rule of the protocol, or a limit of ours; carries the reason to log
    ├── HandshakeError   it does not speak RTMP, or not this kind
    │   └── TlsError     TLS that cannot be had, or where there is none
    ├── ChunkError       chunks that cannot be put together
    ├── AmfError         a command or metadata that cannot be decoded
    ├── CommandError     commands in an order that makes no publisher
    │   └── PlayRefused  somebody tries to watch
    ├── StreamKeyError   no usable key in what it publishes
    ├── LimitExceeded    more of something than a publisher ever needs
    └── MediaError       media that cannot be taken
        ├── BadMedia     tags that cannot be read, or time that makes no sense
        ├── UnservedCodec
        ├── TooManyTracks
        └── BitRateExceeded
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pinkmedia.errors import PinkmediaError


class CloseReason(StrEnum):
    """Why a connection ended; one of few, so that it can label a metric."""

    PUBLISHER_LEFT = "publisher_left"
    """It said goodbye."""
    CONNECTION_LOST = "connection_lost"
    """Its connection ended without one."""
    HANDSHAKE_FAILED = "handshake_failed"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    TLS_FAILED = "tls_failed"
    """TLS below RTMP was not established, was broken, or was tried on a port without it."""
    PUBLISH_TIMEOUT = "publish_timeout"
    """Connected, but did not ask to publish."""
    STALLED = "stalled"
    """Publishing, but no media came."""
    PROTOCOL_ERROR = "protocol_error"
    LIMIT_EXCEEDED = "limit_exceeded"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    NOT_READING = "not_reading"
    """It does not take what is sent to it."""
    BAD_KEY = "bad_key"
    ALREADY_PUBLISHING = "already_publishing"
    NOT_ALLOWED = "not_allowed"
    """The right key, but the stream is blocked."""
    BIT_RATE = "bit_rate"
    """More bits per second than the stream's tier allows."""
    TOO_MANY_TRACKS = "too_many_tracks"
    """More tracks than the stream's tier allows."""
    TOO_MANY_BAD_KEYS = "too_many_bad_keys"
    """Its address has presented too many wrong keys of late."""
    PLAY_REFUSED = "play_refused"
    UNSUPPORTED_CODEC = "unsupported_codec"
    BAD_MEDIA = "bad_media"
    DISCONNECTED = "disconnected"
    """This side ended it: the key was rotated, or an administrator."""
    SHUTTING_DOWN = "shutting_down"
    INTERNAL_ERROR = "internal_error"


class RtmpError(PinkmediaError):
    """The connection cannot go on."""

    reason: ClassVar[CloseReason] = CloseReason.PROTOCOL_ERROR


class HandshakeError(RtmpError):
    """The first bytes are not those of an RTMP publisher."""

    reason = CloseReason.HANDSHAKE_FAILED


class TlsError(HandshakeError):
    """TLS that cannot be had, or where there is none."""

    reason = CloseReason.TLS_FAILED


class ChunkError(RtmpError):
    """Chunks that break RTMP 1.0 §5.3 or §5.4."""


class AmfError(RtmpError):
    """Bytes that are not AMF0."""


class CommandError(RtmpError):
    """A command that cannot be carried out in the connection's state."""


class PlayRefused(CommandError):
    """Somebody tries to watch over RTMP."""

    reason = CloseReason.PLAY_REFUSED


class StreamKeyError(RtmpError):
    """The key is missing, or cannot be one. The text never repeats it."""

    reason = CloseReason.BAD_KEY


class LimitExceeded(RtmpError):
    """A named limit of this server."""

    reason = CloseReason.LIMIT_EXCEEDED


class MediaError(RtmpError):
    """Media that is not taken; the text tells the streamer what to change."""


class BadMedia(MediaError):
    """Tags that cannot be read, or time that makes no sense."""

    reason = CloseReason.BAD_MEDIA


class UnservedCodec(MediaError):
    """A codec that nobody could watch."""

    reason = CloseReason.UNSUPPORTED_CODEC


class TooManyTracks(MediaError):
    """More than the stream's tier allows."""

    reason = CloseReason.TOO_MANY_TRACKS


class BitRateExceeded(MediaError):
    """More than the stream's tier allows, or more than anybody sends."""

    reason = CloseReason.BIT_RATE
