"""The media origin: a raw ASGI application, because it answers several requests per viewer and second.

    /live/{stream}/index.m3u8                              multivariant playlist; other names: `web.addresses`
    /live/{stream}/{epoch}/{rendition}/media.m3u8          media playlist, with blocking reload
    /live/{stream}/{epoch}/{rendition}/init-{n}.mp4        CMAF header
    /live/{stream}/{epoch}/{rendition}/seg-{msn}.m4s       segment
    /live/{stream}/{epoch}/{rendition}/part-{msn}.{i}.m4s  part; the announced one is waited for
    /live/{stream}[/{epoch}]/manifest.mpd                  DASH (`web.dash`)
    /live/{stream}/{epoch}/pictures/strip.vtt              where small pictures for a seek bar are
    /live/{stream}/{epoch}/pictures/sheet-{n}.{tiles}.jpg  small pictures, up to 25 in one image

Strategy: a playlist is rendered once per version and the same bytes go to everybody; media is sent from memory as it
stands. Whoever asks for what comes next waits in the rendition's group of waiters (RFC 8216bis §6.2.5.2) and is
answered after three target durations whatever happens. Everything below the epoch is immutable, so caches may keep it.
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
from packager.published import PublishedPresentation
from packager.strip import STRIP_URI
from packager.window import Window
from pinkmedia.media import VideoTrack
from pinkmedia.media_urls import HERE, MediaUrls
from web import answers
from web.addresses import OTHER_PLAYLIST_FILES, PLAYLIST_FILE, is_media, media_folder
from web.answers import Answer, AnyAnswer, AtHand, Playlist
from web.conditions import conditioned
from web.dash import CLOCK, Dash
from web.directives import BadDirective, read_directives
from web.playback_gate import ALLOWED, CHECK_FILE, OPEN_GATE, PlaybackGate, split_token
from web.waiting import Waiters

WAITED_TARGET_DURATIONS = 3
"""The longest a request waits, before it is told that the server has nothing (§6.2.5.2)."""
LONGEST_WAIT_SECONDS = 8.0
"""Nor longer than this: hls.js gives up on a first byte after 10 s."""
READY_SECONDS = 3.0
"""How long after the first key frame the multivariant playlist waits for planned renditions: players read it once, so
it should be whole."""
CACHED_TARGET_DURATIONS = 6
"""How long caches may keep a satisfied blocking answer, in target durations (RFC 8216bis appendix B.1)."""

ANSWER_KINDS = frozenset(
    {
        *("multivariant", "playlist", "init", "segment", "part", "pictures", "manifest", "clock"),
        *("check", "refused", "preflight", "other"),
    }
)
"""The classes of requests that are counted."""

PICTURES = "pictures"
"""In the place of a rendition's name; ladders' names begin with digits."""

_MEDIA_FILE = re.compile(
    r"(?:init-\d{1,9}\.mp4|seg-(?P<segment>\d{1,15})\.m4s|part-(?P<msn>\d{1,15})\.(?P<index>\d{1,9})\.m4s)"
)


class LiveDirectory(Protocol):
    """What the origin needs to know of the streams."""

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> PublishedPresentation | None:
        """The presentation of this epoch, or without one the current one."""


class RenditionFeed:
    """The waiters of one rendition, and the answers that were given since it last changed: most want the same ones.

    It does not keep the rendition alive.
    """

    def __init__(self) -> None:
        self.waiters = Waiters()
        self._version = -1
        self._playlists: dict[bool, Playlist] = {}
        """Whole, or as a delta update."""
        self._media: dict[str, Answer] = {}
        """By file."""

    def playlist(self, window: Window, presentation: PublishedPresentation, *, is_delta: bool) -> Playlist:
        self._follow(window)
        playlist = self._playlists.get(is_delta)
        if playlist is None:
            epoch_wall_seconds, others = presentation.epoch_wall_seconds, presentation.others(window)
            text = media_playlist(
                window,
                epoch_wall_seconds=epoch_wall_seconds,
                others=others,
                date_ranges=presentation.date_ranges,
                is_delta=is_delta,
            )
            playlist = self._playlists[is_delta] = Playlist(text)
        return playlist

    def media(self, window: Window, file: str, epoch: str, chunks: Callable[[], tuple[bytes, ...]]) -> Answer | None:
        """The answer with these ``chunks``; None where there are none."""
        self._follow(window)
        answer = self._media.get(file)
        if answer is None and (found := chunks()):
            answer = self._media[file] = answers.media(*found, is_video=_is_video(window), epoch=epoch)
        return answer

    def _follow(self, window: Window) -> None:
        if self._version != window.version:
            self._version = window.version
            self._playlists.clear()
            self._media.clear()


class Origin:
    """Serves what `web.addresses` says is media."""

    def __init__(
        self,
        directory: LiveDirectory,
        *,
        gate: PlaybackGate = OPEN_GATE,
        media_urls: MediaUrls = HERE,
        on_answer: Callable[[str, int], None] | None = None,
        second_look_seconds: float = 0.0,
    ) -> None:
        """``on_answer`` is told the class of each request (playlist, part, …) and its status, for the metrics.

        Multivariant playlists name media below ``media_urls``; where it is here, relatively. What is not there is
        looked for again after ``second_look_seconds``, where others that know it earlier may have announced it.
        """
        self._directory = directory
        self._gate = gate
        self._media_urls = media_urls
        self._on_answer = on_answer
        self._second_look_seconds = second_look_seconds
        self._feeds: WeakKeyDictionary[Window, RenditionFeed] = WeakKeyDictionary()
        self._presentation_waiters: WeakKeyDictionary[PublishedPresentation, Waiters] = WeakKeyDictionary()
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
        answer: AnyAnswer
        method = scope["method"]
        if method in ("GET", "HEAD"):
            kind, answer = await self._answer(scope)
            if answer.status == 404 and self._second_look_seconds:
                await asyncio.sleep(self._second_look_seconds)
                kind, answer = await self._answer(scope)
            if isinstance(answer, AtHand):
                answer = conditioned(answer, method, scope["headers"])
        elif method == "OPTIONS":
            kind, answer = "preflight", answers.PREFLIGHT
        else:
            kind, answer = "other", answers.METHOD_NOT_ALLOWED
        if self._on_answer is not None:
            self._on_answer(kind, answer.status)
        return answer

    async def _answer(self, scope: Scope) -> tuple[str, AnyAnswer]:
        path, token = split_token(scope["path"])
        if token is not None and not is_media(path):
            return "other", answers.NOT_FOUND
        pieces = path.split("/")[2:]
        if pieces and pieces != [CLOCK] and (refusal := self._gate.refusal(pieces[0], token, scope)) is not None:
            return "refused", refusal
        if len(pieces) == 2 and pieces[1] == CHECK_FILE:
            return "check", ALLOWED
        if len(pieces) == 2 and pieces[1] in (PLAYLIST_FILE, *OTHER_PLAYLIST_FILES):
            return "multivariant", await self._multivariant(pieces[0], pieces[1], scope, token)
        if (answer := await self._dash.answer(pieces, scope)) is not None:
            return answer
        if len(pieces) != 4:
            return "other", answers.NOT_FOUND
        stream_name, epoch, rendition_name, file = pieces
        presentation = self._directory.find_presentation(stream_name, epoch)
        if presentation is not None and rendition_name == PICTURES:
            return "pictures", _pictures(presentation, file)
        window = presentation.find(rendition_name) if presentation else None
        if presentation is None or window is None:
            return "other", answers.NOT_FOUND
        if file == "media.m3u8":
            return "playlist", await self._media_playlist(presentation, window, scope)
        return await self._media(window, file, presentation.epoch)

    # Playlists

    async def _multivariant(self, stream_name: str, file: str, scope: Scope, token: str | None) -> Answer:
        presentation = self._directory.find_presentation(stream_name)
        if presentation is None:
            return answers.NOT_FOUND
        await self._wait_until_ready(presentation)
        is_over = presentation.is_ended
        windows = [window for window in presentation.windows if window.is_offered and window.is_ended == is_over]
        if not windows:
            return answers.NOT_FOUND
        folder = media_folder(file, stream_name, token, self._media_urls.of(stream_name))
        playlist = Playlist(multivariant_playlist(windows, base_uri=f"{folder}{presentation.epoch}/"))
        return playlist.answer(answers.NO_CACHE, is_gzipped=answers.accepts_gzip(scope))

    async def _wait_until_ready(self, presentation: PublishedPresentation) -> None:
        deadline = (presentation.begun_at or time.monotonic()) + READY_SECONDS
        while not (presentation.is_ready or presentation.is_ended) and (remaining := deadline - time.monotonic()) > 0:
            late = next((each for each in presentation.windows if not (each.is_playable or each.is_ended)), None)
            waiters = self._feed(late).waiters if late else self._waiters_of(presentation)
            await waiters.wait(remaining)

    async def _media_playlist(self, presentation: PublishedPresentation, window: Window, scope: Scope) -> Answer:
        try:
            target, is_delta = read_directives(
                scope["query_string"], None if window.is_ended else window.edge, window.layout.most_parts_ahead
            )
        except BadDirective as error:
            return answers.problem(400, f"{error}\n")
        window.ask(time.monotonic())
        if window.is_dormant:
            await self._wait_until_awake(window)
        cache = answers.NO_CACHE
        if target is not None:
            if not await self._wait_for(window, *target):
                return answers.LATE
            # The epoch makes the URL unique, and a satisfied blocking request always has this answer or a newer one.
            cache = answers.cached_seconds(CACHED_TARGET_DURATIONS * window.layout.target_duration_seconds)
        else:
            await self._wait_for_segment(window)
        if not window.is_playable:
            return answers.LATE if window.is_dormant else answers.NOT_FOUND
        playlist = self._feed(window).playlist(window, presentation, is_delta=is_delta)
        return playlist.answer(cache, is_gzipped=answers.accepts_gzip(scope))

    # Media

    async def _media(self, window: Window, file: str, epoch: str) -> tuple[str, AnyAnswer]:
        match = _MEDIA_FILE.fullmatch(file)
        if match is None:
            return "other", answers.NOT_FOUND
        if match["msn"] is not None:
            return "part", await self._part(window, int(match["msn"]), int(match["index"]), file, epoch)
        if match["segment"] is None:
            return "init", self._at_hand(window, file, epoch, lambda: _init(window, file)) or answers.NOT_YET
        return "segment", self._segment(window, int(match["segment"]), file, epoch)

    async def _part(self, window: Window, msn: int, index: int, file: str, epoch: str) -> Answer:
        # Only what the playlist announces is waited for; any other unknown part is refused at once (§6.2.6).
        if window.find_part(msn, index) is None and (msn, index) in (window.edge, window.hinted):
            await self._wait_for(window, msn, index)
        return self._at_hand(window, file, epoch, lambda: _part(window, msn, index)) or _missing(window, msn)

    def _segment(self, window: Window, msn: int, file: str, epoch: str) -> AnyAnswer:
        segment = window.find_segment(msn)
        if segment is not None and segment.stored_at is not None:
            size_bytes = segment.size_bytes
            return answers.stored_media(segment.stored_at, size_bytes, is_video=_is_video(window), epoch=epoch)
        if segment is None or not segment.is_complete:
            return _missing(window, msn)
        return self._at_hand(window, file, epoch, lambda: segment.chunks) or _missing(window, msn)

    def _at_hand(self, window: Window, file: str, epoch: str, chunks: Callable[[], tuple[bytes, ...]]) -> Answer | None:
        return self._feed(window).media(window, file, epoch, chunks)

    # Waiting

    async def _wait_for(self, window: Window, msn: int, part: int | None) -> bool:
        """True once it is published; False when it was waited for long enough."""
        if window.has_reached(msn, part):
            return True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _longest_wait_seconds(window)
        waiters = self._feed(window).waiters
        while await waiters.wait(max(0.0, deadline - loop.time())):
            if window.has_reached(msn, part):
                return True
        return False

    async def _wait_for_segment(self, window: Window) -> None:
        """Players that do not know of parts, and hls.js, give up on a playlist that lists nothing else."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _longest_wait_seconds(window)
        while not (window.has_segment or window.is_ended or window.is_withdrawn):
            if not await self._feed(window).waiters.wait(max(0.0, deadline - loop.time())):
                return

    async def _wait_until_awake(self, window: Window) -> None:
        """A rendition that begins because it was asked for has something to play within a segment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _longest_wait_seconds(window)
        while not window.is_playable and not window.is_ended:
            if not await self._feed(window).waiters.wait(max(0.0, deadline - loop.time())):
                return

    def _feed(self, window: Window) -> RenditionFeed:
        feed = self._feeds.get(window)
        if feed is None:
            feed = self._feeds[window] = RenditionFeed()
            window.observers.append(feed.waiters.wake)
        return feed

    def _waiters_of(self, presentation: PublishedPresentation) -> Waiters:
        waiters = self._presentation_waiters.get(presentation)
        if waiters is None:
            waiters = self._presentation_waiters[presentation] = Waiters()
            presentation.observers.append(waiters.wake)
        return waiters


def _longest_wait_seconds(window: Window) -> float:
    return min(WAITED_TARGET_DURATIONS * window.layout.target_duration_seconds, LONGEST_WAIT_SECONDS)


def _init(window: Window, file: str) -> tuple[bytes, ...]:
    init = window.find_init(file)
    return (init.data,) if init else ()


def _part(window: Window, msn: int, index: int) -> tuple[bytes, ...]:
    part = window.find_part(msn, index)
    return (part.data,) if part else ()


def _missing(window: Window, msn: int) -> Answer:
    """Media that is not there will never be when there is something newer."""
    return answers.NOT_YET if msn >= window.edge[0] else answers.NOT_FOUND


def _pictures(presentation: PublishedPresentation, file: str) -> Answer:
    if file == STRIP_URI:
        return answers.text_track(presentation.strip.webvtt())
    jpeg = presentation.strip.find(file)
    return answers.NOT_FOUND if jpeg is None else answers.picture(jpeg, epoch=presentation.epoch)


def _is_video(window: Window) -> bool:
    return isinstance(window.rendition.track, VideoTrack)
