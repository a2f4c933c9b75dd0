"""A viewer rewinds to the beginning of a stream, which memory has long let go of; and disks that do not serve."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.support import Publisher, ServerProcess
from tests.system.player import Player
from tests.system.test_serve import WAIT_SECONDS, follow_until_segment, until_live, watching

pytestmark = pytest.mark.anyio

MEMORY_SECONDS = 6
SEGMENTS = 10


async def test_the_beginning_is_still_there(tmp_path: Path, clip: Path) -> None:
    with ServerProcess(tmp_path, window_seconds=MEMORY_SECONDS, partner_dvr_seconds=3600) as server:
        with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"):
            async with watching(server) as player:
                for variant in await until_live(player):
                    playlist = await follow_until_segment(player, variant.uri, msn=SEGMENTS)
                    assert [segment.msn for segment in playlist.segments][:SEGMENTS] == list(range(1, SEGMENTS + 1))
                    times = await picture_times(player, variant.uri, [f"seg-{msn}.m4s" for msn in range(1, SEGMENTS)])
                    assert len(times) == pytest.approx((SEGMENTS - 1) * 2 * 30, abs=2)
        stored = {path.name for path in (tmp_path / "dvr").rglob("*.m4s")}
        assert "seg-1.m4s" in stored
        assert f"seg-{SEGMENTS}.m4s" not in stored
    assert not (tmp_path / "dvr").exists()


async def test_a_full_disk_costs_the_past_only(tmp_path: Path, clip: Path) -> None:
    with ServerProcess(tmp_path, window_seconds=MEMORY_SECONDS, partner_dvr_seconds=3600) as server:
        with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"):
            async with watching(server) as player:
                variants = await until_live(player)
                await spoil(tmp_path, lambda path: path.symlink_to("/dev/full"))
                for variant in variants:
                    playlist = await follow_until_segment(player, variant.uri, msn=SEGMENTS)
                    assert playlist.segments[0].msn > 1
                    assert playlist.segments[-1].msn - playlist.segments[0].msn < SEGMENTS - 2
        assert "No space left on device" in server.log_path.read_text()
        assert server.stop() == 0
    assert not (tmp_path / "dvr").exists()


async def test_a_disk_that_stands_still_holds_nothing_up(tmp_path: Path, clip: Path) -> None:
    """Neither live media, nor the end of the server."""
    with ServerProcess(tmp_path, window_seconds=MEMORY_SECONDS, partner_dvr_seconds=3600) as server:
        with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"):
            async with watching(server) as player:
                variants = await until_live(player)
                await spoil(tmp_path, os.mkfifo)
                for variant in variants:
                    playlist = await follow_until_segment(player, variant.uri, msn=SEGMENTS)
                    assert playlist.segments[0].msn == 1
                    for uri in [segment.uri for segment in playlist.segments if segment.uri is not None]:
                        assert await player.bytes(variant.uri, uri)
        assert server.stop() == 0
        assert "dvr_not_emptied" in server.log_path.read_text()


async def spoil(data_dir: Path, spoil_file: Callable[[Path], None]) -> None:
    """Prepares what the next segments will be written to, as soon as the first one is."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (first := list((data_dir / "dvr").glob("*/*/seg-1.m4s"))):
            await asyncio.sleep(0.05)
    for msn in range(2, SEGMENTS):
        spoil_file(first[0].with_name(f"seg-{msn}.m4s"))


async def picture_times(player: Player, uri: str, segment_uris: list[str]) -> list[float]:
    data = await player.bytes(uri, "init-1.mp4") + b"".join([await player.bytes(uri, each) for each in segment_uris])
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.time for frame in container.decode(video=0) if frame.time is not None]
