"""A viewer rewinds to the beginning of a stream, which memory has long let go of."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from tests.support import Publisher, ServerProcess
from tests.system.player import Player
from tests.system.test_serve import follow_until_segment, until_live, watching

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


async def picture_times(player: Player, uri: str, segment_uris: list[str]) -> list[float]:
    data = await player.bytes(uri, "init-1.mp4") + b"".join([await player.bytes(uri, each) for each in segment_uris])
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.time for frame in container.decode(video=0) if frame.time is not None]
