"""DASH: the manifest, the clock, and segments that are sent while they are made.

    /live/{stream}/manifest.mpd                          where the manifest of what is live now is
    /live/{stream}/{epoch}/manifest.mpd                  MPD
    /live/{stream}/{epoch}/{rendition}/seg-{msn}.m4s     a segment in the making, or the one after it
    /live/time                                           the server's clock

Strategy: media is that of HLS, byte for byte, at the same addresses. The manifest lies below the epoch and the first
address leads there, because players read it over and over: what they read must stay the same presentation.

A segment in the making is sent part by part (HTTP/1.1: chunked). What is sent is looked up in the window for every
part and nothing is copied; who reads so slowly that it has left the window is not sent the rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary

from starlette.types import Scope, Send

from packager.dates import date_time
from packager.mpd import manifest, manifest_state
from packager.published import PublishedPresentation
from packager.segment import Segment
from packager.window import Window
from pinkmedia.media import VideoTrack
from web import answers
from web.answers import Answer, AnyAnswer, Header
from web.waiting import Waiters

MANIFEST = "manifest.mpd"
CLOCK = "time"
CLOCK_URI = "../../time"
"""Seen from the manifest."""
FIRST_PART_SECONDS = 5.0
"""The longest a request waits for a segment to begin: players ask for it when it should."""
SILENCE_SECONDS = 60.0
"""The longest between two parts of an answer: longer than a publisher is usually waited for. Players give up sooner."""
EMPTY_SEGMENT = b"\x00\x00\x00\x08free"
"""What was announced and never made, because the rendition was interrupted: players that are refused it ask for it over
and over; this they take, find nothing in it, and go on."""

_SEGMENT = re.compile(r"seg-(\d{1,15})\.m4s", re.ASCII)
_MANIFEST_TYPE: Header = (b"content-type", b"application/dash+xml")
_CLOCK_HEADERS: tuple[Header, ...] = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))


class LiveDirectory(Protocol):
    """What is needed to know of the streams."""

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> PublishedPresentation | None:
        """The presentation of this epoch, or without one the current one."""


class Dash:
    """Answers what only DASH players ask for; the rest is the origin's."""

    def __init__(
        self,
        directory: LiveDirectory,
        *,
        wait_until_ready: Callable[[PublishedPresentation], Awaitable[None]],
        waiters_of: Callable[[Window], Waiters],
    ) -> None:
        """``wait_until_ready`` returns when the planned renditions are there, or when they are late; ``waiters_of``
        gives the group of waiters that a rendition's changes wake."""
        self._directory = directory
        self._wait_until_ready = wait_until_ready
        self._waiters_of = waiters_of
        self._manifests: WeakKeyDictionary[PublishedPresentation, _Rendered] = WeakKeyDictionary()

    async def answer(self, pieces: Sequence[str], scope: Scope) -> tuple[str, AnyAnswer] | None:
        """The class of the request and its answer; None for what is not DASH's. ``pieces``: the path behind /live/."""
        if len(pieces) == 4:
            match = _SEGMENT.fullmatch(pieces[3])
            window = self._find_window(*pieces[:3]) if match else None
            answer = await self._segment(window, int(match[1]), pieces[1]) if match and window else None
            return None if answer is None else ("segment", answer)
        if pieces[-1] == MANIFEST and len(pieces) in (2, 3):
            presentation = self._directory.find_presentation(*pieces[:-1])
            if presentation is None:
                return "manifest", answers.NOT_FOUND
            is_found = len(pieces) == 3
            return "manifest", await self._manifest(presentation, scope) if is_found else _lead(presentation, scope)
        return ("clock", _clock()) if pieces == [CLOCK] else None

    def _find_window(self, stream_name: str, epoch: str, rendition_name: str) -> Window | None:
        presentation = self._directory.find_presentation(stream_name, epoch)
        return presentation.find(rendition_name) if presentation else None

    # The manifest

    async def _manifest(self, presentation: PublishedPresentation, scope: Scope) -> Answer:
        await self._wait_until_ready(presentation)
        await self._wake(presentation)
        if not any(window.is_playable for window in presentation.windows):
            return answers.NOT_FOUND
        rendered = self._manifests.get(presentation)
        state = manifest_state(presentation.windows, presentation.breaks)
        if rendered is None or rendered.state != state:
            rendered = self._manifests[presentation] = _Rendered(presentation, state)
        is_gzipped = answers.accepts_gzip(scope)
        encoding: tuple[Header, ...] = ((b"content-encoding", b"gzip"),) if is_gzipped else ()
        headers = (_MANIFEST_TYPE, answers.NO_CACHE, (b"vary", b"Accept-Encoding"), *encoding)
        return Answer(200, headers, (rendered.gzipped if is_gzipped else rendered.plain,))

    async def _wake(self, presentation: PublishedPresentation) -> None:
        """Who reads the manifest wants all renditions: a player is only offered those that are there."""
        now = time.monotonic()
        asleep = [each for each in presentation.windows if each.is_dormant and not _was_asked(each, now)]
        for window in presentation.windows:
            window.ask(now)
        for window in asleep:
            await self._wait_for(window, partial(_has_woken, window))

    # Segments

    async def _segment(self, window: Window, msn: int, epoch: str) -> AnyAnswer | None:
        """A segment that is not complete yet, or never will be. None for any other."""
        if _is_gap(window, msn):
            return answers.media(EMPTY_SEGMENT, is_video=_is_video(window), epoch=epoch)
        open_msn, _ = window.edge
        if window.is_ended or window.is_withdrawn or msn not in (open_msn, open_msn + 1):
            return None
        if window.find_part(msn, 0) is None:
            await self._wait_for(window, lambda: window.has_reached(msn, 0))
            if _is_gap(window, msn):
                return answers.media(EMPTY_SEGMENT, is_video=_is_video(window), epoch=epoch)
            segment = window.find_segment(msn)
            if segment is None or not segment.parts or _has_other_header(window, segment):
                return answers.NOT_YET
        return GrowingSegment(window, msn, self._waiters_of(window), epoch)

    async def _wait_for(self, window: Window, is_there: Callable[[], bool]) -> None:
        """At most FIRST_PART_SECONDS."""
        deadline = time.monotonic() + FIRST_PART_SECONDS
        while not is_there() and (remaining := deadline - time.monotonic()) > 0:
            await self._waiters_of(window).wait(remaining)


