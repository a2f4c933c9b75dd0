"""A worker that dies or hangs costs its own stream's rungs a few seconds, and nobody else anything.

Two streams are transcoded side by side, and the worker of one is spoilt. Viewers of both miss no version of any
playlist (`tests.time_cases.viewer`), and decode all that was served.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import Publisher, ServerProcess, make_clip
from tests.time_cases.expectations import assert_no_hole, assert_untouched
from tests.time_cases.viewer import Viewer, WatchedPresentation, WatchedRendition

pytestmark = pytest.mark.anyio

WAIT_SECONDS = 90.0
"""For what takes some ten seconds: a hang is noticed, the next segment begins, two more follow."""
LOOK_SECONDS = 0.2
"""Between two looks: no part is listed for as short a time."""
SIDE_PIXELS = 400
"""Of a square picture: the smallest, nearly, beside which a rung is encoded."""
SEGMENTS_BEFORE = 2
SEGMENTS_AFTER = 3
LITTLE_BYTES = 1024 * 1024
"""Less than any process has: it gets nothing more."""
IDLE_LOOKS = 5
"""In a row without any work: a second."""


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "small.mp4", seconds=30, width=SIDE_PIXELS, height=SIDE_PIXELS)


@pytest.fixture
def streams(server: ServerProcess, small_clip: Path) -> Iterator[None]:
    """Alice and Bob, live."""
    alice, bob = server.create_stream("alice"), server.create_stream("bob")
    with Publisher(small_clip, f"{server.rtmp_url}/{alice}"), Publisher(small_clip, f"{server.rtmp_url}/{bob}"):
        yield


def worker_pids(server: ServerProcess) -> dict[str, int]:
    """Of the first worker that each stream was given."""
    events = [json.loads(line) for line in server.log_path.read_text().splitlines() if '"worker_started"' in line]
    return {event["stream"]: event["pid"] for event in reversed(events)}


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


class Watching:
    """Both streams' viewers, looking together."""

    def __init__(self, server: ServerProcess) -> None:
        self._viewers = {name: Viewer(server.base_url, name, keeps_media=True) for name in ("alice", "bob")}

    @property
    def alice(self) -> WatchedPresentation:
        (presentation,) = self._viewers["alice"].presentations
        return presentation

    @property
    def bob(self) -> WatchedPresentation:
        (presentation,) = self._viewers["bob"].presentations
        return presentation

    def has_begun(self, *names: str) -> bool:
        return all(self._viewers[name].presentations for name in names)

    async def until(self, is_true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                for viewer in self._viewers.values():
                    await viewer.look()
                if is_true():
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        for viewer in self._viewers.values():
            await viewer.close()


def whole(rendition: WatchedRendition) -> int:
    """How many segments were served."""
    return len(rendition.media)


def served_since_discontinuity(rendition: WatchedRendition) -> int:
    """How many segments were, from the first discontinuity on."""
    first = next((segment.msn for segment in rendition.segments if segment.has_discontinuity), None)
    return 0 if first is None else sum(msn >= first for msn in rendition.media)


def videos(presentation: WatchedPresentation) -> list[WatchedRendition]:
    return [presentation.renditions[f"{SIDE_PIXELS}p"], presentation.renditions["360p"]]


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (kill, ["worker was killed by SIGKILL"]),
        (stop, ["worker fell too far behind its source", "worker hangs: not a word for 6 s"]),
    ],
    ids=["kill", "stop"],
)
async def test_a_worker_s_fault_is_its_own_stream_s_alone(
    server: ServerProcess, streams: None, spoil: Callable[[int], None], reasons: list[str]
) -> None:
    watching = Watching(server)
    try:
        await watching.until(
            lambda: (
                watching.has_begun("alice", "bob")
                and all(whole(each) >= SEGMENTS_BEFORE for each in videos(watching.alice) + videos(watching.bob))
            )
        )
        spoil(worker_pids(server)["alice"])
        await watching.until(
            lambda: all(served_since_discontinuity(each) >= SEGMENTS_AFTER for each in videos(watching.alice))
        )
        status = httpx.get(f"{server.base_url}/api/v1/live/streams/alice").json()
        untroubled = httpx.get(f"{server.base_url}/api/v1/live/streams/bob").json()
    finally:
        await watching.close()
    check_spoilt(watching.alice)
    assert_untouched(watching.bob)
    assert (status["transcoding"], untroubled["transcoding"]) == ("running", "running")
    assert status["transcoding_problem"] in reasons
    assert untroubled["transcoding_problem"] is None


async def test_a_worker_that_gets_no_more_memory_is_its_own_stream_s_alone(
    server: ServerProcess, small_clip: Path
) -> None:
    alice, bob = server.create_stream("alice"), server.create_stream("bob")
    watching = Watching(server)
    try:
        with Publisher(small_clip, f"{server.rtmp_url}/{bob}"):
            await watching.until(
                lambda: watching.has_begun("bob") and all(whole(each) >= 1 for each in videos(watching.bob))
            )
            resource.prlimit(await idle_spare(server), resource.RLIMIT_AS, (LITTLE_BYTES, LITTLE_BYTES))
            with Publisher(small_clip, f"{server.rtmp_url}/{alice}"):
                await watching.until(
                    lambda: (
                        watching.has_begun("alice")
                        and all(whole(each) >= SEGMENTS_AFTER for each in videos(watching.alice))
                    )
                )
                status = httpx.get(f"{server.base_url}/api/v1/live/streams/alice").json()
                untroubled = httpx.get(f"{server.base_url}/api/v1/live/streams/bob").json()
    finally:
        await watching.close()
    source, rung = videos(watching.alice)
    assert source.gap_count == 0
    for each in (source, rung):
        assert_no_hole(each)
    assert_untouched(watching.bob)
    assert (status["transcoding"], untroubled["transcoding"]) == ("running", "running")
    assert status["transcoding_problem"] == "out of memory"
    assert untroubled["transcoding_problem"] is None


async def idle_spare(server: ServerProcess) -> int:
    """The worker that waits for a stream: it has started when it uses no more processor time."""
    used: dict[int, tuple[int, int]] = {}
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            taken = set(worker_pids(server).values())
            for pid in set(children(server.pid)) - taken:
                ticks, looks = used.get(pid, (-1, 0))
                used[pid] = (cpu_ticks(pid), looks + 1 if cpu_ticks(pid) == ticks else 0)
                if used[pid][1] >= IDLE_LOOKS:
                    return pid
            await asyncio.sleep(LOOK_SECONDS)


def children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def cpu_ticks(pid: int) -> int:
    """Of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def check_spoilt(presentation: WatchedPresentation) -> None:
    """The source goes on without a hole, and the rung comes back where both have a discontinuity."""
    source, rung = videos(presentation)
    assert (source.gap_count, source.discontinuity_count, rung.discontinuity_count) == (0, 1, 1)
    (there,) = [segment.msn for segment in source.segments if segment.has_discontinuity]
    assert there in [segment.msn for segment in rung.segments if segment.has_discontinuity]
    assert all(segment.msn < there for segment in rung.segments if segment.is_gap)
    assert [segment.msn for segment in source.segments] == list(range(1, len(source.segments) + 1))
    assert_no_hole(source)
