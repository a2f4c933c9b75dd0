"""Sound beside the picture, passed through or encoded by real worker processes: what is heard, and when."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from heapq import merge
from itertools import pairwise

import av
import numpy as np
import pytest

from packager.multivariant import multivariant_playlist
from packager.presentation import Presentation
from packager.window import Window
from pinkmedia.ladder_settings import RungSettings
from pinkmedia.media import AudioTrack, Packet, VideoTrack
from pinkmedia.publishing import Publication
from tests.packager.fragments import parse_fragment
from tests.pictures import FIRST_TICKS, encoded_video
from tests.pinkmedia.live.conftest import Site
from tests.pinkmedia.live.test_encoding import remember_taken
from tests.transcode.sounds import ORIGIN_SECONDS, clicks, encoded, loud_seconds
from transcode.pool import WorkerPool

pytestmark = pytest.mark.anyio

SECONDS = 6
MOST_OFFSET_SECONDS = 0.001


@pytest.fixture
def is_transcoding() -> bool:
    return True


@pytest.fixture(scope="module")
def flashes() -> tuple[VideoTrack, list[Packet]]:
    """A white picture in the middle of every second; smaller than every rung, so that only sound is encoded."""
    return encoded_video(SECONDS * 30, flash_every=30)


def beeps(encoder: str, sample_rate: int = 48_000, layout: str = "stereo") -> tuple[AudioTrack, list[Packet]]:
    """A click in the middle of every second, on the pictures' timeline."""
    track, packets = encoded(encoder, clicks(SECONDS, sample_rate), sample_rate, layout)
    shift_ticks = FIRST_TICKS * sample_rate // 90_000 - ORIGIN_SECONDS * sample_rate
    moved = [each.pts_ticks + shift_ticks for each in packets]
    return track, [replace(each, pts_ticks=ticks, dts_ticks=ticks) for each, ticks in zip(packets, moved, strict=True)]


def interleaved(*sources: tuple[VideoTrack | AudioTrack, Iterable[Packet]]) -> list[Packet]:
    """In the order of time; copies, because the pipeline owns what it is given."""
    series = [
        [(each.dts_ticks / track.timescale, replace(each, received_at=0.0)) for each in packets]
        for track, packets in sources
    ]
    return [packet for _, packet in merge(*series, key=lambda timed: timed[0])]


async def published(site: Site, tracks: Sequence[VideoTrack | AudioTrack], packets: Iterable[Packet]) -> Presentation:
    """Everything is written, and the presentation has ended."""
    publication = await site.publish()
    publication.begin(tracks)
    for packet in packets:
        publication.write(packet)
    return await ended(site, publication)


async def ended(site: Site, publication: Publication) -> Presentation:
    presentation = presentation_of(site)
    publication.end("unpublished", is_clean=True)
    await until(lambda: presentation.is_ended)
    return presentation


def presentation_of(site: Site) -> Presentation:
    presentation = site.directory.find_presentation("alice")
    assert presentation is not None
    return presentation


async def until(is_true: Callable[[], bool]) -> None:
    """Waits for what a worker process brings about."""
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.01)


def window_of(presentation: Presentation, name: str) -> Window:
    window = presentation.find(name)
    assert window is not None
    return window


def media(window: Window) -> bytes:
    (init_uri,) = {segment.init_uri for segment in window.segments}
    init = window.find_init(init_uri)
    assert init is not None
    return init.data + b"".join(part.data for segment in window.segments for part in segment.parts)


def flash_seconds(window: Window) -> list[float]:
    with av.open(io.BytesIO(media(window)), "r") as container:
        return [
            frame.time
            for frame in container.decode(video=0)
            if frame.time is not None and frame.to_ndarray(format="gray").mean() > 128
        ]


def click_seconds(window: Window) -> list[float]:
    """By each frame's own time: gaps between them are allowed."""
    heard: list[float] = []
    with av.open(io.BytesIO(media(window)), "r") as container:
        rate = container.streams.audio[0].rate
        for frame in container.decode(audio=0):
            assert frame.time is not None
            wave = frame.to_ndarray().astype(np.float32)
            heard += [frame.time + seconds for seconds in loud_seconds(wave, rate)]
    return heard


def times(window: Window) -> list[int]:
    parts = [part for segment in window.segments for part in segment.parts]
    return [ticks for part in parts for ticks in parse_fragment(part.data).presentation_times_ticks]


