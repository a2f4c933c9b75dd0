"""A player that follows one rendition part by part, and holds all that it gets against the rules.

It asks for the next version by blocking reload, in turns for the whole playlist and for a delta update, and for the
announced part before it exists. Parts are fetched as they are listed, segments when they are whole, and some again
later: what an address has named once it names for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urljoin

import httpx

from tests.conformance import answer_rules
from tests.conformance.findings import Findings
from tests.conformance.media_rules import MediaWatch, Timeline, read_header
from tests.playlist_reader import ListedSegment, Playlist, merge_delta, read_playlist
from tests.playlist_rules import change_faults, faults

SKIPS = ("", "&_HLS_skip=YES", "", "&_HLS_skip=v2")
PARTS_TARGET_DURATIONS = 3
"""How long parts stay at least when they are not listed any more (§6.2.2)."""
MARGIN_SECONDS = 1.0
"""Before something may go it is asked for no more: the request takes time."""
MOST_LATE_ANSWERS = 30
"""In a row: a publisher is waited for half a minute, and each answer takes six seconds."""
ASKED_AGAIN_EVERY = 7
"""Versions of the playlist between two requests for something old."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Something immutable that must still be there."""

    uri: str
    digest: bytes
    until: float
    """Monotonic seconds."""


class RenditionPlayer:
    """Follows one media playlist to its end."""

    def __init__(self, client: httpx.AsyncClient, url: str, findings: Findings, timeline: Timeline) -> None:
        self.url = url
        self.name = url.split("/")[-2]
        self.watch = MediaWatch()
        self.latest: Playlist | None = None
        self.first_codec = ""
        """As its first header has it."""
        self.others: list[RenditionPlayer] = []
        """Of the same presentation, for its reports."""
        self.version_count = self.part_count = self.segment_count = self.delta_count = 0
        self.late_count = self.missed_hint_count = self.again_count = self.compared_count = 0
        self.peak_bps = self.total_bytes = self.total_seconds = 0.0
        self._client = client
        self._findings = findings
        self._timeline = timeline
        self._text = ""
        self._known_edges: dict[str, tuple[int, int]] = {}
        """Of the others, when the version before was asked for: every newer one was made later."""
        self._inits: dict[str, bytes] = {}
        self._parts: dict[str, bytes] = {}
        """Of the segments that are not whole yet, and those listed last."""
        self._whole: set[int] = set()
        self._listed_at: dict[int, float] = {}
        self._longest_seconds = 0.0
        """Duration of the longest playlist."""
        self._old: deque[Kept] = deque(maxlen=200)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.version_count} versions ({self.delta_count} deltas, {self.compared_count} compared,"
            f" {self.late_count} late),"
            f" {self.part_count} parts ({self.missed_hint_count} announced and not made),"
            f" {self.segment_count} segments, {self.again_count} fetched again"
        )

    @property
    def is_video(self) -> bool:
        return self.name[0].isdigit()

    @property
    def discontinuity_count(self) -> int:
        """Up to now, those that have left the list among them."""
        return self.latest.segments[-1].discontinuity_number if self.latest and self.latest.segments else 0

    @property
    def average_bps(self) -> float:
        return self.total_bytes * 8 / self.total_seconds if self.total_seconds else 0.0

    @property
    def edge(self) -> tuple[int, int]:
        return self.latest.edge if self.latest else (0, 0)

    async def follow(self) -> None:
        """Until the playlist ends."""
        await self._read("")
        for skip in cycle(SKIPS):
            assert self.latest is not None
            if self.latest.is_ended:
                break
            msn, part = self.latest.edge
            hint = self.latest.hints[0]["URI"] if self.latest.hints else None
            hinted = asyncio.create_task(self._client.get(urljoin(self.url, hint))) if hint else None
            await self._read(f"?_HLS_msn={msn}&_HLS_part={part}{skip}", (msn, part))
            if hinted is not None and hint is not None:
                await self._check_hinted(hint, await hinted)
        await self._check_end()

    # Playlists

    async def _read(self, query: str, wanted: tuple[int, int] | None = None) -> None:
        """``wanted`` is the part that the query asks for."""
        for _ in range(MOST_LATE_ANSWERS):
            known_edges = {other.name: other.edge for other in self.others}
            response = await self._client.get(self.url + query)
            if response.status_code == 200:
                break
            self.late_count += 1
            self._check(answer_rules.late_answer(response), f"{query} {response.status_code}")
            await asyncio.sleep(float(response.headers.get("retry-after", 1)))
        else:
            raise AssertionError(f"{self.name} does not come back")
        text = response.text
        if "#EXT-X-SKIP:" in text:
            self.delta_count += 1
            self._check(delta_faults(self._text, text), text)
            text = merge_delta(self._text, text)
        playlist = read_playlist(text)
        self._check(faults(playlist) + (change_faults(self.latest, playlist) if self.latest else []), text)
        broken = answer_rules.playlist_answer(response, playlist.target_seconds, is_blocking=bool(query))
        self._check(broken, str(response.headers))
        if wanted is not None and not playlist.is_ended and not has_reached(playlist, *wanted):
            self._check(["6.2.5.2: answered before what was asked for was there"], f"{query}\n{text}")
        if not playlist.is_ended:
            self._check(report_faults(playlist, self._known_edges), f"{self._known_edges}\n{text}")
        self._known_edges = known_edges
        self._text, self.latest = text, playlist
        self.version_count += 1
        self._longest_seconds = max(self._longest_seconds, listed_seconds(playlist))
        await self._take(playlist)
        if self.version_count % ASKED_AGAIN_EVERY == 0:
            await self._ask_again()
            await self._compare_delta()

    async def _compare_delta(self) -> None:
        """With the whole playlist, unless a version lies between. Of the others each reports what it knew when made."""
        delta = (await self._client.get(f"{self.url}?_HLS_skip=YES")).text
        whole = (await self._client.get(self.url)).text
        again = (await self._client.get(f"{self.url}?_HLS_skip=YES")).text
        if delta == again and "#EXT-X-SKIP:" in delta:
            self.compared_count += 1
            if own_lines(merge_delta(self._text, delta)) != own_lines(whole):
                self._check(["6.2.5.1: a delta update does not make the whole"], f"{delta}\n{whole}")

    # Media

    async def _take(self, playlist: Playlist) -> None:
        for segment in playlist.segments:
            if segment.is_gap:
                self.watch.lose_track()
                continue
            await self._take_header(segment)
            for index, part in enumerate(segment.parts):
                if part.uri not in self._parts:
                    await self._take_part(segment, index)
            if segment.is_whole and segment.msn not in self._whole:
                self._whole.add(segment.msn)
                await self._take_segment(segment)
        self._forget(playlist)

    async def _take_header(self, segment: ListedSegment) -> None:
        assert segment.map_uri is not None
        if segment.map_uri not in self._inits:
            self._inits[segment.map_uri] = await self._media(segment.map_uri)
            self.watch.header = read_header(self._inits[segment.map_uri])
            self.first_codec = self.first_codec or self.watch.header.codec

    async def _take_part(self, segment: ListedSegment, index: int) -> None:
        part = segment.parts[index]
        self._parts[part.uri] = data = await self._media(part.uri)
        self.part_count += 1
        self._check(self.watch.observe_part(segment, part, index, data), f"{part.uri} {part}")
        if index == 0:
            self._check(self._timeline.observe(segment, self.watch.first_times[segment.msn]), f"{segment}")

    async def _take_segment(self, segment: ListedSegment) -> None:
        assert segment.uri is not None
        assert segment.seconds is not None
        now = time.monotonic()
        data = await self._media(segment.uri)
        self.segment_count += 1
        if self.latest is None or segment.seconds >= self.latest.target_seconds / 2:  # shorter ones do not count alone
            self.peak_bps = max(self.peak_bps, len(data) * 8 / segment.seconds)
        self.total_bytes, self.total_seconds = self.total_bytes + len(data), self.total_seconds + segment.seconds
        until = now + segment.seconds + self._longest_seconds - MARGIN_SECONDS
        self._old.append(Kept(segment.uri, digest(data), until))
        if segment.parts and all(part.uri in self._parts for part in segment.parts):
            together = b"".join(self._parts[part.uri] for part in segment.parts)
            self._check(
                ["4.4.4.9: a segment is not its parts, one after the other"] if together != data else (), segment.uri
            )
            self._check(self.watch.segment_faults(segment), f"{segment}")

    def _forget(self, playlist: Playlist) -> None:
        """Parts that are listed no more; for a while they are still there."""
        listed = {part.uri for segment in playlist.segments for part in segment.parts}
        until = time.monotonic() + PARTS_TARGET_DURATIONS * playlist.target_seconds - MARGIN_SECONDS
        for uri in [uri for uri in self._parts if uri not in listed]:
            self._old.append(Kept(uri, digest(self._parts.pop(uri)), until))

    async def _ask_again(self) -> None:
        """For the oldest that must still be there."""
        now = time.monotonic()
        while self._old and self._old[0].until <= now:
            self._old.popleft()
        if self._old:
            kept = self._old.popleft()
            self.again_count += 1
            data = await self._media(kept.uri)
            if data and digest(data) != kept.digest:
                self._check(["6.2.2: an address names something else than before"], kept.uri)

    async def _check_hinted(self, hint: str, response: httpx.Response) -> None:
        """It is answered with the part, when that is listed; with 404, when it will never be (§6.2.6)."""
        if response.status_code == 404:
            self.missed_hint_count += 1
            self._check(answer_rules.every_answer(response), hint)
            if hint in self._parts:
                self._check(["6.2.6: the announced part is refused, and listed"], hint)
            return
        self._check(answer_rules.media_answer(response, is_video=self.is_video), f"hinted {hint}")
        known = self._parts.get(hint)
        if known is not None and known != response.content:
            self._check(["4.4.5.3: the announced part is another one than that which is listed"], hint)

    async def _media(self, uri: str) -> bytes:
        response = await self._client.get(urljoin(self.url, uri), headers={"Accept-Encoding": "identity"})
        self._check(answer_rules.media_answer(response, is_video=self.is_video), f"{uri} {response.status_code}")
        return response.content if response.status_code == 200 else b""

    # The end

    async def _check_end(self) -> None:
        """An ended playlist is answered at once, whatever is asked for, and never changes."""
        for query in ("", "?_HLS_msn=999999&_HLS_part=0", "?_HLS_msn=1&_HLS_skip=YES"):
            response = await self._client.get(self.url + query)
            if response.status_code != 200 or response.text != self._text:
                self._check(["6.2.5.2: an ended playlist changes, or is waited for"], f"{query}\n{response.text}")

    def _check(self, broken: Iterator[str] | list[str] | tuple[str, ...], context: str) -> None:
        self._findings.check(broken, f"{self.name}: {context}")


def digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def listed_seconds(playlist: Playlist) -> float:
    parts = (part.seconds for segment in playlist.segments if not segment.is_whole for part in segment.parts)
    return sum(segment.seconds or 0.0 for segment in playlist.segments) + sum(parts)


def own_lines(text: str) -> list[str]:
    """Without what is said of other renditions; in an order of their own, because some tags may change places."""
    return sorted(line for line in text.splitlines() if not line.startswith("#EXT-X-RENDITION-REPORT:"))


def has_reached(playlist: Playlist, msn: int, part: int) -> bool:
    """A part behind the last one of a whole segment is the first of the next (§6.2.5.2)."""
    segment = playlist.find(msn)
    if segment is not None and segment.is_whole and part >= len(segment.parts):
        return playlist.edge > (msn + 1, 0)
    return playlist.edge > (msn, part)


def report_faults(playlist: Playlist, known_edges: dict[str, tuple[int, int]]) -> Iterator[str]:
    """§4.4.5.4: each other rendition once, and no older than the playlist."""
    reports = {report.get("URI", ""): report for report in playlist.reports}
    if len(reports) != len(playlist.reports):
        yield "4.4.5.4: a rendition is reported twice"
    for name, (msn, part) in known_edges.items():
        report = reports.get(f"../{name}/media.m3u8")
        if report is None:
            if (msn, part) != (0, 0):
                yield "4.4.5.4: a rendition is not reported"
            continue
        last_msn, last_part = int(report["LAST-MSN"]), int(report["LAST-PART"])
        is_whole = part == 0 and last_msn == msn - 1
        if (last_msn, last_part + 1) < (msn, part) and not is_whole:
            yield "4.4.5.4: a report is older than what was known before"


def delta_faults(known: str, delta: str) -> Iterator[str]:
    """§6.2.5.1."""
    if "#EXT-X-VERSION:9\n" not in delta and "#EXT-X-VERSION:10\n" not in delta:
        yield "8: a delta update of a version below 9"
    if delta.count("#EXT-X-SKIP:") != 1 or "SKIPPED-SEGMENTS=0" in delta:
        yield "4.4.5.2: a delta update that skips nothing, or says so more than once"
    if "#EXT-X-ENDLIST" in delta:
        yield "6.2.5.1: an ended playlist as a delta update"
    if not known:
        yield "6.2.5.1: a delta update for somebody who knows nothing"
