"""Dates as playlists and manifests have them."""

from __future__ import annotations

from datetime import UTC, datetime


def date_time(unix_seconds: float) -> str:
    """ISO 8601 in UTC, to the millisecond: what EXT-X-PROGRAM-DATE-TIME and xs:dateTime both are."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
