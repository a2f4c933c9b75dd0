"""A viewer that misses nothing: every presentation of a stream, every version it can get, every segment, decoded.

It looks when it is told to, follows presentations to their end even when newer ones have begun, and holds each playlist
against `tests.playlist_rules`. Afterwards FFmpeg decodes all that was served, one unbroken run of segments at a time.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise

import av
import httpx
from av.stream import Stream

from tests.playlist_reader import ListedSegment, Playlist
from tests.playlist_rules import PlaylistWatch, group_faults, lag_seconds, refuse
from tests.system.player import REQUEST_SECONDS, parse_multivariant

END_SECONDS = 15.0
"""Within which playlists end after the publisher's goodbye; one blocking reload takes 5 s at most."""


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that continue each other, decoded."""

    first_msn: int
    times_seconds: list[Fraction]
    """Presentation times of the frames, increasing."""
    key_frame_count: int
    size: tuple[int, int] | None
    """Of the pictures; None for sound."""
    sample_rate: int | None

    @property
    def steps_seconds(self) -> list[Fraction]:
        """From each frame to the next."""
        return [later - earlier for earlier, later in pairwise(self.times_seconds)]


@dataclass(slots=True)
class WatchedRendition:
    """One media playlist and what it listed."""

    uri: str
    watch: PlaylistWatch
    inits: dict[str, bytes] = field(default_factory=dict, repr=False)
    media: dict[int, bytes] = field(default_factory=dict, repr=False)
    """Segments by sequence number."""

    @property
    def segments(self) -> list[ListedSegment]:
        return list(self.watch.segments.values())

    @property
    def discontinuity_count(self) -> int:
        return sum(segment.has_discontinuity for segment in self.segments)

    @property
    def gap_count(self) -> int:
        return sum(segment.is_gap for segment in self.segments)

    @property
    def latest(self) -> Playlist:
        assert self.watch.latest
        return self.watch.latest

    def runs(self) -> list[Run]:
        """Everything, decoded; raises av.error.FFmpegError for what does not decode."""
        return [self._decode(segments) for segments in self._unbroken()]

    @property
    def frame_count(self) -> int:
        return sum(len(run.times_seconds) for run in self.runs())

    def _unbroken(self) -> Iterator[list[ListedSegment]]:
        kept = [segment for segment in self.segments if segment.msn in self.media]
        return (list(group) for _, group in groupby(kept, lambda each: (each.discontinuity_number, each.map_uri)))

    def _decode(self, segments: list[ListedSegment]) -> Run:
        map_uri = segments[0].map_uri
        assert map_uri
        data = self.inits[map_uri] + b"".join(self.media[segment.msn] for segment in segments)
        with av.open(io.BytesIO(data), "r", container_options={"err_detect": "explode"}) as container:
            (stream,) = container.streams
            stream.codec_context.options = {"err_detect": "explode"}
            frames = [frame for packet in _in_decode_order(container.demux(stream)) for frame in packet.decode()]
        pictures = [frame for frame in frames if isinstance(frame, av.VideoFrame)]
        sounds = [frame for frame in frames if isinstance(frame, av.AudioFrame)]
        times = [_seconds(frame) for frame in pictures or sounds]
        assert all(later > earlier for earlier, later in pairwise(times)), "presentation times increase"
        return Run(
            segments[0].msn,
            times,
            sum(picture.key_frame for picture in pictures),
            (pictures[0].width, pictures[0].height) if pictures else None,
            sounds[0].sample_rate if sounds else None,
        )


def _in_decode_order(packets: Iterable[av.Packet[Stream]]) -> Iterator[av.Packet[Stream]]:
    """The same packets (the last is empty and flushes the decoder); their decode times must increase."""
    last_dts: int | None = None
    for packet in packets:
        if packet.dts is not None:
            assert last_dts is None or packet.dts > last_dts, "decode times increase"
            last_dts = packet.dts
        yield packet


def _seconds(frame: av.VideoFrame | av.AudioFrame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


@dataclass(slots=True)
class WatchedPresentation:
    """One epoch."""

    epoch: str
    renditions: dict[str, WatchedRendition] = field(default_factory=dict)
    worst_lag_seconds: float = 0.0
    """Of one rendition behind another, at any look."""

    @property
    def video(self) -> WatchedRendition:
        (name,) = self.renditions.keys() - {"audio"}
        return self.renditions[name]

    @property
    def audio(self) -> WatchedRendition:
        return self.renditions["audio"]

    @property
    def target_seconds(self) -> int:
        return next(iter(self.renditions.values())).latest.target_seconds

    @property
    def is_ended(self) -> bool:
        latest = [rendition.watch.latest for rendition in self.renditions.values()]
        return all(playlist is not None and playlist.is_ended for playlist in latest)


class Viewer:
    """Watches one stream."""

    def __init__(self, base_url: str, stream_name: str, *, keeps_media: bool) -> None:
        """``keeps_media``: every segment is fetched, to be decoded."""
        self._index_url = f"{base_url}/live/{stream_name}/index.m3u8"
        self._folder_url = f"{base_url}/live/{stream_name}/"
        self._keeps_media = keeps_media
        self._client = httpx.AsyncClient(timeout=REQUEST_SECONDS)
        self._by_epoch: dict[str, WatchedPresentation] = {}

    @property
    def presentations(self) -> list[WatchedPresentation]:
        """Oldest first."""
        return list(self._by_epoch.values())

    async def close(self) -> None:
        await self._client.aclose()

    async def look(self) -> None:
        """Reads the multivariant playlist and the newest version of everything that has not ended."""
        await self._find_renditions()
        for presentation in self.presentations:
            if not presentation.is_ended:
                await self._look_at(presentation)

    async def until_ended(self) -> None:
        """Follows every playlist to its end by blocking reloads."""
        await self.look()
        async with asyncio.timeout(END_SECONDS):
            for presentation in self.presentations:
                for rendition in presentation.renditions.values():
                    while not rendition.latest.is_ended:
                        await self._fetch(rendition, is_blocking=True)

    async def _find_renditions(self) -> None:
        response = await self._client.get(self._index_url)
        if response.status_code == httpx.codes.NOT_FOUND:
            return
        response.raise_for_status()
        variants, media = parse_multivariant(response.text)
        for uri in [*(variant.uri for variant in variants), *(each["URI"] for each in media if "URI" in each)]:
            epoch, name, _ = uri.split("/")
            presentation = self._by_epoch.setdefault(epoch, WatchedPresentation(epoch))
            presentation.renditions.setdefault(name, WatchedRendition(uri, PlaylistWatch(uri)))

    async def _look_at(self, presentation: WatchedPresentation) -> None:
        renditions = presentation.renditions.values()
        playlists = [await self._fetch(rendition) for rendition in renditions]
        refuse(group_faults(playlists), "\n\n".join("\n".join(playlist.lines) for playlist in playlists))
        presentation.worst_lag_seconds = max(presentation.worst_lag_seconds, lag_seconds(playlists))

    async def _fetch(self, rendition: WatchedRendition, *, is_blocking: bool = False) -> Playlist:
        # Without a directive the answer waits for a whole segment.
        msn, part = rendition.latest.edge if is_blocking else (0, 0)
        text = await self._get(f"{rendition.uri}?_HLS_msn={msn}&_HLS_part={part}")
        playlist = rendition.watch.observe(text.decode())
        if self._keeps_media:
            await self._keep(rendition, playlist.whole_segments)
        return playlist

    async def _keep(self, rendition: WatchedRendition, segments: Iterable[ListedSegment]) -> None:
        folder = rendition.uri.rsplit("/", 1)[0]
        for segment in segments:
            if segment.map_uri is not None and segment.map_uri not in rendition.inits:
                rendition.inits[segment.map_uri] = await self._get(f"{folder}/{segment.map_uri}")
            if segment.msn not in rendition.media and not segment.is_gap:
                rendition.media[segment.msn] = await self._get(f"{folder}/{segment.uri}")

    async def _get(self, uri: str) -> bytes:
        response = await self._client.get(self._folder_url + uri)
        response.raise_for_status()
        return response.content
