"""Where viewers find the media, if not at this server: a CDN's address, for all streams and for single ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class StreamMediaUrl(NamedTuple):
    """A stream with an address of its own."""

    stream_name: str
    url: str


@dataclass(frozen=True, slots=True)
class MediaUrls:
    """Addresses without a slash at their end; an empty one is this server's own."""

    default: str = ""
    own: tuple[StreamMediaUrl, ...] = ()

    def of(self, stream_name: str) -> str:
        """Below which this stream's media is."""
        return next((each.url for each in self.own if each.stream_name == stream_name), self.default)

    @property
    def all(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(url for url in (self.default, *(each.url for each in self.own)) if url))


HERE = MediaUrls()
"""Everything is at this server."""
