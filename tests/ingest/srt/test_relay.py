"""A real caller (FFmpeg with libsrt) on a bad line: what is lost is sent again, and nothing is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ingest.admission import Reception
from ingest.srt.negotiation import LatencyLimits
from ingest.srt.server import SrtServer, SrtSettings
from ingest.srt.statistics import SrtStatistics
from tests.ingest.recording import KEY, RecordingDoor
from tests.ingest.srt.clip import CLIP_PICTURES
from tests.ingest.srt.relay import LineQuality, UdpRelay
from tests.support import require_tool

pytestmark = pytest.mark.anyio

LATENCY_MS = 4000
"""Far more than it takes: how much is saved in a shorter time is measured in `benchmarks.srt_loss`."""
PUBLISH_SECONDS = 60
ROUNDS = 3
"""Of the clip."""


@pytest.mark.parametrize(
    "quality",
    [
        LineQuality(loss=0.1, delay_ms=20),
        LineQuality(delay_ms=5, jitter_ms=30),
        LineQuality(loss=0.05, delay_ms=20, jitter_ms=10, duplication=0.1),
    ],
    ids=["loss", "reordering", "everything"],
)
async def test_nothing_is_missing(quality: LineQuality, ts_clip: Path) -> None:
    door = RecordingDoor()
    server = SrtServer(Reception(door), SrtSettings(LatencyLimits(LATENCY_MS, LATENCY_MS)))
    await server.start("127.0.0.1", 0)
    async with asyncio.timeout(PUBLISH_SECONDS), UdpRelay(server.port, quality, seed=1) as relay:
        line = await publish(server, ts_clip, relay.port, door)
    await server.close("the test is over")
    assert line.dropped_packets == 0
    assert (line.lost_packets > 0) == (line.retransmitted_packets > 0)
    assert relay.up.lost_count == 0 or line.retransmitted_packets > 0
    pictures = [packet for packet in door.publications[0].packets if packet.track_id == 1]
    assert len(pictures) >= (ROUNDS - 1) * CLIP_PICTURES  # a sender that ends does not wait for what is under way


async def publish(server: SrtServer, clip: Path, port: int, door: RecordingDoor) -> SrtStatistics:
    """The last statistics of the line."""
    url = f"srt://127.0.0.1:{port}?streamid={KEY}&latency={LATENCY_MS * 1000}"
    loop = ["-stream_loop", str(ROUNDS - 1), "-i", str(clip)]
    program = await asyncio.create_subprocess_exec(
        *(require_tool("ffmpeg"), "-nostdin", "-v", "error", "-re", *loop, "-c", "copy", "-f", "mpegts", url)
    )
    line: SrtStatistics | None = None
    ended = asyncio.create_task(program.wait())
    while not ended.done():
        await asyncio.wait([ended], timeout=0.1)  # statistics raise no event
        line = next(iter(server.statistics()), line)
    assert line is not None
    return line
