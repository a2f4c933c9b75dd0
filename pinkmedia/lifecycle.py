"""What a broadcast is, from its first picture to its end: one table of states.

    OFFLINE ── pictures ──► LIVE ── publisher lost ──► INTERRUPTED
       │                    │  ▲                        │    │
       │                    │  └────── pictures ────────┘    │
       └────── over ────────┴─────────── over ───────────────┴──► ENDED

A broadcast that ends before anybody could see a picture has never been: it is told to nobody.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from types import MappingProxyType


class State(StrEnum):
    """Where a broadcast is in its life; of a stream without one it is ``offline``."""

    OFFLINE = "offline"
    LIVE = "live"
    INTERRUPTED = "interrupted"
    ENDED = "ended"


class Occurrence(Enum):
    """What can happen to a broadcast."""

    PICTURES = auto()
    """The first key frame of a publisher (or, without video, its first sound) is published."""
    PUBLISHER_LOST = auto()
    """Its connection is gone without a goodbye."""
    OVER = auto()
    """The publisher said goodbye, was waited for long enough, or may not go on."""


TRANSITIONS = MappingProxyType(
    {
        (State.OFFLINE, Occurrence.PICTURES): State.LIVE,
        (State.LIVE, Occurrence.PUBLISHER_LOST): State.INTERRUPTED,
        (State.INTERRUPTED, Occurrence.PICTURES): State.LIVE,
        (State.OFFLINE, Occurrence.OVER): State.ENDED,
        (State.LIVE, Occurrence.OVER): State.ENDED,
        (State.INTERRUPTED, Occurrence.OVER): State.ENDED,
    }
)
"""Everything else changes nothing."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A broadcast's state has changed, and somebody could see it."""

    stream_name: str
    broadcast_id: str
    before: State
    after: State
    at: datetime
    reason: str | None = None
    """Why it was interrupted or has ended, in a few words."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """By which it is known when it is told more than once."""


class Lifecycle:
    """One broadcast's state."""

    def __init__(self, stream_name: str, on_transition: Callable[[Transition], None]) -> None:
        self.broadcast_id = uuid.uuid4().hex
        self.state = State.OFFLINE
        self.started_at: datetime | None = None
        """When it was live first."""
        self._stream_name = stream_name
        self._on_transition = on_transition

    @property
    def has_been_live(self) -> bool:
        return self.started_at is not None

    def occur(self, occurrence: Occurrence, reason: str | None = None) -> bool:
        """Whether that has changed the state."""
        before, after = self.state, TRANSITIONS.get((self.state, occurrence))
        if after is None:
            return False
        self.state, now = after, datetime.now(UTC)
        if after is State.LIVE and self.started_at is None:
            self.started_at = now
        if self.has_been_live:
            self._on_transition(Transition(self._stream_name, self.broadcast_id, before, after, now, reason))
        return True
