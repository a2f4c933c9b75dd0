"""How many viewers at low latency does one HTTP process hold?

``python -m benchmarks.viewers`` starts a server with a live 720p30 stream of 2.5 Mbit/s and its sound, passed through,
and follows it with simulated viewers (`benchmarks.viewer_model`): 2,000 with parts of 0.5 s, then 1,000 with parts of
0.2 s. Then a thousand requests wait for one part. The server has one core, viewers and publisher the other.

``python -m benchmarks.viewers most`` puts ever more viewers on a server with two HTTP processes, until one falls
behind. All of it shares the machine's cores, so that with two of them it tells as much of the simulation as of the
server.

A viewer is late by the time between the moment when the first of all was told of a part, and that when this one had
it. Later than one part means that it falls behind.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urljoin, urlsplit

import httpx
import uvloop

from benchmarks.origin import CLIP_KBPS, LOAD_CORE, SERVER_CORE
from benchmarks.server_process import create_stream, family_cpu_seconds, running_server, server_environment
from benchmarks.viewer_model import Sightings, answered_at, connect_idle, follow
from tests.support import Publisher, make_clip
from tests.system.player import Player, parse_media
from tests.system.test_serve import follow_until_segment, until_live

VIEWERS = {0.5: 2000, 0.2: 1000}
"""How many must be held, by the duration of parts."""
WAITERS = 1000
HTTP_WORKERS = 2
STEP_VIEWERS = 250
ALL_CORES = os.sched_getaffinity(0)
ROUNDS = 10
GOAL_WAITERS_SECONDS = 0.025
SETTLING_SECONDS = 5.0
"""After the last viewer has come."""


@dataclass(frozen=True, slots=True)
class Audience:
    """How a run went."""

    viewer_count: int
    part_seconds: float
    late_seconds: list[float]
    """Each viewer's, for each part of each rendition."""
    skipped_count: int
    refused_count: int
    server_cores: float
    own_cores: float

    @property
    def is_held(self) -> bool:
        return not (self.skipped_count or self.refused_count) and max(self.late_seconds) <= self.part_seconds

    def __str__(self) -> str:
        *_, p99 = quantiles(self.late_seconds, n=100)
        p50 = quantiles(self.late_seconds, n=2)[0]
        return (
            f"{self.viewer_count} viewers, parts of {self.part_seconds} s: {'held' if self.is_held else 'NOT held'};"
            f" late p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, most {max(self.late_seconds) * 1000:.0f} ms;"
            f" {self.skipped_count} skipped, {self.refused_count} refused, {len(self.late_seconds)} fetched;"
            f" cores: server {self.server_cores:.2f}, viewers {self.own_cores:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="How many viewers one HTTP process holds.")
    parser.add_argument("what", nargs="?", choices=("held", "most"), default="held")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each measurement")
    parser.add_argument("--parts", type=float, choices=VIEWERS, help="only with parts of so many seconds")
    parser.add_argument("--viewers", type=int, help="instead of the usual number")
    parser.add_argument("--http-port", type=int, default=22480)
    parser.add_argument("--rtmp-port", type=int, default=22435)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", seconds=10, width=1280, height=720, kbps=CLIP_KBPS)
        for part_seconds, viewer_count in VIEWERS.items():
            if arguments.parts not in (None, part_seconds):
                continue
            if arguments.what == "most":
                find_most(Path(folder), clip, part_seconds, arguments)
                continue
            with live_server(Path(folder), clip, part_seconds, arguments) as pid:
                print(uvloop.run(watch(pid, arguments.viewers or viewer_count, part_seconds, arguments)), flush=True)
        if arguments.what == "held":
            with live_server(Path(folder), clip, 0.2, arguments):
                print(uvloop.run(wait_together(arguments)))


def find_most(folder: Path, clip: Path, part_seconds: float, arguments: argparse.Namespace) -> None:
    """With two HTTP processes."""
    count = most = 0
    while count == most:
        count += arguments.viewers or STEP_VIEWERS
        with live_server(folder, clip, part_seconds, arguments, http_workers=HTTP_WORKERS) as pid:
            audience = uvloop.run(watch(pid, count, part_seconds, arguments))
        most = count if audience.is_held else most
        print(audience, flush=True)
    print(f"the most viewers that {HTTP_WORKERS} processes hold with parts of {part_seconds} s: {most}", flush=True)


@contextmanager
def live_server(
    folder: Path, clip: Path, part_seconds: float, arguments: argparse.Namespace, *, http_workers: int = 0
) -> Iterator[int]:
    """The process id of a server with the stream. Without other processes it has a core of its own."""
    settings = {
        "http_port": arguments.http_port,
        "rtmp_port": arguments.rtmp_port,
        "srt_port": 0,
        "http_connections_per_address": 0,
        "http_requests_per_address": 0,
        "transcode": False,
        "part_target_seconds": part_seconds,
        "http_workers": http_workers,
    }
    environment = server_environment(tempfile.mkdtemp(dir=folder), **settings)
    os.sched_setaffinity(0, ALL_CORES if http_workers else {SERVER_CORE})  # the server inherits it
    with running_server(environment, folder / "log") as server:
        os.sched_setaffinity(0, ALL_CORES if http_workers else {LOAD_CORE})
        with Publisher(clip, f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{create_stream(environment)}"):
            yield server.pid


async def watch(pid: int, viewer_count: int, part_seconds: float, arguments: argparse.Namespace) -> Audience:
    renditions = {url: Sightings() for url in await playlist_urls(arguments.http_port)}
    everybody = asyncio.Event()
    crowd = asyncio.create_task(
        follow(renditions, "127.0.0.1", arguments.http_port, viewer_count, when_connected=everybody.set)
    )
    await everybody.wait()
    await asyncio.sleep(SETTLING_SECONDS)
    for sightings in renditions.values():
        sightings.begin()
    begun_cores, begun_at = (family_cpu_seconds(pid), time.process_time()), time.monotonic()
    await asyncio.sleep(arguments.seconds)
    lasted_seconds = time.monotonic() - begun_at
    server_cores = (family_cpu_seconds(pid) - begun_cores[0]) / lasted_seconds
    own_cores = (time.process_time() - begun_cores[1]) / lasted_seconds
    crowd.cancel()
    seen = renditions.values()
    return Audience(
        viewer_count,
        part_seconds,
        [late for sightings in seen for late in sightings.late_seconds()],
        sum(sightings.skipped_count for sightings in seen),
        sum(sightings.refused_count for sightings in seen),
        server_cores,
        own_cores,
    )


async def playlist_urls(http_port: int) -> list[str]:
    """Of the video and the sound, once there is something to play."""
    player = Player(f"http://127.0.0.1:{http_port}/live/bench/index.m3u8")
    try:
        (video, *_) = await until_live(player)
        await follow_until_segment(player, video.uri, msn=2)  # from here on hints are right
        _, sounds = await player.multivariant()
        return [urljoin(player.playback_url, uri) for uri in (video.uri, sounds[0]["URI"])]
    finally:
        await player.close()


async def wait_together(arguments: argparse.Namespace) -> str:
    """How long a part, and then a playlist, takes to all who wait for it."""
    url = (await playlist_urls(arguments.http_port))[0]
    lines = []
    for kind in ("part", "playlist"):
        spreads = [await spread_seconds(url, kind) for _ in range(ROUNDS)]
        verdict = "met" if max(spreads) <= GOAL_WAITERS_SECONDS else "MISSED"
        lines.append(
            f"{WAITERS} waiters for a {kind}: answered within {median(spreads) * 1000:.1f} ms (median),"
            f" {max(spreads) * 1000:.1f} ms (most) of the first (goal {GOAL_WAITERS_SECONDS * 1000:.0f}: {verdict})"
        )
    return "\n".join(lines)


async def spread_seconds(url: str, kind: str) -> float:
    """Between the first and the last answer to as many requests for what comes next."""
    address = urlsplit(url)
    connections = await connect_idle(str(address.hostname), address.port or 80, WAITERS)
    async with httpx.AsyncClient() as client:
        newest = parse_media((await client.get(url)).text)
        msn, part = newest.next_part
        text = (await client.get(f"{url}?_HLS_msn={msn}&_HLS_part={part}")).text  # there is as much time as can be
    msn, part = parse_media(text).next_part
    (hint,) = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
    asked = urljoin(url, hint) if kind == "part" else f"{url}?_HLS_msn={msn}&_HLS_part={part}"
    times = await answered_at(connections, asked)
    return max(times) - min(times)


if __name__ == "__main__":
    main()
