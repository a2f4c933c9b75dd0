"""FLV tag bodies to tracks and packets: every codec's headers and frames, and time as it should not be.

An input is a sequence of tags: a byte whose lowest bit tells video from audio and whose others are the tenths of a
second that pass before it, two bytes of timestamp distance in signed milliseconds, two bytes of length, the body.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.elementary import MediaKind
from ingest.errors import MediaError
from ingest.rtmp.events import MediaReceived
from ingest.rtmp.media import RtmpMedia
from tests.fuzz.targets.checked_publication import CheckedPublication

HEADER_BYTES = 5


def run(data: bytes) -> None:
    media = RtmpMedia(CheckedPublication())
    now = timestamp_ms = 0.0
    try:
        for kind, elapsed_seconds, distance_ms, body in tags(data):
            now += elapsed_seconds
            timestamp_ms += distance_ms
            if body:
                media.receive(MediaReceived(kind, int(timestamp_ms) & 0xFFFFFFFF, body), now)
    except MediaError:
        pass
    media.end("left", is_clean=False, now=now)


def tags(data: bytes) -> Iterator[tuple[MediaKind, float, int, bytes]]:
    """Kind, seconds since the one before, milliseconds of its timestamp since the one before, and body."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        distance_ms = int.from_bytes(data[at + 1 : at + 3], signed=True)
        byte_count = int.from_bytes(data[at + 3 : at + HEADER_BYTES])
        body = data[at + HEADER_BYTES : at + HEADER_BYTES + byte_count]
        yield (MediaKind.VIDEO if data[at] & 1 else MediaKind.AUDIO), (data[at] >> 1) / 10, distance_ms, body
        at += HEADER_BYTES + byte_count


def tag(kind: MediaKind, elapsed_seconds: float, distance_ms: int, body: bytes) -> bytes:
    """The other way round, for the corpus."""
    first = round(elapsed_seconds * 10) << 1 | (kind is MediaKind.VIDEO)
    return bytes((first,)) + distance_ms.to_bytes(2, signed=True) + len(body).to_bytes(2) + body
