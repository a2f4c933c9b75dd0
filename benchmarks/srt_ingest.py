"""What does SRT ingest cost, and how much does it lose on a bad line?

``python -m benchmarks.srt_ingest core`` measures the protocol core alone, and with its media path
(`benchmarks.srt_core`).

``python -m benchmarks.srt_ingest node`` starts a server on one core, without transcoding, and lets encrypted callers
publish 6 Mbit/s each to it from another core.

``python -m benchmarks.srt_ingest loss`` publishes through a relay that loses datagrams in both directions, to this
server and to Debian's ``srt-live-transmit``, with the same seed (`benchmarks.srt_loss`).

Measured 2026-11-23 on two cores of an AMD EPYC (Zen 5) in a nested virtual machine, Python 3.11; the server does all of
it, from the socket to parts and playlists. One caller's packets each find the caches cold:

    callers   of a core   µs/packet   packets/s   MB in all
          1        5.1%        90.0         570         110
         20       47.2%        41.4       11404         418
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.rtmp_ingest import LOAD_CORE, NODE_CORE, create_streams, usage_of
from benchmarks.server_process import running_server, server_environment
from benchmarks.srt_calling import PACKETS_PER_SECOND, Clip, LoadCaller
from benchmarks.srt_core import run_core
from benchmarks.srt_loss import run_loss
from pinkmedia.database.engine import Database
from pinkmedia.database.streams import StreamStore
from tests.ingest.srt.caller import CallerKeys

PASSPHRASE = "a passphrase for the benchmark"
SETTLING_SECONDS = 12.0
"""Windows are full then."""


async def run_callers(pid: int, clip: Clip, streams: list[tuple[str, str]], arguments: argparse.Namespace) -> None:
    begins_at = time.monotonic() + 1.0
    callers = [LoadCaller(number, key, arguments.srt_port, clip, begins_at) for number, (_, key) in enumerate(streams)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(caller.run()) for caller in callers]
        await asyncio.sleep(SETTLING_SECONDS)
        before, began_at = await usage_of(pid, arguments.http_port), time.monotonic()
        await asyncio.sleep(arguments.seconds)
        after, seconds = await usage_of(pid, arguments.http_port), time.monotonic() - began_at
        for task in tasks:
            task.cancel()
    cpu_seconds = after.cpu_seconds - before.cpu_seconds
    packet_count = (after.media_bytes - before.media_bytes) / clip.payload_bytes
    if after.live_streams != len(streams):
        raise SystemExit(f"{after.live_streams} of {len(streams)} streams are live at the end")
    print(
        f"{len(streams):8} {cpu_seconds / seconds:8.1%} {cpu_seconds / packet_count * 1e6:10.1f}"
        f" {packet_count / seconds:10.0f} {after.resident_bytes / 1e6:8.0f}"
        f" {max(caller.lag_seconds for caller in callers) * 1000:8.1f}"
    )


def run_node(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Clip.encode(Path(folder), SETTLING_SECONDS + arguments.seconds + 5, CallerKeys(PASSPHRASE))
    print(f"{'callers':>8} {'of a core':>8} {'µs/packet':>10} {'packets/s':>10} {'MB':>8} {'lag, ms':>8}")
    for count in arguments.callers:
        with tempfile.TemporaryDirectory() as folder:
            environment = server_environment(
                folder,
                http_port=arguments.http_port,
                rtmp_port=arguments.rtmp_port,
                srt_port=arguments.srt_port,
                transcode=False,
            )
            streams = asyncio.run(create_encrypted(Path(folder), count))
            os.sched_setaffinity(0, {NODE_CORE})  # the server inherits it with all its threads
            with running_server(environment, Path(folder) / "log") as node:
                os.sched_setaffinity(0, {LOAD_CORE})
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(run_callers(node.pid, clip, streams, arguments))


async def create_encrypted(folder: Path, count: int) -> list[tuple[str, str]]:
    """Names and keys of streams with the passphrase."""
    streams = await create_streams(folder, count)
    async with Database.opened(folder) as database:
        store = StreamStore(database)
        for name, _ in streams:
            await store.set_srt_passphrase(name, PASSPHRASE)
    return streams


def main() -> None:
    parser = argparse.ArgumentParser(description="What SRT ingest costs, and loses.")
    commands = parser.add_subparsers(required=True)
    core = commands.add_parser("core", help="the protocol core alone, in memory")
    core.set_defaults(run=lambda _: run_core())
    node = commands.add_parser("node", help=f"a whole server on one core; callers send {PACKETS_PER_SECOND} packets/s")
    node.add_argument("--callers", type=int, nargs="+", default=[1, 20])
    node.add_argument("--seconds", type=float, default=15.0)
    node.add_argument("--http-port", type=int, default=22180)
    node.add_argument("--rtmp-port", type=int, default=22135)
    node.add_argument("--srt-port", type=int, default=22199)
    node.set_defaults(run=run_node)
    loss = commands.add_parser("loss", help="access units lost on a bad line, beside libsrt")
    loss.add_argument("--loss", type=float, nargs="+", default=[0.02, 0.05, 0.10])
    loss.add_argument("--seconds", type=int, default=30)
    loss.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    loss.set_defaults(run=run_loss)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
