"""What ends a publisher's connection, whatever protocol it speaks.

PinkmediaError
└── IngestError          carries the reason to log; each protocol has errors of its own below it
    └── MediaError       media that cannot be taken; the text tells the streamer what to change
        ├── BadMedia     bytes that cannot be read, or time that makes no sense
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
    """The right key, but the stream is blocked, or its publisher was kicked a moment ago."""
    UNAVAILABLE = "unavailable"
    """Keys cannot be looked up now."""
    BIT_RATE = "bit_rate"
    """More bits per second than the stream's tier allows."""
    TOO_MANY_TRACKS = "too_many_tracks"
    """More tracks than the stream's tier allows."""
    TOO_MANY_BAD_KEYS = "too_many_bad_keys"
    """Its address has presented too many wrong keys of late."""
    PLAY_REFUSED = "play_refused"
    ENCRYPTION = "encryption"
    """No passphrase or the wrong one, or one where there is none."""
    UNSUPPORTED_CODEC = "unsupported_codec"
    BAD_MEDIA = "bad_media"
    DISCONNECTED = "disconnected"
    """This side ended it: the key was rotated, or an administrator."""
    SHUTTING_DOWN = "shutting_down"
    INTERNAL_ERROR = "internal_error"


class IngestError(PinkmediaError):
    """The connection cannot go on."""

    reason: ClassVar[CloseReason] = CloseReason.PROTOCOL_ERROR


class MediaError(IngestError):
    """Media that is not taken; the text tells the streamer what to change."""


class BadMedia(MediaError):
    """Bytes that cannot be read, or time that makes no sense."""

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
