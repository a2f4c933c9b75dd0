"""How long after ffmpeg has started can a viewer play?

``python -m benchmarks.first_playable`` starts a server, and then Debian's ffmpeg twenty times, each time with a stream
of its own: 720p30 with sound over RTMP, passed through. It ends when a part that can be decoded by itself has been
fetched of the video and of the sound. ffmpeg's own start, its reading of the file and its handshake are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from urllib.parse import urljoin

import httpx

from tests.support import Publisher, ServerProcess, make_clip
from tests.system.player import Player

GOAL_SECONDS = 1.2
POLL_SECONDS = 0.01
"""A stream that is not live has no address to wait at."""
DEADLINE_SECONDS = 20.0
_INDEPENDENT = re.compile(r'#EXT-X-PART:DURATION=[\d.]+,URI="([^"]+)",INDEPENDENT=YES')


def main() -> None:
    parser = argparse.ArgumentParser(description="From ffmpeg's start to the first part.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--transcode", action="store_true", help="with the ladder beside it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", seconds=10, width=1280, height=720, kbps=2500)
        with ServerProcess(Path(folder), transcode=arguments.transcode) as server:
            seconds = [run(server, clip, f"run{number}") for number in range(arguments.runs)]
    _, *_, p95 = quantiles(seconds, n=20)
    verdict = "met" if p95 <= GOAL_SECONDS else "MISSED"
    print(
        f"first playable after ffmpeg's start, {len(seconds)} runs: p50 {quantiles(seconds, n=2)[0]:.3f} s,"
        f" p95 {p95:.3f} s, most {max(seconds):.3f} s (goal {GOAL_SECONDS} s: {verdict})"
    )


def run(server: ServerProcess, clip: Path, name: str) -> float:
    key = server.create_stream(name)
    begun_at = time.monotonic()
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        asyncio.run(until_playable(f"{server.base_url}/live/{name}/index.m3u8"))
        return time.monotonic() - begun_at


async def until_playable(url: str) -> None:
    player = Player(url)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                if (await player.client.get(url)).is_success:
                    break
                await asyncio.sleep(POLL_SECONDS)
            (video, *_), sounds = await player.multivariant()
            await asyncio.gather(
                *(fetch_first(player.client, urljoin(url, uri)) for uri in (video.uri, sounds[0]["URI"]))
            )
    finally:
        await player.close()


async def fetch_first(client: httpx.AsyncClient, url: str) -> None:
    text = (await client.get(url)).raise_for_status().text
    found = _INDEPENDENT.search(text)
    assert found is not None
    (await client.get(urljoin(url, found[1]))).raise_for_status()


if __name__ == "__main__":
    main()
