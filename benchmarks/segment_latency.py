"""How long does it take from a publisher's frame to the part that holds it, in every rendition?

``python -m benchmarks.segment_latency`` starts a server of its own on the loopback, publishes the test source (1080p30,
machine-readable clock) to it, and follows every video rendition as a low-latency player does: blocking playlist
reload, then the part.

Strategy: while the stream runs, only times and bytes are collected. Afterwards the parts are decoded and the clock in
each picture tells which frame it is, so that what is measured is the media itself, not what a playlist says of it.
"Handed to RTMP" is the moment before the publisher's send call.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import io
import itertools
import multiprocessing
import re
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from urllib.parse import urljoin

import av
import httpx
import numpy as np

from benchmarks.server_process import (
    START_DEADLINE_SECONDS,
    cpu_seconds,
    create_stream,
    running_server,
    server_environment,
)
from transcode.machine_clock import read_clock
from transcode.push import PushProgress, push
from transcode.test_source import PictureSettings

VIDEO_RENDITIONS = 3
"""1080p passed through, 720p and 480p encoded."""
PICTURE = PictureSettings(has_machine_clock=True)
PART_TARGET_SECONDS = 0.2
PASSTHROUGH = "1080p"
GOAL_SECONDS = PART_TARGET_SECONDS + 0.150
PASSTHROUGH_GOAL_SECONDS = PART_TARGET_SECONDS + 0.030
FIRST_PLAYABLE_GOAL_SECONDS = 1.0
POLL_SECONDS = 0.02
"""Between questions while nothing can be waited for."""
REQUEST_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class FetchedPart:
    """One part as it arrived."""

    data: bytes
    declared_seconds: float
    arrived_at: float
    """Unix seconds."""


@dataclass(slots=True)
class Follower:
    """One rendition, followed by a low-latency client."""

    url: str
    init: bytes = b""
    parts: list[FetchedPart] = field(default_factory=list)
    playable: asyncio.Event = field(default_factory=asyncio.Event)
    playable_at: float = 0.0
    """Unix seconds at which the first independent part had arrived."""

    @property
    def name(self) -> str:
        return self.url.split("/")[-2]


# The publisher


def publish(url: str, seconds: float, results: Connection, picture: PictureSettings = PICTURE) -> None:
    """In a process of its own. Sends the first frame's time at once, and {clock: handed at} at the end."""
    handed: dict[int, float] = {}

    def note(progress: PushProgress) -> None:
        if progress.clock_ms is not None and progress.handed_at is not None:
            handed[progress.clock_ms] = progress.handed_at
            if len(handed) == 1:
                results.send(progress.handed_at)

    push("test", url, progress=note, duration_seconds=seconds, picture=picture)
    results.send(handed)


# The client


async def wait_for_renditions(client: httpx.AsyncClient, url: str) -> list[str]:
    """The URLs of all video renditions' playlists, once the multivariant playlist has them."""
    async with asyncio.timeout(START_DEADLINE_SECONDS):
        while True:
            answer = await client.get(url, follow_redirects=True)
            uris = re.findall(r"^#EXT-X-STREAM-INF:.*RESOLUTION.*\n(.+)$", answer.text, re.MULTILINE)
            if answer.is_success and len(uris) >= VIDEO_RENDITIONS:
                return [urljoin(str(answer.url), uri) for uri in uris]
            await asyncio.sleep(POLL_SECONDS)


async def follow(client: httpx.AsyncClient, follower: Follower) -> None:
    """Until the playlist ends or the task is cancelled."""
    seen: set[str] = set()
    query = ""
    while True:
        playlist = (await client.get(follower.url + query)).raise_for_status().text
        if not follower.init and (init := re.search(r'#EXT-X-MAP:URI="([^"]+)"', playlist)):
            follower.init = (await client.get(urljoin(follower.url, init[1]))).raise_for_status().content
        for line in re.findall(r"^#EXT-X-PART:.*$", playlist, re.MULTILINE):
            await _fetch(client, follower, line, seen)
        if "#EXT-X-ENDLIST" in playlist:
            return
        query = _next_part_query(playlist)


async def _fetch(client: httpx.AsyncClient, follower: Follower, line: str, seen: set[str]) -> None:
    uri, duration = re.findall(r'URI="([^"]+)"', line)[0], re.findall(r"DURATION=([\d.]+)", line)[0]
    is_independent = "INDEPENDENT=YES" in line
    if uri in seen or not (follower.parts or is_independent):
        return
    seen.add(uri)
    data = (await client.get(urljoin(follower.url, uri))).raise_for_status().content
    follower.parts.append(FetchedPart(data, float(duration), time.time()))
    if not follower.playable.is_set():
        follower.playable_at = time.time()
        follower.playable.set()


