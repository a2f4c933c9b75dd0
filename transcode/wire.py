"""What is in the frames between the node and a worker process: sans-I/O, the same in both directions.

    frame   = length, kind (0: control, 1: media), body                              (`pinkmedia.processes.frames`)
    control = UTF-8 JSON object: {"type": ..., its fields}                            (`transcode.messages`)
    media   = track id (4), flags (1, bit 0: sync), dts (8), pts (8), duration (4), received at (8, float), payload

All numbers are big-endian; times are ticks of 1/90 000 s, or an audio track's samples. Header and payload of media are
written separately, so that a payload is never copied on its way into the socket.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, TypeAlias

from pinkmedia.media import Packet
from pinkmedia.processes.frames import FrameReader, WireError, frame_header

THUMBNAIL_TRACK_ID = 0
"""Of a packet that is no access unit but still pictures (`transcode.stills`); rungs count from 1."""
SOUND_TRACK_ID = 1000
"""Of a worker's packets of the first audio rendition; the others count on. No ladder has as many rungs."""

_MEDIA = struct.Struct("!IBqqId")
_KIND_CONTROL = 0
_KIND_MEDIA = 1
_FLAG_SYNC = 1

Fields: TypeAlias = dict[str, Any]
"""A control message as JSON sees it."""


def encode_control(fields: Fields) -> bytes:
    """One control message, framed. Raises WireError when it is too large."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    return frame_header(_KIND_CONTROL, len(body)) + body


def encode_media(packet: Packet) -> tuple[bytes, bytes | memoryview]:
    """One packet as the bytes to send before its payload, and its payload. Raises WireError when it is too large."""
    flags = _FLAG_SYNC if packet.is_sync else 0
    try:
        media = _MEDIA.pack(
            packet.track_id, flags, packet.dts_ticks, packet.pts_ticks, packet.duration_ticks, packet.received_at
        )
    except struct.error as error:
        raise WireError(f"packet cannot be framed: {error}") from None
    return frame_header(_KIND_MEDIA, len(media) + len(packet.payload)) + media, packet.payload


class WireReader:
    """Bytes in, messages out, however the bytes are cut."""

    def __init__(self) -> None:
        self._frames = FrameReader()

    def feed(self, data: bytes) -> Iterator[Fields | Packet]:
        """The messages that are complete now, in order. Consume it whole before feeding more.

        Raises WireError at the first bytes that are no frame, or a frame that is no message.
        """
        for kind, body in self._frames.feed(data):
            yield parse_frame(kind, body)


def parse_frame(kind: int, body: bytes) -> Fields | Packet:
    """The message in a frame. Raises WireError."""
    if kind == _KIND_CONTROL:
        return _parse_control(body)
    if kind == _KIND_MEDIA:
        return _parse_media(body)
    raise WireError(f"frame of unknown kind {kind}")


def _parse_control(body: bytes) -> Fields:
    try:
        fields = json.loads(body)
    except ValueError:
        raise WireError("control message is not JSON") from None
    if not isinstance(fields, dict):
        raise WireError("control message is not an object")
    return fields


def _parse_media(body: bytes) -> Packet:
    if len(body) < _MEDIA.size:
        raise WireError("media message ends within its header")
    track_id, flags, dts_ticks, pts_ticks, duration_ticks, received_at = _MEDIA.unpack_from(body)
    return Packet(
        track_id=track_id,
        dts_ticks=dts_ticks,
        pts_ticks=pts_ticks,
        duration_ticks=duration_ticks,
        is_sync=bool(flags & _FLAG_SYNC),
        payload=memoryview(body)[_MEDIA.size :],
        received_at=received_at,
    )
