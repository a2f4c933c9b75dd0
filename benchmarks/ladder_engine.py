"""The engine, and a worker, alone: what they make, and how soon."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from benchmarks.ladder_clip import TEMPLATES, encode_clip, read_clip, similarity, write_annex_b
from pinkmedia.media import Packet, Rendition
from transcode.engine import Engine, EngineEvents
from transcode.ladder import Ladder, Rung, plan_ladder
from transcode.pool import WorkerPool
from transcode.stills import Stills

LATENESS_GOAL_FRAMES = 2


def engine_similarity(clip: Path, rungs: Sequence[Rung], frame_rate: int, folder: Path) -> list[float]:
    made = run_engine(clip, rungs, frame_rate)
    for rung in rungs:
        write_annex_b(folder / f"{rung.name}.h264", *made[rung.name])
    return [similarity(folder / f"{rung.name}.h264", clip, (rung.width, rung.height), frame_rate) for rung in rungs]


def run_engine(clip: Path, rungs: Sequence[Rung], frame_rate: int) -> dict[str, tuple[bytes, list[Packet]]]:
    """Each rung's configuration and access units, of the whole clip as fast as it goes."""
    source, packets = read_clip(clip, frame_rate)
    configurations: list[bytes] = []
    made: dict[str, list[Packet]] = {rung.name: [] for rung in rungs}
    faults: list[Exception] = []

    def keep(packet: Packet) -> None:
        if packet.track_id:
            made[rungs[packet.track_id - 1].name].append(packet)

    engine = Engine(source, rungs, EngineEvents(configurations.extend, keep, lambda index: None, faults.append))
    for packet in packets:
        if packet.is_sync:
            engine.force_idr_at(packet.pts_ticks)
        engine.write(packet)
    engine.drain()
    if faults:
        raise SystemExit(str(faults[0]))
    return {
        rung.name: (configuration, made[rung.name]) for rung, configuration in zip(rungs, configurations, strict=True)
    }


class DelayRecorder:
    """What a worker's sink sees of delays: seconds by rung."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        self.seconds = {rendition.name: [] for rendition in renditions}

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        self.seconds[rendition_name].append(time.monotonic() - packet.received_at)

    def on_rung_paused(self, rendition_name: str) -> None:
        """None is."""

    def on_stills(self, stills: Stills) -> None:
        """They are nobody's delay."""

    def on_failure(self, reason: str) -> None:
        raise SystemExit(reason)


def run_delay(arguments: argparse.Namespace) -> None:
    print(f"{'':8} {'p50':>8} {'p95':>8} {'max':>8}  ms; goal p95 {LATENESS_GOAL_FRAMES} frames")
    for frame_rate in arguments.frame_rates:
        with tempfile.TemporaryDirectory() as folder:
            clip = encode_clip(Path(folder) / "clip.mp4", frame_rate=frame_rate, seconds=arguments.seconds)
            for name, seconds in asyncio.run(_delays(clip, frame_rate)).items():
                spread = quantiles(seconds, n=100)
                shown = " ".join(f"{each * 1000:8.1f}" for each in (spread[49], spread[94], max(seconds)))
                print(f"{name:8} {shown}  of 1080p{frame_rate}: {LATENESS_GOAL_FRAMES * 1000 / frame_rate:.1f}")


async def _delays(clip: Path, frame_rate: int) -> dict[str, list[float]]:
    source, packets = read_clip(clip, frame_rate)
    rungs = plan_ladder(source, Ladder(TEMPLATES), passthrough=True)
    pool, recorder = WorkerPool(), DelayRecorder()
    await pool.start()
    worker = pool.take()
    worker.configure(source, rungs, recorder)
    begun_at = time.monotonic() + 0.1
    for number, packet in enumerate(packets):
        await asyncio.sleep(begun_at + number / frame_rate - time.monotonic())
        if packet.is_sync:
            worker.force_idr_at(packet.pts_ticks)
        worker.write(replace(packet, received_at=time.monotonic()))
    await worker.drain(10.0)
    await pool.close()
    # The first second has the opening of the encoders in it.
    return {name: seconds[frame_rate:] for name, seconds in recorder.seconds.items()}