def assert_unbroken(window: Window) -> None:
    assert {later - earlier for earlier, later in pairwise(times(window))} == {1024}
    assert not any(segment.is_gap for segment in window.segments)


@pytest.mark.parametrize(
    ("encoder", "sample_rate", "layout"),
    [
        ("aac", 48_000, "stereo"),
        ("aac", 44_100, "mono"),
        ("aac", 48_000, "5.1"),
        ("ac3", 48_000, "5.1(side)"),
        ("eac3", 44_100, "stereo"),
        ("libopus", 48_000, "stereo"),
        ("flac", 96_000, "stereo"),
    ],
)
async def test_flash_and_click_come_together(
    site: Site, pool: WorkerPool, flashes: tuple[VideoTrack, list[Packet]], encoder: str, sample_rate: int, layout: str
) -> None:
    await pool.start()
    video, audio = flashes, beeps(encoder, sample_rate, layout)
    presentation = await published(site, [video[0], audio[0]], interleaved(video, audio))
    window = window_of(presentation, "audio")
    assert window.rendition.track.codec_string == "mp4a.40.2"
    assert isinstance(window.rendition.track, AudioTrack)
    assert window.rendition.track.channels <= 2
    seen, heard = flash_seconds(window_of(presentation, "180p")), click_seconds(window)
    assert len(seen) == SECONDS
    assert heard == pytest.approx(seen, abs=MOST_OFFSET_SECONDS)
    assert_unbroken(window)


async def test_sound_alone_is_encoded(site: Site, pool: WorkerPool) -> None:
    await pool.start()
    audio = beeps("ac3", layout="5.1(side)")
    presentation = await published(site, [audio[0]], interleaved(audio))
    assert presentation.names == {"audio"}
    heard = click_seconds(window_of(presentation, "audio"))
    assert np.diff(heard) == pytest.approx([1.0] * (SECONDS - 1), abs=MOST_OFFSET_SECONDS)


async def test_every_track_is_a_rendition(
    site: Site, pool: WorkerPool, flashes: tuple[VideoTrack, list[Packet]]
) -> None:
    await pool.start()
    surround, stereo = beeps("ac3", layout="5.1(side)"), beeps("aac")
    other = (replace(stereo[0], track_id=4), [replace(packet, track_id=4) for packet in stereo[1]])
    presentation = await published(site, [flashes[0], surround[0], other[0]], interleaved(flashes, surround, other))
    assert [window.rendition.name for window in presentation.windows] == ["180p", "audio", "audio-2"]
    for name in ("audio", "audio-2"):
        assert len(click_seconds(window_of(presentation, name))) == SECONDS


@pytest.mark.parametrize("ladder", [(RungSettings(name="360p", height=360, kbps=700, audio_kbps=64),)])
async def test_a_rung_has_sound_of_its_own_beside_what_is_passed_through(site: Site, pool: WorkerPool) -> None:
    await pool.start()
    video = encoded_video(SECONDS * 30, width=960, height=540, flash_every=30)
    audio = beeps("aac")
    presentation = await published(site, [video[0], audio[0]], interleaved(video, audio))
    assert [window.rendition.name for window in presentation.windows] == ["540p", "audio", "audio-64k", "360p"]
    seen = flash_seconds(window_of(presentation, "540p"))
    for name in ("audio", "audio-64k"):
        assert click_seconds(window_of(presentation, name)) == pytest.approx(seen, abs=MOST_OFFSET_SECONDS)
        assert_unbroken(window_of(presentation, name))
    assert media(window_of(presentation, "audio-64k")) != media(window_of(presentation, "audio"))
    variants = re.findall('AUDIO="(.+)",CLOSED.*\ne/(.+)/', multivariant_playlist(presentation.windows, base_uri="e/"))
    assert variants == [("audio", "540p"), ("audio-64k", "360p"), ("audio-64k", "audio-64k")]


@pytest.mark.parametrize("payload", [b"nothing", b"\x0b\x77" + bytes(100), b"\xff" * 2000])
async def test_sound_that_cannot_be_decoded_costs_no_picture(site: Site, pool: WorkerPool, payload: bytes) -> None:
    await pool.start()
    video = encoded_video(120, width=960, height=540, key_every=60)
    track, packets = beeps("ac3")
    broken = [replace(packet, payload=payload) for packet in packets if packet.pts_ticks < 5 * 48_000]
    presentation = await published(site, [video[0], track], interleaved(video, (track, broken)))
    rung, window = window_of(presentation, "480p"), window_of(presentation, "audio")
    assert len(times(rung)) == len(times(window_of(presentation, "540p"))) == 120
    assert click_seconds(window) == []
    assert_unbroken(window)
    assert times(window)[-1] - times(window)[0] == pytest.approx(4 * 48_000, abs=3 * 1536)


