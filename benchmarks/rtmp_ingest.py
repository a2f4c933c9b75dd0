"""How much does it cost to take RTMP in, and how many publishers does one core carry?

``python -m benchmarks.rtmp_ingest core`` measures the protocol core alone (`benchmarks.rtmp_core`).

``python -m benchmarks.rtmp_ingest node --publishers 1 20 100`` starts a server on one core, without transcoding, and
publishes so many 720p30 streams of 2.5 Mbit/s to it from another core. First the server's CPU time and memory are
measured, without viewers. Then a few of the streams are watched with blocking playlist reloads. A part is late by the
time from just before its last frame was handed to the publisher's socket until the playlist that lists it was here:
sending, receiving, packaging, rendering, waking and answering, and what the load generator itself adds.

CPU time is divided by the media taken in, so that it holds on a busy machine; lateness needs a quiet one. Few streams
cost more CPU time each: a message that wakes an idle core finds its caches cold.

Measured 2026-11-23 on two cores of an AMD EPYC (Zen 5) in a nested virtual machine, Python 3.11, load average below 1:

    publishers   CPU ms/s each   MB each   part late by ms: p50   p95   max
             1            30.1       8.4                    1.2   1.3   2.5
            20             8.9       8.1                    2.6   4.5  89.2
           100             5.4       7.9                    3.1   5.1   7.5
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urljoin

import uvloop

from benchmarks.rtmp_core import run_core
from benchmarks.rtmp_publishing import FRAMES_PER_GOP, GOP_SECONDS, Clip, Publisher
from benchmarks.server_process import cpu_seconds, resident_bytes, running_server, server_environment
from pinkmedia.database.engine import Database
from pinkmedia.database.streams import StreamStore

NODE_CORE, LOAD_CORE = 0, 1
SETTLING_SECONDS = 24.0
"""From the first frames until measuring begins: windows are full then, and memory is used again, not asked for."""
WATCHED_STREAMS = 10
"""At most: enough for percentiles, few enough that viewers cost little beside the publishers."""
PARTS_PER_GOP = 10
FRAMES_PER_PART = FRAMES_PER_GOP // PARTS_PER_GOP
"""The default part target holds six frames at 30 per second."""
LATENESS_GOAL_SECONDS = 0.050
REFERENCES = (
    "others, not measured here: nginx-rtmp 4.0 and SRS 5.4 ms/s each (plain HLS), MediaMTX 7.0 and"
    " OvenMediaEngine 18.8 (LL-HLS), pyrtmp 31 (no HLS)"
)
_PART = re.compile(r'#EXT-X-PART:DURATION=([\d.]+),URI="part-(\d+)\.(\d+)\.m4s"')
_HINT = re.compile(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-(\d+)\.(\d+)\.m4s"')
_VIDEO_PLAYLIST = re.compile(r"^.*/720p/media\.m3u8$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """The node at a moment."""

    cpu_seconds: float
    """Of all its threads."""
    resident_bytes: int
    media_bytes: float
    """Taken in since its start. CPU time is set against it, so that what a busy machine puts off is not counted."""
    live_streams: int


async def usage_of(pid: int, http_port: int) -> Usage:
    client = HttpClient(*await asyncio.open_connection("127.0.0.1", http_port))
    figures = dict(re.findall(r"^(pinkmedia_\w+) (\S+)$", await client.get("/metrics"), re.MULTILINE))
    media_bytes, live_streams = figures["pinkmedia_ingest_bytes_total"], figures["pinkmedia_live_streams"]
    return Usage(cpu_seconds(pid), resident_bytes(pid), float(media_bytes), round(float(live_streams)))


class HttpClient:
    """Asks one server, one thing at a time, on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self, path: str) -> str:
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        if " 200 " not in head or length is None:
            raise SystemExit(f"{path}: {head.splitlines()[0]}")
        return (await self._reader.readexactly(int(length[1]))).decode()


async def watch(port: int, publisher: Publisher) -> list[float]:
    """Seconds from each part's last frame sent to the part listed; until cancelled, found so far."""
    client = HttpClient(*await asyncio.open_connection("127.0.0.1", port))
    index = f"/live/{publisher.stream_name}/index.m3u8"
    playlist_uri = _VIDEO_PLAYLIST.search(await client.get(index))
    if playlist_uri is None:
        raise SystemExit(f"{index} has no passed-through video")
    path = urljoin(index, playlist_uri[0])
    text = await client.get(path)
    seen = {match[1:] for match in _PART.findall(text)}
    found: list[float] = []
    try:
        while hint := _HINT.search(text):
            text = await client.get(f"{path}?_HLS_msn={hint[1]}&_HLS_part={hint[2]}")
            arrived_at = time.monotonic()
            for duration, msn, part in _PART.findall(text):
                if (msn, part) not in seen:
                    seen.add((msn, part))
                    found.append(arrived_at - publisher.sent_at[_last_frame(int(msn), int(part), float(duration))])
    except asyncio.CancelledError:
        return found
    raise SystemExit(f"{path} ended")


def _last_frame(msn: int, part: int, duration_seconds: float) -> int:
    """The part's last frame, counted from the first one sent: every segment is a GOP, every part a tenth of it."""
    if duration_seconds != GOP_SECONDS / PARTS_PER_GOP or part >= PARTS_PER_GOP:
        raise SystemExit(f"part {part} of segment {msn} lasts {duration_seconds} s: frames were lost")
    return (msn - 1) * FRAMES_PER_GOP + (part + 1) * FRAMES_PER_PART - 1


async def create_streams(folder: Path, count: int) -> list[tuple[str, str]]:
    """Names and keys, in the data folder of a server that does not run yet."""
    async with Database.opened(folder) as database:
        store = StreamStore(database)
        names = [f"bench-{number}" for number in range(count)]
        return [(name, (await store.create(name))[1]) for name in names]