class _Rendered:
    """A manifest for everybody who reads it before something changes."""

    def __init__(self, presentation: PublishedPresentation, state: tuple[object, ...]) -> None:
        self.state = state
        self.plain = manifest(
            presentation.windows,
            presentation.breaks,
            epoch_wall_seconds=presentation.epoch_wall_seconds,
            clock_uri=CLOCK_URI,
        ).encode()
        self.gzipped = answers.gzip(self.plain)


@dataclass(frozen=True, slots=True)
class GrowingSegment:
    """A segment's parts, those that are there at once and the others as they are published.

    An answer that cannot be finished is broken off, so that no cache takes it for the whole segment.
    """

    window: Window
    msn: int
    waiters: Waiters
    """That its rendition wakes."""
    epoch: str
    status: int = 200

    async def send(self, send: Send, *, has_body: bool) -> None:
        await send(answers.start(self.status, _growing_headers(self.window, self.epoch)))
        sent_count = sent_bytes = 0
        while has_body:
            while (part := self.window.find_part(self.msn, sent_count)) is not None:
                sent_count, sent_bytes = sent_count + 1, sent_bytes + len(part.data)
                await send({"type": "http.response.body", "body": part.data, "more_body": True})
            if self._has_ended(sent_bytes):
                break
            if self._is_gone() or not await self.waiters.wait(SILENCE_SECONDS):
                return
        await send({"type": "http.response.body", "body": b""})

    def _has_ended(self, sent_bytes: int) -> bool:
        segment = self.window.find_segment(self.msn)
        return segment is not None and segment.is_complete and segment.size_bytes == sent_bytes

    def _is_gone(self) -> bool:
        """Nothing more comes from memory: the reader was too slow, or the rendition has begun anew."""
        segment = self.window.find_segment(self.msn)
        return segment is None or segment.is_complete


def _lead(presentation: PublishedPresentation, scope: Scope) -> Answer:
    """To the manifest below the epoch; what the query says may be needed there, too."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    location = f"{presentation.epoch}/{MANIFEST}".encode() + query
    return Answer(302, ((b"location", location), answers.NO_CACHE))


def _clock() -> Answer:
    """xs:dateTime."""
    return Answer(200, _CLOCK_HEADERS, (date_time(time.time()).encode(),))


def _was_asked(window: Window, now: float) -> bool:
    """A moment ago, so that it has been waited for already."""
    return window.asked_at is not None and now - window.asked_at < FIRST_PART_SECONDS


def _has_woken(window: Window) -> bool:
    return window.is_playable or window.is_ended


def _is_gap(window: Window, msn: int) -> bool:
    segment = window.find_segment(msn)
    return segment is not None and segment.is_gap


def _is_video(window: Window) -> bool:
    return isinstance(window.rendition.track, VideoTrack)


def _has_other_header(window: Window, segment: Segment) -> bool:
    """It cannot be decoded as what was announced under its number; players find it in the next manifest, under another
    Period. One behind a mere break can: it says itself where on the timeline it lies."""
    before = window.find_segment(segment.msn - 1)
    return before is not None and before.init_uri != segment.init_uri


def _growing_headers(window: Window, epoch: str) -> tuple[Header, ...]:
    """Those of the whole segment; and proxies of the nginx kind are to pass parts on as they come."""
    return (*answers.media(b"", is_video=_is_video(window), epoch=epoch).headers, (b"x-accel-buffering", b"no"))
