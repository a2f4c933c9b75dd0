"""One segment of a rendition: its parts while memory holds them, and what playlists say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pinkmedia.media import Part


@dataclass(slots=True)
class Segment:
    """A segment in the making, or finished. Only the packager changes it, and only by adding."""

    msn: int
    start_seconds: float
    """Presentation time of its first sample."""
    init_uri: str
    has_discontinuity: bool
    parts: list[Part] = field(default_factory=list)
    duration_seconds: float = 0.0
    size_bytes: int = 0
    is_complete: bool = False
    is_gap: bool = False
    """Nothing was made for this time; it is listed so that numbers stay aligned (EXT-X-GAP)."""
    stored_at: Path | None = None
    """Where its bytes are when memory has let go of them."""
    listing: str = ""
    """Its own lines in a playlist, once they change no more (`packager.playlist`)."""

    @property
    def uri(self) -> str:
        return f"seg-{self.msn}.m4s"

    def part_uri(self, index: int) -> str:
        return f"part-{self.msn}.{index}.m4s"

    def add(self, part: Part) -> None:
        self.parts.append(part)
        self.duration_seconds += part.duration_seconds
        self.size_bytes += len(part.data)

    @property
    def is_listed(self) -> bool:
        """There is something to list: it has begun."""
        return bool(self.parts) or self.is_gap or self.stored_at is not None

    @property
    def chunks(self) -> tuple[bytes, ...]:
        """Its bytes, part by part: nothing is copied for a reader."""
        return tuple(part.data for part in self.parts)
