"""Rungs that are left out for want of processor, or of viewers: what players are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import Publisher, ServerProcess, make_clip
from tests.system.test_serve import WAIT_SECONDS, follow_until_segment, until_live, until_log, watching

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square one, so that 360p is encoded beside it at little cost."""
    return make_clip(tmp_path_factory.mktemp("clip") / "small.mp4", seconds=10, width=400, height=400)


@contextmanager
def publishing(folder: Path, clip: Path, **settings: object) -> Iterator[ServerProcess]:
    """A server with these settings, and alice live on it."""
    with (
        ServerProcess(folder, **settings) as server,
        Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"),
    ):
        yield server


async def test_what_the_processor_does_not_suffice_for_is_not_offered(tmp_path: Path, small_clip: Path) -> None:
    with publishing(tmp_path, small_clip, transcode_cores=0.01) as server:
        async with watching(server) as player:
            (variant,) = await until_live(player)
            assert variant.name == "400p"
            assert not (await follow_until_segment(player, variant.uri, msn=4)).is_ended
            (variant,), _ = await player.multivariant()
            epoch = variant.uri.split("/")[0]
            left_out = await player.client.get(f"{server.base_url}/live/alice/{epoch}/360p/media.m3u8")
            assert left_out.status_code == 404
    assert '"rungs": [], "dormant": [], "event": "rungs_selected"' in server.log_path.read_text()


@pytest.mark.parametrize("http_workers", [0, 2])
async def test_a_rung_that_nobody_watches_begins_when_it_is_asked_for(
    tmp_path: Path, small_clip: Path, http_workers: int
) -> None:
    with publishing(tmp_path, small_clip, on_demand="true", http_workers=http_workers) as server:
        async with watching(server) as player:
            await until_live(player)
            await until_log(server, '"rungs": [], "dormant": ["360p"], "event": "rungs_selected"')
            variants = await until_both_are_offered(player.playback_url)
            source, rung = variants["400p"], variants["360p"]
            before = await follow_until_segment(player, source, msn=4)
            first = await player.media(rung)
            assert first.segments[-1].msn - before.segments[-1].msn in {0, 1, 2}
            later = await follow_until_segment(player, rung, msn=first.segments[-1].msn + 2)
            gap, begun, *others = later.segments
            assert gap.is_gap
            assert not [segment for segment in (begun, *others) if segment.is_gap or segment.has_discontinuity]
            data = [await player.bytes(rung, uri) for uri in (begun.map_uri, begun.uri) if uri]
            assert len(data) == 2
            times = {segment.msn: segment.duration_seconds for segment in (await player.media(source)).segments}
            assert begun.duration_seconds == times[begun.msn]


async def until_both_are_offered(playback_url: str) -> dict[str, str]:
    """URIs by name. A rung that sleeps is offered once its encoder has said what it makes."""
    async with httpx.AsyncClient() as client, asyncio.timeout(WAIT_SECONDS):
        while True:
            text = (await client.get(playback_url)).text
            uris = [line for line in text.splitlines() if line.endswith("/media.m3u8")]
            names = {uri.split("/")[-2]: uri for uri in uris}
            if {"400p", "360p"} <= names.keys():
                return names
            await asyncio.sleep(0.1)
