"""What the node and an origin process tell each other.

    node                               origin process
     │ ◄──────────────────────── Hello      it is loaded
     │ Configure ───────────────────►       once
     │ PrivacyChanged, Presentation… ►      all there is now, and then what happens:
     │ Serve ───────────────────────►       what is there now was told; it accepts viewers
     │ ◄────────────────────── Serving
     │ PresentationOpened ──────────►       a new one, with a number
     │ operations on it ────────────►       in their order (`packager.operations`)
     │ PresentationForgotten ───────►
     │ ◄─────────────────────── Report      every second: what it has done; and that it lives
     │ ◄──────────────────────── Asked      a player wants this rendition
     │ Stop ────────────────────────►       answers in flight are finished; it ends

    frame     = length, kind, body                                     (`pinkmedia.processes.frames`)
    message   = record                                                 kind 0 (`pinkmedia.processes.records`)
    operation = number of the presentation (4), record                 kind 1
    part      = the same, size of the record (2), record, media        kind 2: media is copied by the kernel alone

The secrets that playback is signed with go this way, because command lines can be read by everybody.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias, cast

from packager.layout import Layout
from packager.operations import OPERATIONS, Operation, PartPublished
from pinkmedia.media import Part
from pinkmedia.media_urls import MediaUrls
from pinkmedia.processes.frames import WireError, frame_header
from pinkmedia.processes.records import Vocabulary

REPORT_SECONDS = 1.0
"""Between two reports, and between two words that the same rendition is asked for."""
MAX_REPORT_BYTES = 64 * 1024
"""Of a frame from an origin process: a hundred times what a report has."""

KIND_MESSAGE = 0
KIND_OPERATION = 1
KIND_PART = 2

_NUMBER = struct.Struct("!I")
_PART = struct.Struct("!IH")


@dataclass(frozen=True, slots=True)
class Hello:
    """The process is loaded."""


@dataclass(frozen=True, slots=True)
class Configure:
    """What it must know beside the streams."""

    node_socket: str
    """Path of the Unix socket where the node answers everything else."""
    media_urls: MediaUrls
    secrets: tuple[bytes, ...]
    """That sign playback; none: nothing is signed."""
    connections_per_address: int
    requests_per_address: int
    trusted_proxies: tuple[str, ...]
    """Networks."""
    log_level: str
    log_format: str


@dataclass(frozen=True, slots=True)
class PrivacyChanged:
    """Who may watch a stream."""

    stream_name: str
    is_private: bool


@dataclass(frozen=True, slots=True)
class PresentationOpened:
    """A new one, of which nothing is there."""

    number: int
    """By which operations call it; never used again."""
    stream_name: str
    epoch: str
    layout: Layout
    expected: frozenset[str]
    is_archived: bool


@dataclass(frozen=True, slots=True)
class PresentationForgotten:
    """It is not served any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Serve:
    """Viewers may be let in."""


@dataclass(frozen=True, slots=True)
class Serving:
    """They are."""


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How many requests of a class were answered since the last report."""

    kind: str
    """One of `web.origin.ANSWER_KINDS`."""
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the process has done in the last second, and has to do."""

    answers: tuple[AnswerCount, ...]
    connections: int
    """Open now."""
    waiting: int
    """Requests that wait for media."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A player wants this rendition."""

    number: int
    rendition_name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The node stops."""


Frame: TypeAlias = tuple[bytes, ...]
"""In pieces, to be sent one after another."""
Message: TypeAlias = (
    Hello
    | Configure
    | PrivacyChanged
    | PresentationOpened
    | PresentationForgotten
    | Serve
    | Serving
    | Report
    | Asked
    | Stop
)


@dataclass(frozen=True, slots=True)
class _PartHead:
    """A part without its media."""

    rendition_name: str
    uri: str
    duration_seconds: float
    is_independent: bool
    last_received_at: float
    published_at: float


_MESSAGES = Vocabulary(
    *(Hello, Configure, PrivacyChanged, PresentationOpened, PresentationForgotten),
    *(Serve, Serving, Report, Asked, Stop),
)
_OPERATIONS = Vocabulary(*OPERATIONS, _PartHead)


def encode_message(message: Message) -> Frame:
    """A frame, in pieces. Raises WireError when it is too large, as the other encoders do."""
    body = _MESSAGES.encode(message)
    return (frame_header(KIND_MESSAGE, len(body)), body)


def encode_operation(number: int, operation: Operation) -> Frame:
    """A frame, in pieces, for an operation on the presentation of this number."""
    if isinstance(operation, PartPublished):
        return _encode_part(number, operation)
    body = _NUMBER.pack(number) + _OPERATIONS.encode(operation)
    return (frame_header(KIND_OPERATION, len(body)), body)


def _encode_part(number: int, published: PartPublished) -> Frame:
    part = published.part
    head = _OPERATIONS.encode(
        _PartHead(
            published.rendition_name,
            part.uri,
            part.duration_seconds,
            part.is_independent,
            part.last_received_at,
            part.published_at,
        )
    )
    start = _PART.pack(number, len(head)) + head
    return (frame_header(KIND_PART, len(start) + len(part.data)) + start, part.data)


def parse_message(kind: int, body: bytes) -> Message:
    """The message of a frame. Raises WireError."""
    if kind != KIND_MESSAGE:
        raise WireError(f"frame of unexpected kind {kind}")
    return cast(Message, _MESSAGES.decode(body))


def parse_operation(kind: int, body: bytes) -> tuple[int, Operation]:
    """The presentation's number, and what happens to it. Raises WireError."""
    try:
        if kind == KIND_PART:
            return _parse_part(body)
        (number,) = _NUMBER.unpack_from(body)
    except struct.error:
        raise WireError("operation ends within its header") from None
    return number, cast(Operation, _OPERATIONS.decode(body[_NUMBER.size :]))


def _parse_part(body: bytes) -> tuple[int, Operation]:
    number, head_bytes = _PART.unpack_from(body)
    end = _PART.size + head_bytes
    head = cast(_PartHead, _OPERATIONS.decode(body[_PART.size : end]))
    part = Part(
        uri=head.uri,
        data=body[end:],
        duration_seconds=head.duration_seconds,
        is_independent=head.is_independent,
        last_received_at=head.last_received_at,
        published_at=head.published_at,
    )
    return number, PartPublished(head.rendition_name, part)
