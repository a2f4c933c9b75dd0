"""The encoded rungs beside the passthrough, made by real worker processes."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Sequence

import pytest

from packager.presentation import Presentation
from packager.window import Window
from pinkmedia.live import encoding as encoding_module
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.encoding import RESTART_WAITS_SECONDS, Encoding, EncodingState, EncodingStatus
from pinkmedia.live.governor import Governor, GovernorSettings
from pinkmedia.media import Packet, PictureSheet, Rendition, VideoTrack
from pinkmedia.publishing import Publication
from pinkmedia.tiers import Tier
from tests.packager.fragments import parse_fragment
from tests.pictures import FRAME_TICKS, encoded_video
from tests.pinkmedia.live.conftest import Site
from transcode.ladder import Ladder, plan_ladder
from transcode.pool import TranscodeWorker, WorkerPool

pytestmark = pytest.mark.anyio


@pytest.fixture
def is_transcoding() -> bool:
    return True


@pytest.fixture(scope="module")
def footage() -> tuple[VideoTrack, list[Packet]]:
    """Six seconds, a key frame every second."""
    return encoded_video(180, width=960, height=540)


def copies(packets: Sequence[Packet]) -> list[Packet]:
    """The pipeline owns what it is given."""
    return [
        Packet(each.track_id, each.dts_ticks, each.pts_ticks, each.duration_ticks, each.is_sync, each.payload, 0.0)
        for each in packets
    ]


def presentation_of(site: Site) -> Presentation:
    presentation = site.directory.find_presentation("alice")
    assert presentation is not None
    return presentation


def window_of(site: Site, name: str) -> Window:
    window = presentation_of(site).find(name)
    assert window is not None
    return window


async def until(is_true: Callable[[], bool]) -> None:
    """Waits for what a worker process brings about."""
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.01)


async def begun(site: Site, track: VideoTrack) -> Publication:
    publication = await site.publish()
    publication.begin([track])
    return publication


def remember_taken(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> list[TranscodeWorker]:
    """The workers that are taken from the pool from now on."""
    taken: list[TranscodeWorker] = []
    take = pool.take

    def take_and_remember() -> TranscodeWorker:
        taken.append(take())
        return taken[-1]

    monkeypatch.setattr(pool, "take", take_and_remember)
    return taken


def times(window: Window) -> list[int]:
    parts = [part for segment in window.segments for part in segment.parts]
    return [ticks for part in parts for ticks in parse_fragment(part.data).presentation_times_ticks]


async def test_every_rung_has_the_sources_boundaries_and_times(
    site: Site, pool: WorkerPool, footage: tuple[VideoTrack, list[Packet]]
) -> None:
    await pool.start()
    track, packets = footage
    publication = await begun(site, track)
    for packet in copies(packets):
        publication.write(packet)
    presentation = presentation_of(site)
    publication.end("unpublished", is_clean=True)
    await until(lambda: presentation.is_ended)
    source, rung = presentation.find("540p"), presentation.find("480p")
    assert source is not None
    assert rung is not None
    for window in (source, rung):
        assert [(segment.msn, segment.start_seconds) for segment in window.segments] == [(1, 1.0), (2, 3.0), (3, 5.0)]
        assert [segment.parts[0].is_independent for segment in window.segments] == [True] * 3
    assert times(rung) == times(source) == [90_000 + number * FRAME_TICKS for number in range(180)]


async def test_a_killed_worker_is_replaced_and_the_playlists_go_on(
    site: Site, pool: WorkerPool, footage: tuple[VideoTrack, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.start()
    taken = remember_taken(pool, monkeypatch)
    track, packets = footage
    publication = await begun(site, track)
    for packet in copies(packets[:90]):
        publication.write(packet)
    await until(lambda: (found := presentation_of(site).find("480p")) is not None and len(times(found)) > 60)
    pid = taken[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await taken[0].wait_until_reaped()
    await asyncio.sleep(0)

    for packet in copies(packets[90:]):
        publication.write(packet)
    await until(lambda: len(taken) == 2 and window_of(site, "480p").segments[-1].msn == 4)
    assert site.metrics.restarts == 1
    assert site.disconnected == []
    for name in ("540p", "480p"):
        described = [(segment.msn, segment.has_discontinuity) for segment in window_of(site, name).segments]
        # The first key frame after the kill begins a segment, before its time; from there all is as before.
        assert described == [(1, False), (2, False), (3, True), (4, False)], name
    assert len(times(window_of(site, "540p"))) == 180


async def test_key_frames_far_apart_are_encoded_anew_on_a_grid(site: Site, pool: WorkerPool) -> None:
    await pool.start()
    track, packets = encoded_video(330, key_every=150)
    publication = await begun(site, track)
    for packet in copies(packets[:180]):
        publication.write(packet)
    assert presentation_of(site).names == {"180p"}
    for packet in copies(packets[180:]):
        publication.write(packet)
    presentation = presentation_of(site)
    publication.end("unpublished", is_clean=True)
    await until(lambda: presentation.is_ended)
    window = presentation.find("180p")
    assert window is not None
    assert not window.rendition.is_passthrough
    assert [segment.duration_seconds for segment in window.segments] == [
        pytest.approx(2.0),
        pytest.approx(2.0),
        pytest.approx(2.0),
    ]


class GivenUp:
    """A sink that remembers which rungs will not come."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add_rendition(self, rendition: Rendition) -> None:
        raise AssertionError("no worker ever starts here")

    def write(self, rendition_name: str, packet: Packet) -> None:
        raise AssertionError("no worker ever starts here")

    def show(self, thumbnail: bytes, sheet: PictureSheet) -> None:
        raise AssertionError("no worker ever starts here")

    def withdraw(self, rendition_name: str, *, is_dormant: bool = False) -> None:
        raise AssertionError("nothing was paused")

    def was_asked_for(self, rendition_name: str, since: float) -> bool:
        return False

    def give_up(self, rendition_name: str) -> None:
        self.names.append(rendition_name)


