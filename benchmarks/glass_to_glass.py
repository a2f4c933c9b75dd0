"""How old is what a viewer sees?

``python -m benchmarks.glass_to_glass`` starts a server, publishes the test picture to it (720p30, with the wall clock
painted in for machines), and watches it in Chromium: with hls.js as it comes, then with the server's own watch page.
The age of a picture is the time from its painting until the browser says that it shows it: encoding, RTMP, packaging,
the ladder beside it, HTTP, buffering, decoding. Server, encoders, publisher and browser share this machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.segment_latency import publish
from benchmarks.server_process import create_stream, running_server, server_environment
from tests.browser.viewer import browser_script
from transcode.test_source import PictureSettings

SCRIPT = Path(__file__).with_name("glass.mjs")
PICTURE = PictureSettings(width=1280, height=720, has_machine_clock=True)
GOALS_SECONDS = {"hls": (1.0, 1.1), "page": (0.8, None)}
"""p50 and p95."""
SPARE_SECONDS = 180.0
"""What the browser needs around its watching."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Glass to glass in Chromium.")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each player")
    parser.add_argument("--players", nargs="+", choices=GOALS_SECONDS, default=list(GOALS_SECONDS))
    parser.add_argument("--http-port", type=int, default=22580)
    parser.add_argument("--rtmp-port", type=int, default=22535)
    arguments = parser.parse_args()
    for player in arguments.players:
        with tempfile.TemporaryDirectory() as folder:
            print(watched(player, Path(folder), arguments), flush=True)


def watched(player: str, folder: Path, arguments: argparse.Namespace) -> str:
    ports = {"http_port": arguments.http_port, "rtmp_port": arguments.rtmp_port, "srt_port": 0}
    environment = server_environment(str(folder), **ports)
    base_url = f"http://127.0.0.1:{arguments.http_port}"
    url = f"{base_url}/live/bench/index.m3u8" if player == "hls" else f"{base_url}/watch/bench"
    spawning = multiprocessing.get_context("spawn")
    _results, far_results = spawning.Pipe(duplex=False)
    with running_server(environment, folder / "log"):
        target = f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{create_stream(environment)}"
        lasting_seconds = arguments.seconds + SPARE_SECONDS
        publisher = spawning.Process(target=publish, args=(target, lasting_seconds, far_results, PICTURE), daemon=True)
        publisher.start()
        with browser_script(SCRIPT, url, player, str(arguments.seconds)) as events:
            joins = list(events)
        publisher.kill()
        publisher.join()
    return described(player, joins)


def described(player: str, joins: list[dict[str, Any]]) -> str:
    delays_seconds = [delay for join in joins for delay in join["delaysSeconds"]]
    stalls = sum(join["stalls"] for join in joins)
    percentiles = quantiles(delays_seconds, n=100)
    p50, p95 = percentiles[49], percentiles[94]
    goal_p50, goal_p95 = GOALS_SECONDS[player]
    is_met = p50 <= goal_p50 and p95 <= (goal_p95 or p95) and not stalls
    goal = f"p50 {goal_p50} s" + (f", p95 {goal_p95} s" if goal_p95 else "")
    return (
        f"{player:5} p50 {p50:.3f} s, p95 {p95:.3f} s, most {max(delays_seconds):.3f} s; {stalls} stalls;"
        f" {len(delays_seconds)} pictures read, {sum(join['unread'] for join in joins)} not,"
        f" in {len(joins)} joins at heights {[join['heights'] for join in joins]}"
        f" (goal {goal}, no stall: {'met' if is_met else 'MISSED'})"
    )


if __name__ == "__main__":
    main()
