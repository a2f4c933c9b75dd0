"""What ends an RTMP connection.

IngestError
└── RtmpError            the peer broke a rule of the protocol, or a limit of ours
    ├── HandshakeError   it does not speak RTMP, or not this kind
    │   └── TlsError     TLS that cannot be had, or where there is none
    ├── ChunkError       chunks that cannot be put together
    ├── AmfError         a command or metadata that cannot be decoded
    ├── CommandError     commands in an order that makes no publisher
    │   └── PlayRefused  somebody tries to watch
    ├── StreamKeyError   no usable key in what it publishes
    └── LimitExceeded    more of something than a publisher ever needs
"""

from __future__ import annotations

from ingest.errors import CloseReason, IngestError


class RtmpError(IngestError):
    """The peer does not keep to the protocol."""


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
