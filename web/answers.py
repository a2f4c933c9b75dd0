"""The origin's answers: status, headers and a body that is at hand."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, replace
from typing import Any

from starlette.types import Scope, Send

GZIP_LEVEL = 5
"""Higher levels gain nothing on a few kilobytes."""
TAG_BYTES = 8
"""Of a text's hash: no two versions of one playlist have the same."""

_GZIP_WANTED = re.compile(rb"gzip(?:;\s*q=(?!0(?:\.0*)?$).*)?", re.IGNORECASE)
"""A quality of zero means "never" (RFC 9110 §12.4.2)."""

Header = tuple[bytes, bytes]

NO_CACHE: Header = (b"cache-control", b"no-cache")
NO_STORE: Header = (b"cache-control", b"no-store")
_IMMUTABLE: Header = (b"cache-control", b"public, max-age=31536000, immutable")
_BRIEFLY: Header = (b"cache-control", b"public, max-age=1")
_CORS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Age, Content-Length, Content-Range, Date, ETag"),
    (b"timing-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Cache-Control, If-None-Match, If-Range, Range"),
    (b"access-control-max-age", b"86400"),
)
_RANGES: Header = (b"accept-ranges", b"bytes")
_VARY: Header = (b"vary", b"Accept-Encoding")
_GZIPPED: Header = (b"content-encoding", b"gzip")
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
    tag: bytes = b""
    """Its strong entity tag, which is among the headers, too; empty: none."""

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks))

    @property
    def has_ranges(self) -> bool:
        return _RANGES in self.headers

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Sends it; a HEAD request gets the headers alone."""
        # RFC 9110 §8.6: an answer without content has no length either.
        length = () if self.status in (204, 304) else ((b"content-length", b"%d" % self.size_bytes),)
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
TOO_MANY_REQUESTS = Answer(
    429,
    ((b"content-type", b"text/plain; charset=utf-8"), NO_STORE, (b"retry-after", b"1")),
    (b"Too many requests come from your address.\n",),
)
PREFLIGHT = Answer(204, _PREFLIGHT)


def forbidden(text: str) -> Answer:
    """Not for this viewer: nothing that a cache may keep for another one."""
    return Answer(403, ((b"content-type", b"text/plain; charset=utf-8"), NO_STORE), (text.encode(),))


def unsatisfiable(size_bytes: int) -> Answer:
    """None of the bytes that were asked for exist (RFC 9110 §15.5.17)."""
    refusal = problem(416, f"There are {size_bytes} bytes here.\n")
    return replace(refusal, headers=(*refusal.headers, (b"content-range", b"bytes */%d" % size_bytes)))


class Playlist:
    """A playlist as everybody gets it: gzipped when the first one wants it so, and hashed once."""

    def __init__(self, text: str) -> None:
        self._plain = text.encode()
        self._gzipped: bytes | None = None
        self._tag = hashlib.blake2b(self._plain, digest_size=TAG_BYTES).hexdigest().encode()

    def answer(self, cache: Header, *, is_gzipped: bool) -> Answer:
        if not is_gzipped:
            tag = b'"%s"' % self._tag
            return Answer(200, (_PLAYLIST_TYPE, cache, _VARY, (b"etag", tag)), (self._plain,), tag)
        if self._gzipped is None:
            self._gzipped = gzip(self._plain)
        # Other bytes, and so another strong tag (RFC 9110 §8.8.3.3).
        tag = b'"%s-gzip"' % self._tag
        return Answer(200, (_PLAYLIST_TYPE, cache, _VARY, _GZIPPED, (b"etag", tag)), (self._gzipped,), tag)


def text_track(text: str) -> Answer:
    """WebVTT that changes every few seconds."""
    return Answer(200, (_TEXT_TRACK_TYPE, _BRIEFLY), (text.encode(),))


def picture(jpeg: bytes, *, epoch: str) -> Answer:
    tag = _tag_of(epoch)
    return Answer(200, (_PICTURE_TYPE, _IMMUTABLE, (b"etag", tag)), (jpeg,), tag)


def media(*chunks: bytes, is_video: bool, epoch: str) -> Answer:
    """An init segment, segment or part; without bytes, that there is none."""
    if not chunks:
        return NOT_FOUND
    tag = _tag_of(epoch)
    return Answer(200, (_VIDEO_TYPE if is_video else _AUDIO_TYPE, _IMMUTABLE, _RANGES, (b"etag", tag)), chunks, tag)


def _tag_of(epoch: str) -> bytes:
    """Tags are compared with those of the same URL, which has one content as long as the epoch lasts."""
    return b'"%s"' % epoch.encode()


def cached_seconds(seconds: int) -> Header:
    return (b"cache-control", b"public, max-age=%d" % seconds)


def accepts_gzip(scope: Scope) -> bool:
    accepted: bytes = dict(scope["headers"]).get(b"accept-encoding", b"")
    if b";" not in accepted:
        return b"gzip" in accepted
    return any(_GZIP_WANTED.fullmatch(each.strip()) for each in accepted.split(b","))


def gzip(data: bytes) -> bytes:
    """RFC 1952, without a time stamp so that equal playlists are equal bytes."""
    deflater = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return deflater.compress(data) + deflater.flush()