# Missing sound


def between(packets: Iterable[Packet], sample_rate: int, begin_seconds: float, end_seconds: float) -> list[Packet]:
    """Those that begin in this piece of the clip."""
    first = FIRST_TICKS / 90_000
    return [each for each in packets if begin_seconds <= each.pts_ticks / sample_rate - first < end_seconds]


PIECES = pytest.mark.parametrize(
    ("pieces", "clicks_left"),
    [
        ([(0.0, 1.9), (4.1, 6.0)], [0, 1, 4, 5]),
        ([(2.1, 6.0)], [2, 3, 4, 5]),
        ([(0.0, 1.9)], [0, 1]),
        ([], []),
    ],
    ids=["stops and comes back", "begins late", "ends early", "never comes"],
)


@PIECES
@pytest.mark.parametrize(("encoder", "sample_rate"), [("aac", 48_000), ("ac3", 48_000), ("eac3", 44_100)])
async def test_missing_sound_is_silence(
    site: Site,
    pool: WorkerPool,
    flashes: tuple[VideoTrack, list[Packet]],
    encoder: str,
    sample_rate: int,
    pieces: list[tuple[float, float]],
    clicks_left: list[int],
) -> None:
    await pool.start()
    track, packets = beeps(encoder, sample_rate)
    left = [packet for piece in pieces for packet in between(packets, sample_rate, *piece)]
    presentation = await published(site, [flashes[0], track], interleaved(flashes, (track, left)))
    window = window_of(presentation, "audio")
    seen = flash_seconds(window_of(presentation, "180p"))
    assert click_seconds(window) == pytest.approx([seen[index] for index in clicks_left], abs=MOST_OFFSET_SECONDS)
    starts = [
        [round(each.start_seconds, 1) for each in (window_of(presentation, name).segments)]
        for name in ("180p", "audio")
    ]
    assert starts[0] == starts[1]
    steps = {later - earlier for earlier, later in pairwise(times(window))}
    assert max(steps) < 2 * 1024


@pytest.mark.parametrize("is_transcoding", [False])
async def test_without_transcoding_nothing_is_made_up(site: Site, flashes: tuple[VideoTrack, list[Packet]]) -> None:
    track, packets = beeps("ac3")
    left = between(packets, 48_000, 0, 1.9) + between(packets, 48_000, 4.1, 6)
    presentation = await published(site, [flashes[0], track], interleaved(flashes, (track, left)))
    window = window_of(presentation, "audio")
    assert window.rendition.track == track
    assert len(times(window)) == len(between(left, 48_000, 0, 6))


async def test_a_killed_worker_is_replaced_and_sound_goes_on_with_the_next_segment(
    site: Site, pool: WorkerPool, flashes: tuple[VideoTrack, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.start()
    taken = remember_taken(pool, monkeypatch)
    audio = beeps("ac3")
    publication = await site.publish()
    publication.begin([flashes[0], audio[0]])
    packets = interleaved(flashes, audio)
    middle = len(packets) * 5 // 12
    for packet in packets[:middle]:
        publication.write(packet)
    begun = window_of(presentation_of(site), "audio").segments
    await until(lambda: bool(begun) and begun[-1].msn == 2)
    pid = taken[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await taken[0].wait_until_reaped()
    await asyncio.sleep(0)
    for packet in packets[middle:]:
        publication.write(packet)
    presentation = await ended(site, publication)
    assert len(taken) == 2
    video, window = window_of(presentation, "180p"), window_of(presentation, "audio")
    bounds = [
        [(each.msn, each.has_discontinuity, round(each.start_seconds, 1)) for each in each_window.segments]
        for each_window in (video, window)
    ]
    assert bounds[0] == bounds[1]
    assert [has_discontinuity for _, has_discontinuity, _ in bounds[0]].count(True) == 1
    seen, heard = flash_seconds(video), click_seconds(window)
    assert heard[-2:] == pytest.approx(seen[-2:], abs=MOST_OFFSET_SECONDS)
