"""The origin's answers: status, headers and a body that is at hand."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias

import aiofiles
from starlette.types import Scope, Send

from pinkmedia.disk_threads import DiskThreads

BLOCK_BYTES = 64 * 1024
"""Of a file, in memory at once for each reader: as much as goes into a socket."""
READER_THREADS = 4
"""A block comes from the system's cache or from one disk, which has nothing from more."""
GZIP_LEVEL = 5
"""Higher levels gain nothing on a few kilobytes."""
TAG_BYTES = 8
"""Of a text's hash: no two versions of one playlist have the same."""

_READERS = DiskThreads(READER_THREADS)
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
_HEADER_LINE = b"%s: %s\r\n".__mod__
_CORS_LINES = b"".join(map(_HEADER_LINE, _CORS))
_STATUS_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
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
_TEXT_TYPE: Header = (b"content-type", b"text/plain; charset=utf-8")
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
    tag: bytes = b""
    """Its strong entity tag, which is among the headers, too; empty: none."""

    @cached_property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks))

    @cached_property
    def head(self) -> bytes:
        """Status line and headers, without the end: the server has some of its own."""
        return b"".join((_STATUS_LINES[self.status], *map(_HEADER_LINE, self._own_headers()), _CORS_LINES))

    @property
    def has_ranges(self) -> bool:
        return _RANGES in self.headers

    def cut(self, begin: int, end: int, header: Header) -> Self:
        """The bytes from ``begin`` up to ``end`` (206), with one more header; whole chunks are not copied."""
        cut: list[bytes] = []
        for chunk in self.chunks:
            if begin < len(chunk) and end > 0:
                cut.append(chunk[max(begin, 0) : end])
            begin, end = begin - len(chunk), end - len(chunk)
        return replace(self, status=206, headers=(*self.headers, header), chunks=tuple(cut))

    async def send(self, send: Send, *, has_body: bool) -> None:
        """Sends it; a HEAD request gets the headers alone."""
        await send(start(self.status, self._own_headers()))
        *first, last = self.chunks if has_body and self.chunks else (b"",)
        for chunk in first:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": last})

    def _own_headers(self) -> tuple[Header, ...]:
        # RFC 9110 §8.6: an answer without content has no length either.
        return self.headers if self.status in (204, 304) else (*self.headers, _length(self.size_bytes))


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A response whose body is in a file. It is read as the reader takes it, so that a slow one holds no memory."""

    headers: tuple[Header, ...]
    path: Path
    size_bytes: int
    tag: bytes
    status: int = 200
    begin: int = 0
    """Where in the file."""

    @property
    def has_ranges(self) -> bool:
        return True

    def cut(self, begin: int, end: int, header: Header) -> Self:
        """As `Answer.cut`."""
        return replace(self, status=206, headers=(*self.headers, header), begin=begin, size_bytes=end - begin)

    async def send(self, send: Send, *, has_body: bool) -> None:
        """As `Answer.send`."""
        try:
            file = await aiofiles.open(self.path, "rb", executor=_READERS)
        except OSError:  # a moment ago it was there
            await NOT_FOUND.send(send, has_body=has_body)
            return
        try:
            await file.seek(self.begin)
            await send(start(self.status, (*self.headers, _length(self.size_bytes))))
            left_bytes = self.size_bytes if has_body else 0
            while left_bytes and (block := await file.read(min(left_bytes, BLOCK_BYTES))):
                await send({"type": "http.response.body", "body": block, "more_body": True})
                left_bytes -= len(block)
            await send({"type": "http.response.body"})
        finally:
            await file.close()


AtHand: TypeAlias = Answer | StoredAnswer
"""Whose size is known."""


def _length(size_bytes: int) -> Header:
    return b"content-length", b"%d" % size_bytes


def start(status: int, headers: tuple[Header, ...]) -> dict[str, Any]:
    """The first message of an answer."""
    return {"type": "http.response.start", "status": status, "headers": [*headers, *_CORS]}


def problem(status: int, text: str) -> Answer:
    """An error, in one line for a person; no cache may keep it."""
    return Answer(status, (_TEXT_TYPE, NO_STORE), (text.encode(),))


def _later(status: int, text: str) -> Answer:
    """An error that the next request may not meet."""
    return Answer(status, (_TEXT_TYPE, NO_STORE, (b"retry-after", b"1")), (text.encode(),))


NOT_FOUND = Answer(404, (_TEXT_TYPE, _BRIEFLY), (b"There is nothing at this address (any more).\n",))
NOT_YET = problem(404, "There is nothing at this address yet.\n")
"""Were it kept by a cache, who asks early could hide from others what comes in a moment."""
METHOD_NOT_ALLOWED = problem(405, "Only GET, HEAD and OPTIONS are answered here.\n")
TOO_MANY_REQUESTS = _later(429, "Too many requests come from your address.\n")
LATE = _later(503, "What comes next is late.\n")
FAILED = problem(500, "The server has failed here; its log says why.\n")
PREFLIGHT = Answer(204, _PREFLIGHT)


def unsatisfiable(size_bytes: int) -> Answer:
    """None of the bytes that were asked for exist (RFC 9110 §15.5.17)."""
    refusal = problem(416, f"There are {size_bytes} bytes here.\n")
    return replace(refusal, headers=(*refusal.headers, (b"content-range", b"bytes */%d" % size_bytes)))


class Playlist:
    """A playlist as everybody gets it: gzipped when the first one wants it so, and hashed once."""

    def __init__(self, text: str) -> None:
        self._plain = text.encode()
        self._answers: dict[tuple[bool, Header], Answer] = {}
        self._tag = hashlib.blake2b(self._plain, digest_size=TAG_BYTES).hexdigest().encode()

    def answer(self, cache: Header, *, is_gzipped: bool) -> Answer:
        answer = self._answers.get((is_gzipped, cache))
        if answer is None:
            answer = self._answers[is_gzipped, cache] = self._gzipped(cache) if is_gzipped else self._identity(cache)
        return answer

    def _identity(self, cache: Header) -> Answer:
        tag = b'"%s"' % self._tag
        return Answer(200, (_PLAYLIST_TYPE, cache, _VARY, (b"etag", tag)), (self._plain,), tag)

    def _gzipped(self, cache: Header) -> Answer:
        # Other bytes, and so another strong tag (RFC 9110 §8.8.3.3).
        tag = b'"%s-gzip"' % self._tag
        return Answer(200, (_PLAYLIST_TYPE, cache, _VARY, _GZIPPED, (b"etag", tag)), (gzip(self._plain),), tag)


def text_track(text: str) -> Answer:
    """WebVTT that changes every few seconds."""
    return Answer(200, (_TEXT_TRACK_TYPE, _BRIEFLY), (text.encode(),))


def picture(jpeg: bytes, *, epoch: str) -> Answer:
    tag = _tag_of(epoch)
    return Answer(200, (_PICTURE_TYPE, _IMMUTABLE, (b"etag", tag)), (jpeg,), tag)


def media(*chunks: bytes, is_video: bool, epoch: str) -> Answer:
    """An init segment, segment or part."""
    tag = _tag_of(epoch)
    return Answer(200, (_VIDEO_TYPE if is_video else _AUDIO_TYPE, _IMMUTABLE, _RANGES, (b"etag", tag)), chunks, tag)


def stored_media(path: Path, size_bytes: int, *, is_video: bool, epoch: str) -> StoredAnswer:
    """A segment that is on disk."""
    tag = _tag_of(epoch)
    kind = _VIDEO_TYPE if is_video else _AUDIO_TYPE
    return StoredAnswer((kind, _IMMUTABLE, _RANGES, (b"etag", tag)), path, size_bytes, tag)


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