class Clock:
    """Monotonic seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def refuse_workers(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def take() -> TranscodeWorker:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(pool, "take", take)


async def test_workers_that_fail_one_after_another_are_tried_ever_later_and_not_for_ever(
    pool: WorkerPool, footage: tuple[VideoTrack, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_workers(pool, monkeypatch)
    track, _ = footage
    sink, clock, reasons = GivenUp(), Clock(), list[str]()
    host = EncoderHost(pool, Governor(GovernorSettings(cores=64.0, max_workers=64)))
    encoding = Encoding(
        host,
        track,
        plan_ladder(track, Ladder(), passthrough=True),
        sink,
        stream_name="alice",
        tier=Tier.PARTNER,
        on_restart=lambda: None,
        on_given_up=reasons.append,
        clock=clock,
    )
    for wait_seconds in RESTART_WAITS_SECONDS:
        assert encoding.status.state is EncodingState.RESTARTING
        assert encoding.lost_names == ("480p", "360p")
        clock.seconds += wait_seconds - 0.001
        assert not encoding.needs_restart or wait_seconds == 0.0
        clock.seconds += 0.001
        assert encoding.needs_restart
        assert reasons == sink.names == []
        encoding.restart()
    assert sink.names == ["480p", "360p"]
    assert reasons == ["worker cannot be started: Too many open files"]
    assert encoding.status == EncodingStatus(EncodingState.GIVEN_UP, reasons[0])
    assert encoding.lost_names == ()
    clock.seconds += 3600.0
    assert not encoding.needs_restart


async def test_passthrough_goes_on_when_the_rungs_are_given_up(
    site: Site, pool: WorkerPool, footage: tuple[VideoTrack, list[Packet]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_workers(pool, monkeypatch)
    monkeypatch.setattr(encoding_module, "RESTART_WAITS_SECONDS", (0.0,) * len(RESTART_WAITS_SECONDS))
    track, packets = footage
    publication = await begun(site, track)
    for packet in copies(packets[:40]):
        publication.write(packet)
    assert site.directory.encoding_of("alice") == ("restarting", "worker cannot be started: Too many open files")
    for packet in copies(packets[40:]):
        publication.write(packet)
    assert site.directory.encoding_of("alice") == ("given_up", "worker cannot be started: Too many open files")
    assert (site.metrics.given_up, site.disconnected) == (1, [])
    assert site.directory.status_of("alice") == "live"
    assert presentation_of(site).names == {"540p"}
    assert len(times(window_of(site, "540p"))) == len(packets)


async def test_a_broadcast_without_any_picture_left_ends_and_its_publisher_is_told(
    site: Site, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_workers(pool, monkeypatch)
    monkeypatch.setattr(encoding_module, "RESTART_WAITS_SECONDS", (0.0,) * len(RESTART_WAITS_SECONDS))
    track, packets = encoded_video(760, width=160, height=90, key_every=150)  # too far apart to be passed through
    publication = await begun(site, track)
    for packet in copies(packets):
        publication.write(packet)
    presentation = presentation_of(site)
    await until(lambda: presentation.is_ended)
    assert site.disconnected == ["what is sent cannot be transcoded: worker cannot be started: Too many open files"]
    assert site.directory.status_of("alice") == "offline"
    assert site.directory.encoding_of("alice") == ("none", None)
