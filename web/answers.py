"""The origin's answers: status, headers and a body that is at hand."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope, Send

GZIP_LEVEL = 5
"""Higher levels gain nothing on a few kilobytes."""

Header = tuple[bytes, bytes]

NO_CACHE: Header = (b"cache-control", b"no-cache")
_IMMUTABLE: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_BRIEFLY: Header = (b"cache-control", b"public, max-age=1")
_CORS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Age, Content-Length, Content-Range, Date"),
    (b"timing-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"Range"),
    (b"access-control-max-age", b"86400"),
)
_PLAYLIST_TYPE: Header = (b"content-type", b"application/vnd.apple.mpegurl")
_VIDEO_TYPE: Header = (b"content-type", b"video/mp4")
_TEXT_TRACK_TYPE: Header = (b"content-type", b"text/vtt; charset=utf-8")
_PICTURE_TYPE: Header = (b"content-type", b"image/jpeg")
_AUDIO_TYPE: Header = (b"content-type", b"audio/mp4")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: tuple[Header, ...]
    chunks: tuple[bytes, ...] = ()
    """The body; each is sent when the one before it has been taken, so that a slow reader holds nothing up."""

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Sends it; a HEAD request gets the headers alone."""
        # RFC 9110 §8.6: an answer without content has no length either.
        length = () if self.status == 204 else ((b"content-length", b"%d" % sum(map(len, self.chunks))),)
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [*self.headers, *length, *_CORS],
        }
        await send(start)
        *first, last = self.chunks if has_body and self.chunks else (b"",)
        for chunk in first:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": last})


def problem(status: int, text: str) -> Answer:
    """An error, in one line for a person."""
    return Answer(status, ((b"content-type", b"text/plain; charset=utf-8"), _BRIEFLY), (text.encode(),))


NOT_FOUND = problem(404, "There is nothing at this address (any more).\n")
METHOD_NOT_ALLOWED = problem(405, "Only GET, HEAD and OPTIONS are answered here.\n")
PREFLIGHT = Answer(204, _PREFLIGHT)


def playlist(body: bytes, cache: Header, *, is_gzipped: bool) -> Answer:
    encoding = ((b"content-encoding", b"gzip"),) if is_gzipped else ()
    return Answer(200, (_PLAYLIST_TYPE, cache, (b"vary", b"Accept-Encoding"), *encoding), (body,))


def text_track(text: str) -> Answer:
    """WebVTT that changes every few seconds."""
    return Answer(200, (_TEXT_TRACK_TYPE, _BRIEFLY), (text.encode(),))


def picture(jpeg: bytes) -> Answer:
    return Answer(200, (_PICTURE_TYPE, _IMMUTABLE), (jpeg,))


def media(*chunks: bytes, is_video: bool) -> Answer:
    """An init segment, segment or part; without bytes, that there is none."""
    if not chunks:
        return NOT_FOUND
    return Answer(200, (_VIDEO_TYPE if is_video else _AUDIO_TYPE, _IMMUTABLE), chunks)


def cached_seconds(seconds: int) -> Header:
    return (b"cache-control", b"public, max-age=%d" % seconds)


def accepts_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def gzip(data: bytes) -> bytes:
    """RFC 1952, without a time stamp so that equal playlists are equal bytes."""
    deflater = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return deflater.compress(data) + deflater.flush()


def start(status: int, headers: tuple[Header, ...]) -> dict[str, Any]:
    """The head of an answer whose length is not known yet."""
    return {"type": "http.response.start", "status": status, "headers": [*headers, *_CORS]}