def plan_publishers(streams: Iterable[tuple[str, str]], begins_at: float) -> list[Publisher]:
    """Each with an address of its own, and all spread evenly over the duration of a GOP."""
    streams = list(streams)
    return [
        Publisher(
            name, key, f"127.0.{number // 250}.{number % 250 + 2}", begins_at + GOP_SECONDS * number / len(streams)
        )
        for number, (name, key) in enumerate(streams)
    ]


@dataclass(frozen=True, slots=True)
class Density:
    """What so many publishers cost."""

    publisher_count: int
    clip: Clip
    idle: Usage
    before: Usage
    after: Usage
    """``before`` and ``after`` a time without viewers."""
    lateness_seconds: Sequence[float]
    lag_seconds: Sequence[float]
    """The load generator's own: how late it handed frames over."""

    @property
    def cpu_per_stream(self) -> float:
        """Seconds of CPU time for a second of one stream."""
        stream_seconds = (self.after.media_bytes - self.before.media_bytes) * 8 / self.clip.bit_rate_bps
        return (self.after.cpu_seconds - self.before.cpu_seconds) / stream_seconds

    def print_row(self) -> None:
        resident_bytes = (self.after.resident_bytes - self.idle.resident_bytes) / self.publisher_count
        lateness, lag = quantiles(self.lateness_seconds, n=100), quantiles(self.lag_seconds, n=100)
        print(
            f"{self.publisher_count:10} {self.cpu_per_stream * self.publisher_count:8.1%} {_ms(self.cpu_per_stream)}"
            f" {resident_bytes / 1e6:8.1f} {_ms(lateness[49])} {_ms(lateness[94])} {_ms(max(self.lateness_seconds))}"
            f" {_ms(lag[94])} {os.getloadavg()[0]:5.1f}   {'met' if lateness[94] < LATENESS_GOAL_SECONDS else 'MISSED'}"
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.1f}"


def run_node(arguments: argparse.Namespace) -> None:
    print(REFERENCES)
    with tempfile.TemporaryDirectory() as folder:
        clip = Clip.encode(Path(folder))
    print(f"clip: {clip.bit_rate_bps / 1e6:.2f} Mbit/s; node on core {NODE_CORE}, load on core {LOAD_CORE}")
    print(f"{'':10} {'a core’s':>8} {'CPU ms/s':>8} {'resident':>8} {'part late by ms':^26} {'own lag':>8} {'load':>5}")
    print(
        f"{'publishers':10} {'CPU':>8} {'each':>8} {'MB each':>8} {'p50':>8} {'p95':>8} {'max':>8} {'p95, ms':>8}"
        f" {'avg':>5}   p95 goal {_ms(LATENESS_GOAL_SECONDS).strip()}"
    )
    for count in arguments.publishers:
        run_density(clip, count, arguments).print_row()


def run_density(clip: Clip, count: int, arguments: argparse.Namespace) -> Density:
    """One server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = server_environment(
            folder,
            http_port=arguments.http_port,
            rtmp_port=arguments.rtmp_port,
            srt_port=0,
            transcode=False,
        )
        streams = asyncio.run(create_streams(Path(folder), count))
        os.sched_setaffinity(0, {NODE_CORE})  # the server inherits it with all its threads
        with running_server(environment, Path(folder) / "log") as node:
            os.sched_setaffinity(0, {LOAD_CORE})
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(measure(node.pid, clip, streams, arguments))


async def measure(pid: int, clip: Clip, streams: Sequence[tuple[str, str]], arguments: argparse.Namespace) -> Density:
    http_port = arguments.http_port
    idle = await usage_of(pid, http_port)
    publishers = plan_publishers(streams, time.monotonic() + GOP_SECONDS)
    async with asyncio.TaskGroup() as group:
        publishing = [group.create_task(publisher.run(arguments.rtmp_port, clip)) for publisher in publishers]
        await asyncio.sleep(2 * GOP_SECONDS + SETTLING_SECONDS)
        before = await usage_of(pid, http_port)
        await asyncio.sleep(arguments.seconds)
        after = await usage_of(pid, http_port)
        step = -(-len(publishers) // WATCHED_STREAMS)
        lateness = await watch_all(http_port, publishers[::step], arguments.seconds)
        at_the_end = await usage_of(pid, http_port)
        for task in publishing:
            task.cancel()
    if at_the_end.live_streams != len(publishers):
        raise SystemExit(f"{at_the_end.live_streams} of {len(publishers)} streams are live at the end")
    lags = [lag for publisher in publishers for lag in publisher.lags_seconds()]
    return Density(len(publishers), clip, idle, before, after, lateness, lags)


async def watch_all(port: int, publishers: Iterable[Publisher], seconds: float) -> list[float]:
    tasks = [asyncio.create_task(watch(port, publisher)) for publisher in publishers]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    return [lateness for found in await asyncio.gather(*tasks) for lateness in found]


def main() -> None:
    parser = argparse.ArgumentParser(description="What RTMP ingest costs.")
    commands = parser.add_subparsers(required=True)
    core = commands.add_parser("core", help="the protocol core alone, in memory")
    core.set_defaults(run=lambda _: run_core())
    node = commands.add_parser("node", help="a whole server on one core")
    node.add_argument("--publishers", type=int, nargs="+", default=[1, 20, 100])
    node.add_argument("--seconds", type=float, default=30.0, help="without viewers, and again with some")
    node.add_argument("--http-port", type=int, default=22180)
    node.add_argument("--rtmp-port", type=int, default=22135)
    node.set_defaults(run=run_node)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
