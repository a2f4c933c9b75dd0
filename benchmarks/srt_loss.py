"""How many access units does a bad line cost, after all was done to get them back? Run it by `benchmarks.srt_ingest`.

    ffmpeg ─► relay: 20 ms each way, loses datagrams both ways, seeded ─► our server, or srt-live-transmit

What was received is read by the same demuxer; what it does not give back of the clip is lost. The end of the clip is
left out: a sender that closes does not wait for it.

Measured 2026-11-23, libsrt 1.5.1: lost of 2231 access units in 30 s, 6 Mbit/s, latency 200 ms, with three seeds. A lost
picture costs those up to the next key frame, two seconds at most:

    loss   here       libsrt
      2%   0, 0, 0    0, 0, 49
      5%   0, 0, 0    0, 0, 0
     10%   0, 0, 0    120, 0, 37
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from benchmarks.srt_calling import encode_ts
from ingest.admission import Reception
from ingest.elementary import AudioFrame, VideoFrame
from ingest.mpegts import es_table
from ingest.mpegts.demuxer import TsDemuxer
from ingest.mpegts.units import TimedEvent, TimedTag
from ingest.srt import publisher
from ingest.srt.negotiation import LatencyLimits
from ingest.srt.server import SrtServer, SrtSettings
from pinkmedia.publishing import Publication, PublishRequest
from tests.fuzz.targets.checked_publication import CheckedPublication
from tests.ingest.srt.relay import LineQuality, UdpRelay
from tests.support import free_ports

LATENCY_MS = 200
DELAY_MS = 20
"""One way: half of the round trip."""
HANDSHAKE_DATAGRAMS = 16
ENDING_MS = 1_000
"""Not counted."""
ENDING_SECONDS = 10.0
"""srt-live-transmit ends by itself when its caller has."""
START_SECONDS = 1.0
"""srt-live-transmit does not say when it listens."""
Unit = tuple[str, int]
"""Kind and track, and decode time in milliseconds."""


class Recorder:
    """A media path that keeps what it is given."""

    def __init__(self, _publication: Publication) -> None:
        self.demuxer = TsDemuxer(es_table)
        self.units: set[Unit] = set()
        self.last_frame_at: float | None = None
        RECORDERS.append(self)

    def receive(self, payloads: Sequence[bytes | None], now: float) -> None:
        self.last_frame_at = now
        for payload in payloads:
            if payload is None:
                self.demuxer.note_loss()
            else:
                self.units |= units(self.demuxer.receive_data(payload))

    def end(self, reason: str, *, is_clean: bool, now: float) -> None:
        self.units |= units(self.demuxer.flush())


RECORDERS: list[Recorder] = []


class OpenDoor:
    async def admit(self, request: PublishRequest) -> Publication:
        return CheckedPublication()

    async def passphrase(self, request: PublishRequest) -> str | None:
        return None


def units(tags: Sequence[TimedTag | TimedEvent]) -> set[Unit]:
    found = set()
    for timed in tags:
        if isinstance(timed, TimedTag) and isinstance(timed.tag, (VideoFrame, AudioFrame)):
            found.add((f"{type(timed.tag).__name__} {timed.tag.track_number}", round(timed.timestamp_ms)))
    return found


def units_of(path: Path) -> set[Unit]:
    demuxer = TsDemuxer(es_table)
    return units(demuxer.receive_data(path.read_bytes())) | units(demuxer.flush())


async def receive_here(clip: Path, quality: LineQuality, seed: int) -> set[Unit]:
    settings = SrtSettings(LatencyLimits(LATENCY_MS, LATENCY_MS))
    server = SrtServer(Reception(OpenDoor()), settings, structlog.wrap_logger(logging.getLogger("quiet")))
    await server.start("127.0.0.1", 0)
    async with UdpRelay(server.port, quality, seed) as relay:
        await publish(clip, relay.port)
        await server.close("done")
    return RECORDERS[-1].units


async def receive_by_libsrt(clip: Path, quality: LineQuality, seed: int) -> set[Unit]:
    received, (port,) = clip.with_name("received.ts"), free_ports(1)
    source = f"srt://127.0.0.1:{port}?mode=listener&latency={LATENCY_MS}"
    with received.open("wb") as output:
        program = await asyncio.create_subprocess_exec(
            *("srt-live-transmit", "-q", "-a:no", "-loglevel:fatal", source, "file://con"),
            stdout=output,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await asyncio.sleep(START_SECONDS)
            async with UdpRelay(port, quality, seed) as relay:
                await publish(clip, relay.port)
                await asyncio.wait_for(program.wait(), ENDING_SECONDS)
        finally:
            if program.returncode is None:
                program.kill()
    return units_of(received)


async def publish(clip: Path, port: int) -> None:
    url = f"srt://127.0.0.1:{port}?streamid=key&latency={LATENCY_MS * 1000}"
    command = ["ffmpeg", "-v", "fatal", "-re", "-i", str(clip), "-c", "copy", "-f", "mpegts", url]
    program = await asyncio.create_subprocess_exec(*command)
    if await program.wait():
        raise SystemExit("ffmpeg could not publish")


async def compare(arguments: argparse.Namespace, clip: Path) -> None:
    sent = units_of(clip)
    last_ms = max(time_ms for _, time_ms in sent)
    counted = {unit for unit in sent if unit[1] < last_ms - ENDING_MS}
    print(f"{len(counted)} access units of 30 pictures and 47 frames of sound per second")
    print(f"{'loss':>6} {'seed':>6} {'lost here':>10} {'by libsrt':>10}")
    for loss in arguments.loss:
        for seed in arguments.seed:
            quality = LineQuality(loss=loss, delay_ms=DELAY_MS, spared_datagrams=HANDSHAKE_DATAGRAMS)
            here = counted - await receive_here(clip, quality, seed)
            there = counted - await receive_by_libsrt(clip, quality, seed)
            print(f"{loss:6.0%} {seed:6} {len(here):10} {len(there):10}")


def run_loss(arguments: argparse.Namespace) -> None:
    vars(publisher)["SrtMedia"] = Recorder
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        clip = encode_ts(Path(folder) / "clip.ts", arguments.seconds)
        runner.run(compare(arguments, clip))
