"""What a PublisherSession tells its owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ingest.elementary import MediaKind
from ingest.errors import CloseReason
from ingest.rtmp.amf import AmfValue


@dataclass(frozen=True, slots=True)
class PublishRequested:
    """The peer asks to publish; answer with ``accept_publish`` or ``deny_publish``."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetadataReceived:
    """onMetaData: hints that the sender may get wrong; may come late, again, or not at all."""

    properties: dict[str, AmfValue]


@dataclass(frozen=True, slots=True)
class MediaReceived:
    """One audio or video message."""

    kind: MediaKind
    timestamp_ms: int
    """Milliseconds modulo 2^32."""
    body: bytes
    """An FLV tag body; never empty."""


@dataclass(frozen=True, slots=True)
class PublishEnded:
    """The publisher said goodbye."""


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """Send what ``data_to_send`` still has, then close the connection. The last event."""

    reason: CloseReason
    detail: str
    """One line for the log, without the key."""


Event: TypeAlias = PublishRequested | MetadataReceived | MediaReceived | PublishEnded | SessionClosed
