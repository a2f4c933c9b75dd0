"""A low-latency HLS player without a screen: it follows playlists as RFC 8216bis asks of clients."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

REQUEST_SECONDS = 10.0
"""hls.js gives up after this, too."""


@dataclass(frozen=True)
class Variant:
    """One line of the multivariant playlist."""

    uri: str
    attributes: dict[str, str]

    @property
    def name(self) -> str:
        return self.uri.split("/")[-2]


@dataclass
class ListedSegment:
    """A segment as a media playlist lists it."""

    msn: int
    has_discontinuity: bool = False
    is_gap: bool = False
    duration_seconds: float | None = None
    """None while it is in the making."""
    uri: str | None = None
    map_uri: str | None = None
    part_uris: list[str] = field(default_factory=list)
    part_seconds: list[float] = field(default_factory=list)


@dataclass
class MediaPlaylist:
    """What a media playlist says."""

    text: str
    segments: list[ListedSegment]
    part_target_seconds: float
    target_duration_seconds: int
    is_ended: bool

    @property
    def next_part(self) -> tuple[int, int]:
        """The part a player asks for next: it does not know where a segment ends before that is listed."""
        last = self.segments[-1]
        return (last.msn + 1, 0) if last.duration_seconds is not None else (last.msn, len(last.part_uris))


def attributes(text: str) -> dict[str, str]:
    """An attribute list (§4.2), quotes removed."""
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', text)}


def parse_multivariant(text: str) -> tuple[list[Variant], list[dict[str, str]]]:
    """The variants, and the attributes of the EXT-X-MEDIA tags.

    Where there are pictures, a variant without one is passed over, as hls.js does.
    """
    lines = text.splitlines()
    variants = [
        Variant(lines[number + 1], attributes(line))
        for number, line in enumerate(lines)
        if line.startswith("#EXT-X-STREAM-INF:")
    ]
    pictures = [variant for variant in variants if "RESOLUTION" in variant.attributes]
    return pictures or variants, [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]


def parse_media(text: str) -> MediaPlaylist:
    """A media playlist; the open segment at its end is listed without a duration."""
    values = dict(line[1:].split(":", 1) for line in text.splitlines() if line.startswith("#EXT-X-") and ":" in line)
    segments: list[ListedSegment] = []
    current, map_uri = ListedSegment(int(values["EXT-X-MEDIA-SEQUENCE"])), None
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        match tag:
            case "#EXT-X-DISCONTINUITY":
                current.has_discontinuity = True
            case "#EXT-X-GAP":
                current.is_gap = True
            case "#EXT-X-MAP":
                map_uri = attributes(value)["URI"]
            case "#EXT-X-PART":
                current.part_uris.append(attributes(value)["URI"])
                current.part_seconds.append(float(attributes(value)["DURATION"]))
            case "#EXTINF":
                current.duration_seconds = float(value.rstrip(","))
            case _ if line and not line.startswith("#"):
                current.uri, current.map_uri = line, map_uri
                segments.append(current)
                current = ListedSegment(current.msn + 1)
    if current.part_uris:
        current.map_uri = map_uri
        segments.append(current)
    return MediaPlaylist(
        text,
        segments,
        float(attributes(values["EXT-X-PART-INF"])["PART-TARGET"]),
        int(values["EXT-X-TARGETDURATION"]),
        is_ended="#EXT-X-ENDLIST" in text,
    )


class Player:
    """Reads one stream."""

    def __init__(self, playback_url: str, *, verify: ssl.SSLContext | bool = True) -> None:
        """``verify`` says whose certificates are good."""
        self.playback_url = playback_url
        self.client = httpx.AsyncClient(timeout=REQUEST_SECONDS, verify=verify)

    async def close(self) -> None:
        await self.client.aclose()

    async def multivariant(self) -> tuple[list[Variant], list[dict[str, str]]]:
        return parse_multivariant(await self.text(self.playback_url))

    async def media(self, uri: str, after: MediaPlaylist | None = None) -> MediaPlaylist:
        """The media playlist of a rendition (its URI as the multivariant playlist gives it).

        With ``after``, the next version: a blocking reload for the part that comes next.
        """
        url = urljoin(self.playback_url, uri)
        if after is not None:
            msn, part = after.next_part
            url += f"?_HLS_msn={msn}&_HLS_part={part}"
        return parse_media(await self.text(url))

    async def text(self, url: str) -> str:
        response = await self.client.get(url)
        response.raise_for_status()
        return response.text

    async def bytes(self, playlist_uri: str, uri: str) -> bytes:
        """A resource that a media playlist names."""
        response = await self.client.get(urljoin(urljoin(self.playback_url, playlist_uri), uri))
        response.raise_for_status()
        return response.content
