"""A server that transcodes, its publishers, and what they cost: for `benchmarks.transcode_cost`."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.ladder_clip import TEMPLATES, encode_clip
from benchmarks.server_process import children, create_stream, family_cpu_seconds, running_server, server_environment
from tests.support import require_tool

REENCODE_SECONDS = 18.0
"""A source over its tier's bit rate is encoded anew after ten seconds; and a few more until that runs."""
SETTLING_SECONDS = 6.0
CATCHING_UP_SECONDS = 15.0
"""Streams that begin together wait for workers to start, and make up for that."""
UNLIMITED_CORES = 1000
"""The model is not to decide here how much is measured."""


def server_cores(clip: Path, arguments: argparse.Namespace, *, passthrough: bool) -> float:
    """Of the node and its workers, while one publisher sends the clip in real time."""
    limits = {} if passthrough else {"partner_passthrough_kbps": 500}
    with (
        tempfile.TemporaryDirectory() as folder,
        transcoding_server(folder, arguments, **limits) as (pid, environment),
        publishing(clip, arguments, create_stream(environment)),
    ):
        time.sleep(SETTLING_SECONDS if passthrough else REENCODE_SECONDS)
        cores = measured_cores(pid, arguments.measured)
        _check_renditions(arguments.http_port, {"1080p", "720p", "480p"})
    return cores


@contextmanager
def transcoding_server(
    folder: str, arguments: argparse.Namespace, **settings: object
) -> Iterator[tuple[int, dict[str, str]]]:
    """Its process id, and its environment."""
    ladder = [
        {"name": each.name, "height": each.height, "max_fps": each.max_fps, "kbps": each.bit_rate_bps // 1000}
        for each in TEMPLATES
    ]
    ports = {"http_port": arguments.http_port, "rtmp_port": arguments.rtmp_port, "srt_port": 0}
    environment = server_environment(
        folder, **ports, ladder=json.dumps(ladder), transcode_cores=UNLIMITED_CORES, **settings
    )
    with running_server(environment, Path(folder) / "log") as node:
        yield node.pid, environment


@contextmanager
def publishing(clip: Path, arguments: argparse.Namespace, key: str) -> Iterator[None]:
    url = f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{key}"
    words = f"-nostdin -v error -re -stream_loop -1 -i {clip} -c copy -f flv {url}"
    program = subprocess.Popen([require_tool("ffmpeg"), *words.split()])
    try:
        yield
    finally:
        program.terminate()
        program.wait()


def _check_renditions(http_port: int, expected: set[str]) -> None:
    text = httpx.get(f"http://127.0.0.1:{http_port}/live/bench/index.m3u8").text
    found = {name.removesuffix("60") for name in re.findall(r"/(\w+)/media\.m3u8$", text, re.MULTILINE)}
    if not expected <= found:
        raise SystemExit(f"the server has {found}, not {expected}")


def measured_cores(pid: int, seconds: float) -> float:
    """Of a server and its workers, which all must live as long."""
    workers, begun_at = children(pid), time.monotonic()
    begun = family_cpu_seconds(pid)
    time.sleep(seconds)
    if children(pid) != workers:
        raise SystemExit("a worker was replaced meanwhile: the machine is too busy")
    return (family_cpu_seconds(pid) - begun) / (time.monotonic() - begun_at)


def run_density(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = encode_clip(Path(folder) / "clip.mp4", frame_rate=30, seconds=arguments.seconds)
        with transcoding_server(folder, arguments) as (pid, environment):
            publishers = [_publish(clip, arguments, environment, number) for number in range(arguments.streams)]
            time.sleep(CATCHING_UP_SECONDS)
            before = _metrics(arguments.http_port)
            cores = measured_cores(pid, arguments.measured)
            after = _metrics(arguments.http_port)
            for publisher in publishers:
                publisher.terminate()
                publisher.wait()
    print(f"{arguments.streams} × 1080p30: {cores:.2f} cores, load average {os.getloadavg()[0]:.1f}")
    for kind in ("passthrough", "transcoded", "audio"):
        count = after[f'pinkmedia_part_publish_delay_seconds_count{{kind="{kind}"}}'] - before.get(
            f'pinkmedia_part_publish_delay_seconds_count{{kind="{kind}"}}', 0.0
        )
        expected = arguments.streams * arguments.measured / 0.2 * (2 if kind == "transcoded" else 1)
        late = " ".join(f"p{share * 100:.0f} {_late(before, after, kind, share)}" for share in (0.5, 0.95))
        print(f"{kind:12} {count:6.0f} parts of {expected:.0f}; late: {late}")
    print(f"workers restarted: {after.get('pinkmedia_worker_restarts_total', 0.0):.0f}")


def _publish(
    clip: Path, arguments: argparse.Namespace, environment: dict[str, str], number: int
) -> subprocess.Popen[bytes]:
    command = [*(sys.executable, "-m", "pinkmedia", "stream", "create"), f"bench-{number}", "--tier", "partner"]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    url = f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{printed.split()[-1]}"
    words = f"-nostdin -v error -re -stream_loop -1 -i {clip} -c copy -f flv {url}"
    return subprocess.Popen([require_tool("ffmpeg"), *words.split()])


def _metrics(http_port: int) -> dict[str, float]:
    text = httpx.get(f"http://127.0.0.1:{http_port}/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(pinkmedia_\S+) (\S+)$", text, re.MULTILINE)}


def _late(before: dict[str, float], after: dict[str, float], kind: str, share: float) -> str:
    """The bucket that so many parts are within, in words."""
    pattern = re.compile(rf'pinkmedia_part_publish_delay_seconds_bucket{{kind="{kind}",le="([^"]+)"}}')
    buckets = [
        (match[1], value - before.get(name, 0.0)) for name, value in after.items() if (match := pattern.match(name))
    ]
    total = max((count for _, count in buckets), default=0.0)
    return (
        next((f"≤ {limit} s" for limit, count in buckets if count >= share * total), "unknown") if total else "unknown"
    )
