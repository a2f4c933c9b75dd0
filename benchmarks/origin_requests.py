"""How much processor time does one request cost the media origin?

``python -m benchmarks.origin_requests`` starts the HTTP server with one stream in a process of its own and asks for the
same things over and over through a few kept connections. What is counted is the server's processor time, user and
system, divided by the answers: it holds on a busy machine, where answers per second do not.

Parts are of 55 kB, as 720p at 2.2 Mbit/s makes them; segments have ten. The clients say what hls.js in Chromium says.

Then a thousand wait for the same thing, and are answered together.

Measured 2026-11-23 on two cores of an AMD EPYC in a nested virtual machine, Python 3.11, beside other work:

    request                 µs    through uvicorn's ASGI, before
    playlist              21.2    40.8
    part of 55 kB         21.0    31.7
    segment of 550 kB      118    110
    what is not there     18.3    27.9
    playlist, waiting     28.3 to come, 20.8 to be answered (before: 35, 24)
    part, waiting         36   to come, 26   to be answered (before: 36, 32)

Of that the origin itself takes 4 to 7 µs. To write 3 kB to a thousand sockets of the loopback takes 7 µs each with
nothing around it, 55 kB 14 µs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
from dataclasses import replace
from multiprocessing.connection import Connection

import uvloop

from benchmarks.server_process import cpu_seconds
from packager.presentation import Presentation
from pinkmedia.media import Rendition
from tests.packager.samples import AUDIO, VIDEO, audio_packets, ignore_part, layout, video_packets
from web.limited_media import LimitedMedia
from web.origin import Origin
from web.server import HttpServer
from web.viewer_limits import ViewerLimits, Viewers

CONNECTIONS = 8
REQUESTS = 24_000
WARM_UP = 2_000
FRAME_BYTES = 55_000 // 6
VIDEO_FRAMES, AUDIO_FRAMES = 330, 500
"""Five whole segments and half of another."""
FOLDER = "/live/alice/e1/720p"
TARGETS = {
    "playlist": f"{FOLDER}/media.m3u8?_HLS_msn=5&_HLS_part=1",
    "part of 55 kB": f"{FOLDER}/part-5.1.m4s",
    "segment of 550 kB": f"{FOLDER}/seg-4.m4s",
    "what is not there": f"{FOLDER}/part-77.1.m4s",
}
HEADERS = (
    'Host: live.example.com\r\nConnection: keep-alive\r\nsec-ch-ua-platform: "Linux"\r\n'
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: */*\r\nOrigin: https://www.example.com\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\nReferer: https://www.example.com/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
)
WAITERS = 1000
ROUNDS = 20
ALL_WAIT_SECONDS = 0.1
"""After the requests were sent."""
FRAMES_PER_PART = 6
WAITING = {"waiting for a playlist": "media.m3u8?_HLS_msn={}&_HLS_part={}", "waiting for a part": "part-{}.{}.m4s"}


class OneStream:
    """A directory with one presentation, as `web.origin` wants it."""

    def __init__(self) -> None:
        self.presentation = Presentation("e1", layout(), {"720p", "audio"}, on_part=ignore_part)
        self.presentation.add_rendition(Rendition("720p", VIDEO, 2_500_000, is_passthrough=True))
        self.presentation.add_rendition(Rendition("audio", AUDIO, 128_000, is_passthrough=True))
        self.presentation.begin(1_700_000_000.0)
        self._video = video_packets(100_000)
        self.advance(VIDEO_FRAMES)
        for packet in audio_packets(AUDIO_FRAMES):
            self.presentation.write("audio", packet)

    def advance(self, frames: int) -> None:
        for _ in range(frames):
            packet = next(self._video)
            if packet.is_sync:
                self.presentation.add_boundary(packet.pts_ticks)
            self.presentation.write("720p", replace(packet, payload=os.urandom(FRAME_BYTES)))

    @property
    def hinted(self) -> tuple[int, int]:
        window = self.presentation.find("720p")
        return window.hinted if window else (0, 0)

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None:
        return self.presentation if stream_name == "alice" and epoch in (None, "e1") else None


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=WAITERS)
    mine, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(listener, theirs), daemon=True)
    server.start()
    mine.recv()  # what is announced: the server is ready
    try:
        for name, target in TARGETS.items():
            uvloop.run(ask(listener.getsockname(), target, WARM_UP))
            before = cpu_seconds(server.pid or 0)
            uvloop.run(ask(listener.getsockname(), target, REQUESTS))
            print(f"{name:22} {(cpu_seconds(server.pid or 0) - before) / REQUESTS * 1e6:6.1f} µs")
        for name, target in WAITING.items():
            coming, woken = uvloop.run(wait(listener.getsockname(), target, mine, server.pid or 0))
            print(f"{name:22} {coming * 1e6:6.1f} µs to come, {woken * 1e6:.1f} µs to be answered")
    finally:
        server.kill()
        server.join()


def serve(listener: socket.socket, lead: Connection) -> None:
    """The server's process. It says what is announced, first and after each part that it is told to publish."""
    limits = ViewerLimits(2 * WAITERS, requests_per_second=10 * REQUESTS)

    async def run() -> None:
        viewers = Viewers(limits)
        stream = OneStream()
        media = LimitedMedia(Origin(stream), viewers)
        server = HttpServer(media, viewers, media)
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        def publish() -> None:
            lead.recv()
            stream.advance(FRAMES_PER_PART)
            lead.send(stream.hinted)

        asyncio.get_running_loop().add_reader(lead.fileno(), publish)
        lead.send(stream.hinted)
        await serving

    uvloop.run(run())


async def ask(address: tuple[str, int], target: str, count: int) -> None:
    """So many requests for one thing, shared out between the connections."""
    request = f"GET {target} HTTP/1.1\r\n{HEADERS}\r\n".encode()
    await asyncio.gather(*(_ask(address, request, count // CONNECTIONS) for _ in range(CONNECTIONS)))


async def wait(address: tuple[str, int], target: str, lead: Connection, pid: int) -> tuple[float, float]:
    """CPU seconds of the server for each of many that wait for a part together: until they wait, and afterwards."""
    connections = [await asyncio.open_connection(*address) for _ in range(WAITERS)]
    coming_seconds = woken_seconds = 0.0
    lead.send(True)
    for _ in range(ROUNDS):
        request = f"GET {FOLDER}/{target.format(*lead.recv())} HTTP/1.1\r\n{HEADERS}\r\n".encode()
        before = cpu_seconds(pid)
        for _, writer in connections:
            writer.write(request)
        await asyncio.sleep(ALL_WAIT_SECONDS)
        between = cpu_seconds(pid)
        lead.send(True)
        await asyncio.gather(*(_take(reader) for reader, _ in connections))
        coming_seconds += between - before
        woken_seconds += cpu_seconds(pid) - between
    lead.recv()
    for _, writer in connections:
        writer.close()
    return coming_seconds / (ROUNDS * WAITERS), woken_seconds / (ROUNDS * WAITERS)


async def _ask(address: tuple[str, int], request: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(count):
        writer.write(request)
        await _take(reader)
    writer.close()


async def _take(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, length = head.partition(b"content-length: ")
    await reader.readexactly(int(length.partition(b"\r\n")[0]))


if __name__ == "__main__":
    main()
