"""A whole server, followed by a player that checks every rule it can see (RFC 8216bis), while things happen to it:

    the publisher's line breaks, and it comes back    it comes back with pictures of another size
    a transcoding worker dies                         it says goodbye

``--conformance-minutes 10`` lasts that long instead of a minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.client import ConformanceClient, Presentation
from tests.support import Publisher, ServerProcess, make_clip

pytestmark = pytest.mark.anyio

LADDER = [
    {"name": "240p", "height": 240, "max_fps": 30, "kbps": 400},
    {"name": "180p", "height": 180, "max_fps": 30, "kbps": 250},
]
DVR_SECONDS = 30
"""More than six target durations, so that there are delta updates."""
AWAY_SECONDS = 3.0
LOST_BEHIND = 2
"""Target durations: what a rung lacks after its worker has died is listed as a gap when that segment is over."""
PHASES = 4
END_SECONDS = 30.0
"""For playlists to end after the publisher's goodbye."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    wide = make_clip(folder / "360p.mp4", seconds=30, width=640, height=360, kbps=900)
    return wide, make_clip(folder / "square.mp4", seconds=30, width=480, height=360, kbps=900)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, ladder=json.dumps(LADDER), partner_dvr_seconds=DVR_SECONDS) as server:
        yield server
        assert server.stop() == 0
    assert "Traceback" not in server.log_path.read_text()


def newest_worker(server: ServerProcess) -> int:
    events = [json.loads(line) for line in server.log_path.read_text().splitlines() if '"worker_started"' in line]
    return int(events[-1]["pid"])


async def test_every_rule_holds_whatever_happens(
    server: ServerProcess,
    clips: tuple[Path, Path],
    pytestconfig: pytest.Config,
) -> None:
    phase_seconds = 60.0 * pytestconfig.getoption("conformance_minutes") / PHASES
    url = f"{server.rtmp_url}/{server.create_stream('alice')}"
    client = ConformanceClient(f"{server.base_url}/live/alice/index.m3u8")
    is_over = asyncio.Event()
    with ExitStack() as stack:
        following = asyncio.create_task(client.follow(until_over=is_over))
        try:
            publisher = stack.enter_context(Publisher(clips[0], url))
            await lasting(phase_seconds, following)
            publisher.lose()
            await lasting(AWAY_SECONDS, following)
            publisher = stack.enter_context(Publisher(clips[0], url))
            await lasting(phase_seconds, following)
            client.presentations[-1].most_behind = LOST_BEHIND
            os.kill(newest_worker(server), signal.SIGKILL)
            await lasting(phase_seconds, following)
            client.presentations[-1].most_behind = 1
            publisher.lose()
            await lasting(AWAY_SECONDS, following)
            publisher = stack.enter_context(Publisher(clips[1], url))
            await lasting(phase_seconds, following)
            is_over.set()
            publisher.stop()
            await asyncio.wait_for(following, END_SECONDS)
        finally:
            following.cancel()
            await client.close()
    logging.getLogger(__name__).info("%s", described(client))  # shown by -o log_cli=true
    client.findings.refuse()
    check_coverage(client.presentations)


async def lasting(seconds: float, following: asyncio.Task[None]) -> None:
    """Time goes by; when the client fails meanwhile, so does the test."""
    done, _ = await asyncio.wait([following], timeout=seconds)
    for task in done:
        task.result()
        pytest.fail("the stream has ended too early")


def described(client: ConformanceClient) -> str:
    return "\n".join([f"{client.findings.check_count} checks", *map(str, client.presentations)])


def check_coverage(presentations: list[Presentation]) -> None:
    """The run has seen what it is for."""
    players = [player for presentation in presentations for player in presentation.players.values()]
    assert {player.name for player in players} >= {"360p", "240p", "180p", "audio"}
    assert all(player.part_count and player.segment_count for player in players)
    assert sum(player.delta_count for player in players) > 0
    assert sum(presentation.probe_count for presentation in presentations) > 0
    assert sum(player.again_count for player in players) > 0
    assert sum(player.compared_count for player in players) > 0
    assert all(player.discontinuity_count for player in players)
