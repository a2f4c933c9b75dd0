"""The beginnings of real publishers' connections, byte for byte (``*.bin``), and what is in them (``*.txt``).

`record` makes both. The publishers are named by their file; all send small pictures and a tone with the key KEY.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from ingest.rtmp.events import Event, MediaReceived, MetadataReceived, PublishRequested
from ingest.rtmp.session import PublisherSession

FOLDER = Path(__file__).parent
KEY = "golden-key"
SHOWN_BYTES = 16
"""Of a tag body; a checksum stands for the rest."""


def recording(name: str) -> bytes:
    return (FOLDER / f"{name}.bin").read_bytes()


def description(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def request_end(data: bytes) -> int:
    """Bytes up to the end of the publish command: the publisher sends no more before it is answered."""
    session = PublisherSession(0.0)
    for index in range(len(data)):
        if any(isinstance(event, PublishRequested) for event in session.receive_data(data[index : index + 1], 0.0)):
            return index + 1
    raise ValueError("the recording has no publish command")


def replay(data: bytes, cuts: Sequence[int] = (), *, admitted_at: int) -> list[Event]:
    """The events of a connection whose bytes arrive in reads that end at ``cuts`` and where the answer is due."""
    session = PublisherSession(0.0)
    events = []
    for read in _reads(data, {*cuts, admitted_at}):
        for event in session.receive_data(read, 0.0):
            events.append(event)
            if isinstance(event, PublishRequested):
                session.accept_publish(0.0)
    return events


def _reads(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    return (data[start:end] for start, end in pairwise(sorted({0, *cuts, len(data)})))


def describe(events: Iterable[Event]) -> str:
    """A line for each event."""
    return "".join(f"{_line(event)}\n" for event in events)


def _line(event: Event) -> str:
    match event:
        case PublishRequested(key):
            return f"publish {key}"
        case MetadataReceived(properties):
            return f"metadata {json.dumps(properties)}"
        case MediaReceived(kind, timestamp_ms, body):
            shown = body[:SHOWN_BYTES].hex()
            return f"{kind.name.lower()} {timestamp_ms} ms, {len(body)} bytes, {shown}, crc32 {zlib.crc32(body):08x}"
    return str(event)
