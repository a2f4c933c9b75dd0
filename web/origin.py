"""The media origin: a raw ASGI application, because it answers several requests per viewer and second.

    /live/{stream}/index.m3u8                              multivariant playlist
    /live/{stream}/{epoch}/{rendition}/media.m3u8          media playlist, with blocking reload
    /live/{stream}/{epoch}/{rendition}/init-{n}.mp4        CMAF header
    /live/{stream}/{epoch}/{rendition}/seg-{msn}.m4s       segment
    /live/{stream}/{epoch}/{rendition}/part-{msn}.{i}.m4s  part; the announced one is waited for
    /live/{stream}[/{epoch}]/manifest.mpd                  DASH (`web.dash`)
    /live/{stream}/{epoch}/pictures/strip.vtt              where small pictures for a seek bar are
    /live/{stream}/{epoch}/pictures/sheet-{n}.{tiles}.jpg  small pictures, up to 25 in one image

Strategy: a playlist is rendered once per version and the same bytes go to everybody; media is sent from memory as it
stands. Whoever asks for what comes next waits in the rendition's group of waiters (RFC 8216bis §6.2.5.2) and is
answered within BLOCK_SECONDS whatever happens. Everything below the epoch is immutable, so caches may keep it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from starlette.types import Receive, Scope, Send

from packager.multivariant import multivariant_playlist
from packager.playlist import media_playlist
from packager.presentation import Presentation
from packager.strip import STRIP_URI, Strip
from packager.window import Window
from pinkmedia.media import VideoTrack
from web import answers
from web.answers import Answer, AnyAnswer, Header
from web.dash import Dash
from web.directives import BadDirective, blocking_target
from web.waiting import Waiters

BLOCK_SECONDS = 5.0
"""The longest a request waits: hls.js gives up on a first byte after 10 s."""
READY_SECONDS = 3.0
"""How long after the first key frame the multivariant playlist waits for planned renditions: players read it once, so
it should be whole."""
CACHED_TARGET_DURATIONS = 6
"""How long caches may keep a satisfied blocking answer, in target durations (RFC 8216bis appendix B.1)."""

PICTURES = "pictures"
"""In the place of a rendition's name; ladders' names begin with digits."""

_MEDIA_FILE = re.compile(
    r"(?:init-\d{1,9}\.mp4|seg-(?P<segment>\d{1,15})\.m4s|part-(?P<msn>\d{1,15})\.(?P<index>\d{1,9})\.m4s)"
)


class LiveDirectory(Protocol):
    """What the origin needs to know of the streams."""

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None:
        """The presentation of this epoch, or without one the current one."""


class RenditionFeed:
    """The waiters of one rendition, and its playlist as last rendered. It does not keep the rendition alive."""

    def __init__(self) -> None:
        self.waiters = Waiters()
        self._version = -1
        self._text = b""
        self._answers: dict[tuple[bool, Header], Answer] = {}
        """To this version, by encoding and cache header."""

    def playlist(self, window: Window, presentation: Presentation, cache: Header, *, is_gzipped: bool) -> Answer:
        if self._version != window.version:
            others = presentation.others(window)
            text = media_playlist(window, epoch_wall_seconds=presentation.epoch_wall_seconds, others=others)
            self._version, self._text = window.version, text.encode()
            self._answers.clear()
        answer = self._answers.get((is_gzipped, cache))
        if answer is None:
            body = answers.gzip(self._text) if is_gzipped else self._text
            answer = self._answers[is_gzipped, cache] = answers.playlist(body, cache, is_gzipped=is_gzipped)
        return answer


class Origin:
    """Serves everything below ``/live/``."""

    def __init__(self, directory: LiveDirectory, *, on_answer: Callable[[str, int], None] | None = None) -> None:
        """``on_answer`` is told the class of each request (playlist, part, …) and its status, for the metrics."""
        self._directory = directory
        self._on_answer = on_answer
        self._feeds: WeakKeyDictionary[Window, RenditionFeed] = WeakKeyDictionary()
        self._presentation_waiters: WeakKeyDictionary[Presentation, Waiters] = WeakKeyDictionary()
        self._dash = Dash(
            directory,
            wait_until_ready=self._wait_until_ready,
            waiters_of=lambda window: self._feed(window).waiters,
        )

    @property
    def waiting_count(self) -> int:
        """Requests that wait now."""
        groups = [feed.waiters for feed in self._feeds.values()]
        return sum(map(len, [*groups, *self._presentation_waiters.values()]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.answer(scope)
        await answer.send(send, has_body=scope["method"] != "HEAD")

    async def answer(self, scope: Scope) -> AnyAnswer:
        """To any request. It waits for nothing but futures (`web.hot_path`)."""
        method = scope["method"]
        answer: AnyAnswer
        if method in ("GET", "HEAD"):
            kind, answer = await self._answer(scope)
        elif method == "OPTIONS":
            kind, answer = "preflight", answers.PREFLIGHT
        else:
            kind, answer = "other", answers.METHOD_NOT_ALLOWED
        if self._on_answer is not None:
            self._on_answer(kind, answer.status)
        return answer

    async def _answer(self, scope: Scope) -> tuple[str, AnyAnswer]:
        pieces = scope["path"].split("/")[2:]
        if len(pieces) == 2 and pieces[1] == "index.m3u8":
            return "multivariant", await self._multivariant(pieces[0], scope)
        if (answer := await self._dash.answer(pieces, scope)) is not None:
            return answer
        if len(pieces) != 4:
            return "other", answers.NOT_FOUND
        stream_name, epoch, rendition_name, file = pieces
        presentation = self._directory.find_presentation(stream_name, epoch)
        if presentation is not None and rendition_name == PICTURES:
            return "pictures", _pictures(presentation.strip, file)
        window = presentation.find(rendition_name) if presentation else None
        if presentation is None or window is None:
            return "other", answers.NOT_FOUND
        if file == "media.m3u8":
            return "playlist", await self._media_playlist(presentation, window, scope)
        return await self._media(window, file)

    # Playlists

    async def _multivariant(self, stream_name: str, scope: Scope) -> Answer:
        presentation = self._directory.find_presentation(stream_name)
        if presentation is None:
            return answers.NOT_FOUND
        await self._wait_until_ready(presentation)
        is_over = presentation.is_ended
        windows = [window for window in presentation.windows if window.is_offered and window.is_ended == is_over]
        if not windows:
            return answers.NOT_FOUND
        text = multivariant_playlist(windows, base_uri=f"{presentation.epoch}/").encode()
        is_gzipped = answers.accepts_gzip(scope)
        body = answers.gzip(text) if is_gzipped else text
        return answers.playlist(body, answers.NO_CACHE, is_gzipped=is_gzipped)

    async def _wait_until_ready(self, presentation: Presentation) -> None:
        deadline = (presentation.begun_at or time.monotonic()) + READY_SECONDS
        while not (presentation.is_ready or presentation.is_ended) and (remaining := deadline - time.monotonic()) > 0:
            late = next((each for each in presentation.windows if not (each.is_playable or each.is_ended)), None)
            waiters = self._feed(late).waiters if late else self._waiters_of(presentation)
            await waiters.wait(remaining)

    async def _media_playlist(self, presentation: Presentation, window: Window, scope: Scope) -> Answer:
        try:
            target = blocking_target(scope["query_string"], None if window.is_ended else window.edge[0])
        except BadDirective as error:
            return answers.problem(400, f"{error}\n")
        window.ask(time.monotonic())
        if window.is_dormant:
            await self._wait_until_awake(window)
        cache = answers.NO_CACHE
        if target is not None and await self._wait_for(window, *target):
            # The epoch makes the URL unique, and a satisfied blocking request always has this answer or a newer one.
            cache = answers.cached_seconds(CACHED_TARGET_DURATIONS * window.layout.target_duration_seconds)
        elif target is None and not window.is_playable:
            await self._wait_for(window, *window.edge)
        if not window.is_playable:
            return answers.NOT_FOUND
        return self._feed(window).playlist(window, presentation, cache, is_gzipped=answers.accepts_gzip(scope))

    # Media

    async def _media(self, window: Window, file: str) -> tuple[str, AnyAnswer]:
        match = _MEDIA_FILE.fullmatch(file)
        if match is None:
            return "other", answers.NOT_FOUND
        if match["msn"] is not None:
            return "part", await self._part(window, int(match["msn"]), int(match["index"]))
        if match["segment"] is not None:
            segment = window.find_segment(int(match["segment"]))
            if segment is not None and segment.stored_at is not None:
                stored = answers.stored_media(segment.stored_at, segment.size_bytes, is_video=_is_video(window))
                return "segment", stored
            is_whole = segment is not None and segment.is_complete
            return "segment", answers.media(*segment.chunks if segment and is_whole else (), is_video=_is_video(window))
        init = window.find_init(file)
        return "init", answers.media(*[init.data] if init else (), is_video=_is_video(window))

    async def _part(self, window: Window, msn: int, index: int) -> Answer:
        part = window.find_part(msn, index)
        # Only what the playlist announces is waited for; any other unknown part is refused at once (§6.2.6).
        if part is None and (msn, index) in (window.edge, window.hinted):
            await self._wait_for(window, msn, index)
            part = window.find_part(msn, index)
        return answers.media(*[part.data] if part else (), is_video=_is_video(window))

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

    async def _wait_until_awake(self, window: Window) -> None:
        """A rendition that begins because it was asked for has something to play within a segment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BLOCK_SECONDS
        while not window.is_playable and not window.is_ended:
            if not await self._feed(window).waiters.wait(max(0.0, deadline - loop.time())):
                return

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


def _pictures(strip: Strip, file: str) -> Answer:
    if file == STRIP_URI:
        return answers.text_track(strip.webvtt())
    jpeg = strip.find(file)
    return answers.NOT_FOUND if jpeg is None else answers.picture(jpeg)


def _is_video(window: Window) -> bool:
    return isinstance(window.rendition.track, VideoTrack)
