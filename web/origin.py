"""The media origin: a raw ASGI application, because it answers several requests per viewer and second.

    /live/{stream}/index.m3u8                              multivariant playlist
    /live/{stream}/{epoch}/{rendition}/media.m3u8          media playlist, with blocking reload
    /live/{stream}/{epoch}/{rendition}/init-{n}.mp4        CMAF header
    /live/{stream}/{epoch}/{rendition}/seg-{msn}.m4s       segment
    /live/{stream}/{epoch}/{rendition}/part-{msn}.{i}.m4s  part; the announced one is waited for

Strategy: a playlist is rendered once per version and the same bytes go to everybody; media is sent from memory as it
stands. Whoever asks for what comes next waits in the rendition's group of waiters (RFC 8216bis §6.2.5.2) and is
answered within BLOCK_SECONDS whatever happens. Everything below the epoch is immutable, so caches may keep it.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl
from weakref import WeakKeyDictionary

from starlette.types import Receive, Scope, Send

from packager.playlist import media_playlist, multivariant_playlist
from packager.presentation import Presentation
from packager.window import Window
from pinkmedia.media import VideoTrack
from web.waiting import Waiters

BLOCK_SECONDS = 5.0
"""The longest a request waits: hls.js gives up on a first byte after 10 s."""
READY_SECONDS = 3.0
"""How long the multivariant playlist waits for planned renditions: players read it once, so it should be whole."""
FARTHEST_SEGMENT_AHEAD = 2
"""A blocking request for a segment beyond the next but one is refused (RFC 8216bis §6.2.5.2)."""
MOST_QUERY_FIELDS = 32
"""Players send three at most, and what a page adds."""
GZIP_LEVEL = 5
"""Higher levels gain nothing on a few kilobytes."""

Header = tuple[bytes, bytes]

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
_PLAYLIST_TYPE = (b"content-type", b"application/vnd.apple.mpegurl")
_VIDEO_TYPE = (b"content-type", b"video/mp4")
_AUDIO_TYPE = (b"content-type", b"audio/mp4")
_IMMUTABLE = (b"cache-control", b"public, max-age=31536000, immutable")
_NO_CACHE = (b"cache-control", b"no-cache")
_BRIEFLY = (b"cache-control", b"public, max-age=1")

_MEDIA_FILE = re.compile(
    r"(?:init-\d{1,9}\.mp4|seg-(?P<segment>\d{1,15})\.m4s|part-(?P<msn>\d{1,15})\.(?P<index>\d{1,9})\.m4s)"
)
_DIRECTIVE = re.compile(r"\d{1,15}", re.ASCII)


class LiveDirectory(Protocol):
    """What the origin needs to know of the streams."""

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None:
        """The presentation of this epoch, or without one the current one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is at hand."""

    status: int
    headers: tuple[Header, ...]
    body: bytes = b""


class BadDirective(Exception):
    """A delivery directive that cannot be obeyed: the client's fault, answered with 400."""


def _problem(status: int, text: str) -> Answer:
    return Answer(status, ((b"content-type", b"text/plain; charset=utf-8"), _BRIEFLY), text.encode())


_NOT_FOUND = _problem(404, "There is nothing at this address (any more).\n")
_METHOD_NOT_ALLOWED = _problem(405, "Only GET, HEAD and OPTIONS are answered here.\n")


class RenditionFeed:
    """The waiters of one rendition, and its playlist as last rendered. It does not keep the rendition alive."""

    def __init__(self) -> None:
        self.waiters = Waiters()
        self._version = -1
        self._plain = b""
        self._gzipped: bytes | None = None

    def playlist(self, window: Window, presentation: Presentation, *, gzipped: bool) -> bytes:
        if self._version != window.version:
            others = presentation.others(window)
            text = media_playlist(window, epoch_wall_seconds=presentation.epoch_wall_seconds, others=others)
            self._version, self._plain, self._gzipped = window.version, text.encode(), None
        if not gzipped:
            return self._plain
        if self._gzipped is None:
            self._gzipped = gzip(self._plain)
        return self._gzipped


