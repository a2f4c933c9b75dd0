"""What ingest needs of the rest: a door that admits publishers, and a publication that takes their media.

Protocol servers depend only on these two protocols; the stream registry implements them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pinkmedia.media import Packet, TimedMetadata, Track


class Refusal(StrEnum):
    """Why a publisher is not admitted; each protocol maps it to its own code."""

    BAD_KEY = "bad_key"
    ALREADY_PUBLISHING = "already_publishing"
    NOT_ALLOWED = "not_allowed"
    """The key is right, but the stream may not go live now: it was blocked, or its publisher kicked."""
    UNAVAILABLE = "unavailable"
    """Keys cannot be looked up: the database is away."""
    SHUTTING_DOWN = "shutting_down"


class PublishRefused(Exception):
    """The door stays shut."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """What the stream's tier lets a publisher send; more ends its connection with a text that says so."""

    bit_rate_bps: int
    """Of all media together, as a mean over some seconds."""
    video_tracks: int
    """Renditions that the publisher may encode itself."""
    audio_tracks: int


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """A publisher asks to be let in."""

    protocol: str
    """``rtmp``, ``rtmps`` or ``srt``."""
    key: str
    """The stream key as presented. Never log it."""
    peer_address: str
    disconnect: Callable[[str], None]
    """Tells the publisher why and closes its connection; safe to call more than once, from the event loop."""


class Publication(Protocol):
    """An admitted publisher's media goes here. Every call returns at once and runs in the event loop."""

    stream_name: str
    limits: PublishLimits

    def begin(self, tracks: Sequence[Track]) -> None:
        """The source's tracks, before any packet: video first, and of each kind the default track first.

        Called again when they change: packets that follow belong to the new tracks, on a timeline of its own.
        """

    def write(self, packet: Packet) -> None:
        """One access unit, in decode order within its track, on the source's own timeline (any origin)."""

    def write_metadata(self, metadata: TimedMetadata) -> None:
        """Between the packets, on their timeline."""

    def end(self, reason: str, *, is_clean: bool) -> None:
        """No more media. ``is_clean``: the publisher said goodbye; otherwise its connection was lost. Called once."""


class Door(Protocol):
    """Decides who may publish."""

    async def admit(self, request: PublishRequest) -> Publication:
        """The publication for this key.

        Raises PublishRefused.
        """

    async def passphrase(self, request: PublishRequest) -> str | None:
        """What its SRT publishers encrypt with; None where the stream has no passphrase of its own.

        Raises PublishRefused.
        """
