"""An event: something happened to a stream that a site may want to know."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pinkmedia.lifecycle import State, Transition


class EventType(StrEnum):
    """Their names, as sites get them."""

    LIVE = "stream.live"
    INTERRUPTED = "stream.interrupted"
    RESUMED = "stream.resumed"
    ENDED = "stream.ended"
    UPDATED = "stream.updated"
    HEALTH = "stream.health"


_TYPES = {
    (State.OFFLINE, State.LIVE): EventType.LIVE,
    (State.LIVE, State.INTERRUPTED): EventType.INTERRUPTED,
    (State.INTERRUPTED, State.LIVE): EventType.RESUMED,
    (State.LIVE, State.ENDED): EventType.ENDED,
    (State.INTERRUPTED, State.ENDED): EventType.ENDED,
}


@dataclass(frozen=True, slots=True)
class Event:
    """What is told."""

    type: EventType
    stream_name: str
    at: datetime
    broadcast_id: str | None
    data: dict[str, Any]
    """What the type adds; JSON."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """By which a receiver knows one that it has had already."""

    def body(self, sequence: int) -> str:
        """As JSON. ``sequence`` counts a stream's events: receivers can tell their order."""
        fields = {
            "id": self.id,
            "type": self.type,
            "timestamp": self.at.isoformat(),
            "data": {
                "stream": self.stream_name,
                "broadcast_id": self.broadcast_id,
                "sequence": sequence,
                **self.data,
            },
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def event_of(transition: Transition) -> Event:
    """How a broadcast's new state is told."""
    data = {} if transition.reason is None else {"reason": transition.reason}
    kind = _TYPES[transition.before, transition.after]
    return Event(kind, transition.stream_name, transition.at, transition.broadcast_id, data, transition.id)