def gzip(data: bytes) -> bytes:
    """RFC 1952, without a time stamp so that equal playlists are equal bytes."""
    deflater = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return deflater.compress(data) + deflater.flush()


class Origin:
    """Serves everything below ``/live/``."""

    def __init__(self, directory: LiveDirectory, *, on_answer: Callable[[str, int], None] | None = None) -> None:
        """``on_answer`` is told the class of each request (playlist, part, …) and its status, for the metrics."""
        self._directory = directory
        self._on_answer = on_answer
        self._feeds: WeakKeyDictionary[Window, RenditionFeed] = WeakKeyDictionary()
        self._presentation_waiters: WeakKeyDictionary[Presentation, Waiters] = WeakKeyDictionary()

    @property
    def waiting_count(self) -> int:
        """Requests that wait now."""
        groups = [feed.waiters for feed in self._feeds.values()]
        return sum(map(len, [*groups, *self._presentation_waiters.values()]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method in ("GET", "HEAD"):
            kind, answer = await self._answer(scope)
        elif method == "OPTIONS":
            kind, answer = "preflight", Answer(204, _PREFLIGHT)
        else:
            kind, answer = "other", _METHOD_NOT_ALLOWED
        if self._on_answer is not None:
            self._on_answer(kind, answer.status)
        await _send(send, answer, has_body=method != "HEAD")

    async def _answer(self, scope: Scope) -> tuple[str, Answer]:
        pieces = scope["path"].split("/")[2:]
        if len(pieces) == 2 and pieces[1] == "index.m3u8":
            return "multivariant", await self._multivariant(pieces[0], scope)
        if len(pieces) != 4:
            return "other", _NOT_FOUND
        stream_name, epoch, rendition_name, file = pieces
        presentation = self._directory.find_presentation(stream_name, epoch)
        window = presentation.find(rendition_name) if presentation else None
        if presentation is None or window is None:
            return "other", _NOT_FOUND
        if file == "media.m3u8":
            return "playlist", await self._media_playlist(presentation, window, scope)
        return await self._media(window, file)

    # Playlists

    async def _multivariant(self, stream_name: str, scope: Scope) -> Answer:
        presentation = self._directory.find_presentation(stream_name)
        if presentation is None:
            return _NOT_FOUND
        await self._wait_until_ready(presentation)
        windows = [window for window in presentation.windows if window.is_playable]
        if not windows:
            return _NOT_FOUND
        text = multivariant_playlist(windows, base_uri=f"{presentation.epoch}/").encode()
        return _playlist_answer(gzip(text) if _accepts_gzip(scope) else text, _NO_CACHE, scope)

    async def _wait_until_ready(self, presentation: Presentation) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not (presentation.is_ready or presentation.is_ended) and (remaining := deadline - loop.time()) > 0:
            late = next((window for window in presentation.windows if not window.is_playable), None)
            waiters = self._feed(late).waiters if late else self._waiters_of(presentation)
            await waiters.wait(remaining)

    async def _media_playlist(self, presentation: Presentation, window: Window, scope: Scope) -> Answer:
        try:
            target = _blocking_target(scope["query_string"], window)
        except BadDirective as error:
            return _problem(400, f"{error}\n")
        cache = _NO_CACHE
        if target is not None and await self._wait_for(window, *target):
            # The epoch makes the URL unique, and a satisfied blocking request always has this answer or a newer one.
            cache = (b"cache-control", b"public, max-age=%d" % (6 * window.layout.target_duration_seconds))
        elif target is None and not window.is_playable:
            await self._wait_for(window, *window.edge)
        if not window.is_playable:
            return _NOT_FOUND
        body = self._feed(window).playlist(window, presentation, gzipped=_accepts_gzip(scope))
        return _playlist_answer(body, cache, scope)

    # Media

    async def _media(self, window: Window, file: str) -> tuple[str, Answer]:
        match = _MEDIA_FILE.fullmatch(file)
        if match is None:
            return "other", _NOT_FOUND
        if match["msn"] is not None:
            return "part", await self._part(window, int(match["msn"]), int(match["index"]))
        if match["segment"] is not None:
            segment = window.find_segment(int(match["segment"]))
            is_whole = segment is not None and segment.is_complete and not segment.is_gap
            return "segment", _media_answer(window, segment.data() if segment and is_whole else None)
        init = window.find_init(file)
        return "init", _media_answer(window, init.data if init else None)

    async def _part(self, window: Window, msn: int, index: int) -> Answer:
        part = window.find_part(msn, index)
        # Only what the playlist announces is waited for; any other unknown part is refused at once (§6.2.6).
        if part is None and (msn, index) in (window.edge, window.hinted):
            await self._wait_for(window, msn, index)
            part = window.find_part(msn, index)
        return _media_answer(window, part.data if part else None)

    # Waiting

    async def _wait_for(self, window: Window, msn: int, part: int | None) -> bool:
        """True once it is published; False when BLOCK_SECONDS are over."""
        if window.has_reached(msn, part):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BLOCK_SECONDS
        waiters = self._feed(window).waiters
        while await waiters.wait(max(0.0, deadline - loop.time())):
            if window.has_reached(msn, part):
                return True
        return False

    def _feed(self, window: Window) -> RenditionFeed:
        feed = self._feeds.get(window)
        if feed is None:
            feed = self._feeds[window] = RenditionFeed()
            window.observers.append(feed.waiters.wake)
        return feed

    def _waiters_of(self, presentation: Presentation) -> Waiters:
        waiters = self._presentation_waiters.get(presentation)
        if waiters is None:
            waiters = self._presentation_waiters[presentation] = Waiters()
            presentation.observers.append(waiters.wake)
        return waiters


def _blocking_target(query: bytes, window: Window) -> tuple[int, int | None] | None:
    """The segment and part that the delivery directives ask for (§6.2.5.2). Raises BadDirective."""
    if b"_HLS_" not in query:
        return None
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError as error:
        raise BadDirective("The query has too many fields.") from error
    msn, part = _directive(pairs, "_HLS_msn"), _directive(pairs, "_HLS_part")
    if msn is None:
        if part is not None:
            raise BadDirective("_HLS_part needs _HLS_msn beside it.")
        return None
    edge_msn, _ = window.edge
    if not window.is_ended and msn > edge_msn + FARTHEST_SEGMENT_AHEAD - 1:
        raise BadDirective(f"Segment {msn} is too far ahead: the newest is {edge_msn}.")
    return msn, part


def _directive(pairs: list[tuple[str, str]], name: str) -> int | None:
    values = [value for key, value in pairs if key == name]
    if not values:
        return None
    if len(values) > 1 or not _DIRECTIVE.fullmatch(values[0]):
        raise BadDirective(f"{name} must be given once, as a number.")
    return int(values[0])


def _accepts_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _playlist_answer(body: bytes, cache: Header, scope: Scope) -> Answer:
    encoding = ((b"content-encoding", b"gzip"),) if _accepts_gzip(scope) else ()
    return Answer(200, (_PLAYLIST_TYPE, cache, (b"vary", b"Accept-Encoding"), *encoding), body)


def _media_answer(window: Window, data: bytes | None) -> Answer:
    if data is None:
        return _NOT_FOUND
    kind = _VIDEO_TYPE if isinstance(window.rendition.track, VideoTrack) else _AUDIO_TYPE
    return Answer(200, (kind, _IMMUTABLE), data)


async def _send(send: Send, answer: Answer, *, has_body: bool) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [*answer.headers, length, *_CORS] if answer.status != 204 else [*answer.headers, *_CORS],
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body if has_body else b""})