def _next_part_query(playlist: str) -> str:
    msn = int(re.findall(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", playlist)[0])
    parts = 0
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-PART:"):
            parts += 1
        elif line and not line.startswith("#"):
            msn, parts = msn + 1, 0
    return f"?_HLS_msn={msn}&_HLS_part={parts}"


# What it costs


@dataclass(frozen=True, slots=True)
class Usage:
    """One process."""

    name: str
    cpu_seconds: float
    peak_bytes: int


def usage_of(node_pid: int) -> list[Usage]:
    """The node and its busiest child."""
    children = Path(f"/proc/{node_pid}/task/{node_pid}/children").read_text().split()
    workers = sorted((_usage("worker", int(pid)) for pid in children), key=lambda usage: usage.cpu_seconds)
    return [_usage("node", node_pid), *workers[-1:]]


def _usage(name: str, pid: int) -> Usage:
    peak_kib = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]
    return Usage(name, cpu_seconds(pid), int(peak_kib) * 1024)


# Afterwards


def latencies(follower: Follower, handed: dict[int, float]) -> list[float]:
    """Seconds from each frame's hand-over to its part's arrival."""
    ends = list(itertools.accumulate((len(part.data) for part in follower.parts), initial=len(follower.init)))
    stored = io.BytesIO(follower.init + b"".join(part.data for part in follower.parts))
    arrived_at: dict[int | None, float] = {}
    found = []
    with av.open(stored, "r", format="mp4") as container:
        for packet in container.demux(video=0):
            if packet.pos is not None and packet.pts is not None:
                arrived_at[packet.pts] = follower.parts[bisect.bisect_right(ends, packet.pos) - 1].arrived_at
            for frame in packet.decode():
                clock_ms = _clock(frame) if isinstance(frame, av.VideoFrame) else None
                if clock_ms in handed:
                    found.append(arrived_at[frame.pts] - handed[clock_ms])
    return found


def _clock(frame: av.VideoFrame) -> int | None:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return read_clock(rows[:, : plane.width])


def report(followers: list[Follower], handed: dict[int, float], settled_after: int) -> None:
    """Frame latencies in steady state: without the ``settled_after`` first frames, which include joining."""
    print(f"{'rendition':10} {'frames':>6} {'p50':>7} {'p95':>7} {'max':>7}   p95 goal        parts: min/median/max s")
    for follower in followers:
        found = sorted(latencies(follower, handed)[settled_after:])
        percentiles = quantiles(found, n=100)
        goal = PASSTHROUGH_GOAL_SECONDS if follower.name == PASSTHROUGH else GOAL_SECONDS
        durations = sorted(part.declared_seconds for part in follower.parts)
        verdict = "met" if percentiles[94] <= goal else "MISSED"
        print(
            f"{follower.name:10} {len(found):6} {_ms(percentiles[49])} {_ms(percentiles[94])} {_ms(found[-1])}   "
            f"{_ms(goal)} {verdict:7} {durations[0]:.3f}/{durations[len(durations) // 2]:.3f}/{durations[-1]:.3f}"
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:5.0f}ms"


async def measure(http: str, node_pid: int, results: Connection, seconds: float) -> list[Follower]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_SECONDS, limits=limits) as client:
        before = {usage.name: usage.cpu_seconds for usage in usage_of(node_pid)}
        started = time.monotonic()
        followers = [Follower(url) for url in await wait_for_renditions(client, f"{http}/live/bench/index.m3u8")]
        tasks = [asyncio.create_task(follow(client, follower)) for follower in followers]
        await asyncio.gather(*(follower.playable.wait() for follower in followers))
        first_handed_at: float = await asyncio.to_thread(results.recv)
        first_playable = max(follower.playable_at for follower in followers) - first_handed_at
        verdict = "met" if first_playable <= FIRST_PLAYABLE_GOAL_SECONDS else "MISSED"
        print(f"first playable: {first_playable:.3f} s (goal {FIRST_PLAYABLE_GOAL_SECONDS} s: {verdict})")
        await asyncio.sleep(seconds - (time.monotonic() - started) - 1)
        for usage in usage_of(node_pid):
            share = (usage.cpu_seconds - before.get(usage.name, 0.0)) / (time.monotonic() - started)
            print(f"{usage.name}: {share:.0%} of a core, {usage.peak_bytes / 1e6:.0f} MB at most")
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception) and not isinstance(failure, asyncio.CancelledError):
                raise failure
    return followers


def main() -> None:
    parser = argparse.ArgumentParser(description="Latency from a publisher's frame to the part that holds it.")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--http-port", type=int, default=22080)
    parser.add_argument("--rtmp-port", type=int, default=22035)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = server_environment(
            folder, http_port=arguments.http_port, rtmp_port=arguments.rtmp_port, srt_port=0
        )
        key = create_stream(environment)
        url = f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{key}"
        results, far_results = multiprocessing.get_context("spawn").Pipe(duplex=False)
        with running_server(environment, Path(folder) / "log") as node:
            publisher = multiprocessing.get_context("spawn").Process(
                target=publish, args=(url, arguments.seconds, far_results)
            )
            publisher.start()
            http = f"http://127.0.0.1:{arguments.http_port}"
            followers = asyncio.run(measure(http, node.pid, results, arguments.seconds))
            handed = results.recv()
            publisher.join()
    report(followers, handed, settled_after=60)


if __name__ == "__main__":
    main()
