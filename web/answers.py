"""The origin's answers: status, headers and a body that is at hand."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import aiofiles
from starlette.types import Scope, Send

BLOCK_BYTES = 64 * 1024
"""Of a file, in memory at once for each reader: as much as goes into a socket."""
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
_HEADER_LINE = b"%s: %s\r\n".__mod__
_CORS_LINES = b"".join(map(_HEADER_LINE, _CORS))
STATUS_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
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


class AnyAnswer(Protocol):
    """A response: what is at hand as bytes (`Answer`), or is sent bit by bit."""

    @property
    def status(self) -> int: ...

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Sends it; a HEAD request gets the headers alone."""


@dataclass(frozen=True)
class Answer:
    """A response. The same one may be given many times."""

    status: int
    headers: tuple[Header, ...]
    chunks: tuple[bytes, ...] = ()
    """The body; each is sent when the one before it has been taken, so that a slow reader holds nothing up."""

    @cached_property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks))

    @cached_property
    def head(self) -> bytes:
        """Status line and headers, without the end: the server has some of its own."""
        return b"".join((STATUS_LINES[self.status], *map(_HEADER_LINE, self._own_headers()), _CORS_LINES))

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Sends it; a HEAD request gets the headers alone."""
        await send(start(self.status, self._own_headers()))
        *first, last = self.chunks if has_body and self.chunks else (b"",)
        for chunk in first:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": last})

    def _own_headers(self) -> tuple[Header, ...]:
        # RFC 9110 §8.6: an answer without content has no length either.
        return self.headers if self.status == 204 else (*self.headers, _length(self.size_bytes))


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A response whose body is a file. It is read as the reader takes it, so that a slow one holds no memory."""

    headers: tuple[Header, ...]
    path: Path
    size_bytes: int
    status: int = 200

    async def send(self, send: Send, *, has_body: bool) -> None:
        try:
            file = await aiofiles.open(self.path, "rb")
        except OSError:  # a moment ago it was there
            await NOT_FOUND.send(send, has_body=has_body)
            return
        try:
            await send(start(self.status, (*self.headers, _length(self.size_bytes))))
            while has_body and (block := await file.read(BLOCK_BYTES)):
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await file.close()


def _length(size_bytes: int) -> Header:
    return b"content-length", b"%d" % size_bytes


def start(status: int, headers: tuple[Header, ...]) -> dict[str, Any]:
    """The first message of an answer."""
    return {"type": "http.response.start", "status": status, "headers": [*headers, *_CORS]}


def problem(status: int, text: str) -> Answer:
    """An error, in one line for a person."""
    return Answer(status, ((b"content-type", b"text/plain; charset=utf-8"), _BRIEFLY), (text.encode(),))


NOT_FOUND = problem(404, "There is nothing at this address (any more).\n")
METHOD_NOT_ALLOWED = problem(405, "Only GET, HEAD and OPTIONS are answered here.\n")
FAILED = problem(500, "The server has failed here; its log says why.\n")
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


def stored_media(path: Path, size_bytes: int, *, is_video: bool) -> StoredAnswer:
    """A segment that is on disk."""
    return StoredAnswer((_VIDEO_TYPE if is_video else _AUDIO_TYPE, _IMMUTABLE), path, size_bytes)


def cached_seconds(seconds: int) -> Header:
    return (b"cache-control", b"public, max-age=%d" % seconds)


def accepts_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def gzip(data: bytes) -> bytes:
    """RFC 1952, without a time stamp so that equal playlists are equal bytes."""
    deflater = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return deflater.compress(data) + deflater.flush()
