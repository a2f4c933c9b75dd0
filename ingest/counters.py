"""What a protocol server counts; the metrics page reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class IngestCounters:
    """Since the start."""

    connections: int = 0
    """Accepted."""
    media_bytes: int = 0
    """As the publishers sent them, without what the protocol adds."""
    closed_by_reason: Counter[str] = field(default_factory=Counter)
    """Ended connections, by CloseReason."""

    def copy(self) -> IngestCounters:
        return IngestCounters(self.connections, self.media_bytes, self.closed_by_reason.copy())
