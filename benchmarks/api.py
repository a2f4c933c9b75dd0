"""How fast is a key checked, what do wrong ones cost others, and how soon does a site hear of a stream?

``python -m benchmarks.api`` fills an SQLite file with 100,000 streams and looks keys up in it; then a server on one
core uses that file. A 720p30 stream is published to it and watched, first alone and then while another process tries
wrong keys, each from an address of its own: a part is late as in `benchmarks.rtmp_ingest`. At last publishers come and
are lost, and a receiver notes how long after each transition its webhook was here.

Lateness needs a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import quantiles

import uvloop
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.rtmp_ingest import LOAD_CORE, NODE_CORE, create_streams, plan_publishers, watch_all
from benchmarks.rtmp_publishing import GOP_SECONDS, Clip, Publisher, opening
from benchmarks.server_process import running_server, server_environment
from pinkmedia.database.engine import Database
from pinkmedia.database.schema import STREAM
from pinkmedia.database.streams import StreamStore
from pinkmedia.keys import generate_key, hash_key, key_hint
from tests.receiver import serving

STREAMS = 100_000
LOOKUPS = 5_000
ATTEMPTS_PER_SECOND = 1_000
ANNOUNCED = 20
"""Streams that come and are lost: two webhooks each."""
KEY_GOAL_MS, LATENESS_GOAL_MS, WEBHOOK_GOAL_MS = 5.0, 50.0, 200.0
SETTLING_SECONDS = 6.0
WEBHOOK_SECRET = "whsec_" + "YmVuY2htYXJrIGJlbmNobWFyayBiZW5jaG1hcmshISE="
CHUNK_SIZE = 4096
MOST_OPEN = 200
"""Attempts under way at once: a server that falls behind shows in their number, not in the memory of this process."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Keys and webhooks.")
    parser.add_argument("--seconds", type=float, default=30.0, help="of watching, without wrong keys and with them")
    parser.add_argument("--http-port", type=int, default=22180)
    parser.add_argument("--rtmp-port", type=int, default=22135)
    parser.add_argument("--attack", action="store_true", help="only try wrong keys at the RTMP port")
    arguments = parser.parse_args()
    if arguments.attack:
        asyncio.run(attack(arguments.rtmp_port, arguments.seconds))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = Clip.encode(folder)
        asyncio.run(check_keys(folder))
        streams = asyncio.run(create_streams(folder, 1 + ANNOUNCED))
        (folder / "secret").write_text(WEBHOOK_SECRET)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure_server(folder, clip, streams, arguments))


def told(what: str, seconds: Sequence[float], percentile: int, goal_ms: float) -> None:
    ranks = quantiles(seconds, n=100)
    found_ms = ranks[percentile - 1] * 1000
    verdict = "met" if found_ms <= goal_ms else "MISSED"
    print(
        f"{what}: {len(seconds)}, p50 {ranks[49] * 1000:.2f} ms, p{percentile} {found_ms:.2f} ms,"
        f" most {max(seconds) * 1000:.2f} ms (goal p{percentile} {goal_ms:g} ms: {verdict})",
        flush=True,
    )


async def check_keys(folder: Path) -> None:
    keys = [generate_key() for _ in range(STREAMS)]
    now = datetime.now(UTC)
    async with Database.opened(folder) as database:
        common = {"created_at": now, "key_rotated_at": now}
        for first in range(0, STREAMS, 10_000):
            rows = [
                common | {"name": f"s{number}", "key_hash": hash_key(key), "key_hint": key_hint(key)}
                for number, key in enumerate(keys[first : first + 10_000], first)
            ]
            await database.run(lambda connection, rows=rows: connection.execute(insert(STREAM), rows))  # type: ignore[misc]
        store, seconds = StreamStore(database), []
        for key in Random(1).sample(keys, LOOKUPS):
            begun_at = time.perf_counter()
            assert await store.find_by_key(key) is not None
            seconds.append(time.perf_counter() - begun_at)
    told(f"key checks among {STREAMS} streams", seconds, 99, KEY_GOAL_MS)


async def measure_server(
    folder: Path, clip: Clip, streams: Sequence[tuple[str, str]], arguments: argparse.Namespace
) -> None:
    delays: list[float] = []
    has_come = asyncio.Event()

    async def receive(request: Request) -> Response:
        arrived_at = datetime.now(UTC)
        event = await request.json()
        delays.append((arrived_at - datetime.fromisoformat(event["timestamp"])).total_seconds())
        has_come.set()
        return Response(status_code=204)

    async with serving(Starlette(routes=[Route("/", receive, methods=["POST"])])) as url:
        ports = {"http_port": arguments.http_port, "rtmp_port": arguments.rtmp_port, "srt_port": 0}
        hook = {"webhook_url": url, "webhook_secret_file": folder / "secret"}
        environment = server_environment(str(folder), **ports, **hook, transcode=False)
        os.sched_setaffinity(0, {NODE_CORE})
        with running_server(environment, folder / "log"):
            os.sched_setaffinity(0, {LOAD_CORE})
            watched, *announced = plan_publishers(streams, time.monotonic() + GOP_SECONDS)
            await publish_while(watched, clip, arguments, lambda: watch_twice(watched, arguments))
            delays.clear()
            for publisher in announced:
                publisher.begins_at = time.monotonic()
                has_come.clear()
                await publish_while(publisher, clip, arguments, has_come.wait)
                has_come.clear()
                await has_come.wait()
    told("webhooks after their transition", delays, 95, WEBHOOK_GOAL_MS)


async def publish_while(
    publisher: Publisher, clip: Clip, arguments: argparse.Namespace, work: Callable[[], Awaitable[object]]
) -> None:
    publishing = asyncio.create_task(publisher.run(arguments.rtmp_port, clip))
    try:
        await work()
    finally:
        publishing.cancel()
        await asyncio.wait([publishing])


async def watch_twice(publisher: Publisher, arguments: argparse.Namespace) -> None:
    await asyncio.sleep(SETTLING_SECONDS)
    lateness = await watch_all(arguments.http_port, [publisher], arguments.seconds)
    told("parts, alone: late", lateness, 95, LATENESS_GOAL_MS)
    options = ["--seconds", str(arguments.seconds), "--rtmp-port", str(arguments.rtmp_port)]
    command = [sys.executable, "-m", "benchmarks.api", "--attack", *options]
    attacker = await asyncio.create_subprocess_exec(*command)
    lateness = await watch_all(arguments.http_port, [publisher], arguments.seconds)
    await attacker.wait()
    told("parts, beside wrong keys: late", lateness, 95, LATENESS_GOAL_MS)


async def attack(port: int, seconds: float) -> None:
    begun_at, answered, tasks = time.monotonic(), 0, set[asyncio.Task[None]]()

    async def attempt(number: int) -> None:
        nonlocal answered
        address = f"127.{1 + number // 62_500 % 250}.{number // 250 % 250}.{number % 250 + 2}"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(opening(generate_key(), CHUNK_SIZE))
            while await reader.read(4096):
                pass
            answered += 1
            writer.close()
        except OSError:
            pass

    for number in itertools.count():
        early_seconds = begun_at + number / ATTEMPTS_PER_SECOND - time.monotonic()
        if early_seconds > 0:
            await asyncio.sleep(early_seconds)
        if time.monotonic() - begun_at > seconds:
            break
        if len(tasks) >= MOST_OPEN:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(attempt(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    rate = answered / (time.monotonic() - begun_at)
    print(f"wrong keys: {answered} refused, {rate:.0f} in a second (wanted {ATTEMPTS_PER_SECOND})", flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    main()
