"""How long after ffmpeg has started can a viewer play?

``python -m benchmarks.first_playable`` starts a server, and then Debian's ffmpeg twenty times, each time with a stream
of its own: 720p30 with sound over RTMP, passed through. Two players come: one asks for the first part, which is
playable when a part that can be decoded by itself has been fetched of the video and of the sound; the other asks for
the playlists without any directive, as hls.js does, and gets them when there is a whole segment, which it fetches.
ffmpeg's own start, its reading of the file and its handshake are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import Sequence
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
_SEGMENT = re.compile(r"^(seg-\d+\.m4s)$", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description="From ffmpeg's start to the first part.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--transcode", action="store_true", help="with the ladder beside it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", seconds=10, width=1280, height=720, kbps=2500)
        with ServerProcess(Path(folder), transcode=arguments.transcode) as server:
            runs = [run(server, clip, f"run{number}") for number in range(arguments.runs)]
    part_seconds, segment_seconds = zip(*runs, strict=True)
    _, *_, p95 = quantiles(part_seconds, n=20)
    print(
        f"first playable part after ffmpeg's start, {told(part_seconds)}"
        f" (goal {GOAL_SECONDS} s at p95: {'met' if p95 <= GOAL_SECONDS else 'MISSED'})"
    )
    print(f"first segment, {told(segment_seconds)}")


def told(seconds: Sequence[float]) -> str:
    _, *_, p95 = quantiles(seconds, n=20)
    return f"{len(seconds)} runs: p50 {quantiles(seconds, n=2)[0]:.3f} s, p95 {p95:.3f} s, most {max(seconds):.3f} s"


def run(server: ServerProcess, clip: Path, name: str) -> tuple[float, float]:
    """Until the first part and the first segment."""
    key = server.create_stream(name)
    url = f"{server.base_url}/live/{name}/index.m3u8"
    begun_at = time.monotonic()
    with Publisher(clip, f"{server.rtmp_url}/{key}"):
        asyncio.run(until_playable(url, "?_HLS_msn=0&_HLS_part=0", _INDEPENDENT))
        part_seconds = time.monotonic() - begun_at
        asyncio.run(until_playable(url, "", _SEGMENT))
        return part_seconds, time.monotonic() - begun_at


async def until_playable(url: str, directives: str, what: re.Pattern[str]) -> None:
    player = Player(url)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                if (await player.client.get(url)).is_success:
                    break
                await asyncio.sleep(POLL_SECONDS)
            (video, *_), sounds = await player.multivariant()
            await asyncio.gather(
                *(
                    fetch_first(player.client, urljoin(url, uri) + directives, what)
                    for uri in (video.uri, sounds[0]["URI"])
                )
            )
    finally:
        await player.close()


async def fetch_first(client: httpx.AsyncClient, url: str, what: re.Pattern[str]) -> None:
    text = (await client.get(url)).raise_for_status().text
    found = what.search(text)
    assert found is not None
    (await client.get(urljoin(url, found[1]))).raise_for_status()


if __name__ == "__main__":
    main()
