"""A transport stream to tracks and packets: all of an SRT publisher's path behind its receiver.

An input is a sequence of payloads: a byte that is 0 where something was lost before it, two bytes of length, and the
payload.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.errors import MediaError
from ingest.srt.media import SrtMedia
from tests.fuzz.targets.checked_publication import CheckedPublication

HEADER_BYTES = 3


def run(data: bytes) -> None:
    media = SrtMedia(CheckedPublication())
    try:
        media.receive(payloads(data), 0.0)
        media.end("left", is_clean=True, now=0.0)
    except MediaError:
        media.end("cut off", is_clean=False, now=0.0)


def payloads(data: bytes) -> Iterator[bytes | None]:
    at = 0
    while at + HEADER_BYTES <= len(data):
        byte_count = int.from_bytes(data[at + 1 : at + HEADER_BYTES])
        if not data[at]:
            yield None
        yield data[at + HEADER_BYTES : at + HEADER_BYTES + byte_count]
        at += HEADER_BYTES + byte_count
