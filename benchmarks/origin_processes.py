"""How late are parts in origin processes, and what does it cost to repeat them there?

``python -m benchmarks.origin_processes`` measures first, within one process, the CPU time that a part of 2.5 Mbit/s
costs beyond a node without origin processes, for each of them, and what it costs in such a process. Then it starts a
server with two, and follows a passed-through stream on a connection to each: each part is asked for before it exists,
and carries the time at which it was written (``prft``). What is between that and its last byte here is publishing,
repeating and the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from urllib.parse import urljoin, urlsplit

import httpx

from benchmarks.server_process import create_stream, running_server, server_environment
from packager.operations import Operation
from packager.presentation import Presentation
from packager.recorded import RecordedPresentation
from pinkmedia.media import Packet, Rendition
from pinkmedia.origins.messages import PresentationOpened, encode_operation, parse_operation
from pinkmedia.origins.replicas import Replicas
from pinkmedia.processes.frames import FrameReader
from pinkmedia.processes.outbox import Outbox
from tests.origins import connection_to_each
from tests.packager.samples import VIDEO, ignore_part, layout, video_packets
from tests.support import Publisher, make_clip

PROCESSES = 2
GOAL_SECONDS = 0.005
PART_BYTES = 62_500
"""A fifth of a second at 2.5 Mbit/s."""
PART_FRAMES = 6
NTP_EPOCH_SECONDS = 2_208_988_800
READ_BYTES = 256 * 1024
SETTLING_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description="What origin processes cost, and how late they are.")
    parser.add_argument("--parts", type=int, default=200, help="on each connection")
    parser.add_argument("--http-port", type=int, default=22480)
    parser.add_argument("--rtmp-port", type=int, default=22435)
    arguments = parser.parse_args()
    measure_cost(5000)
    with tempfile.TemporaryDirectory() as folder:
        measure_delay(Path(folder), arguments)


# Cost


def measure_cost(parts: int) -> None:
    with told_socket() as (outbox, told):
        frames, replicas = FrameReader(), Replicas()
        replicas.open(PresentationOpened(1, "bench", "e1", layout(), frozenset({"720p"}), is_archived=False))
        cost = {"node": 0.0, "process": 0.0}

        def repeat(operation: Operation) -> None:
            outbox.push(*encode_operation(1, operation))
            outbox.send()

        def hear() -> None:
            begun = time.process_time()
            while True:
                try:
                    data = told.recv(READ_BYTES)
                except BlockingIOError:
                    break
                for kind, body in frames.feed(data):
                    replicas.apply(*parse_operation(kind, body))
                outbox.send()
            cost["process"] += time.process_time() - begun

        names = {"720p"}
        alone = write(Presentation("e1", layout(), names, on_part=ignore_part), parts, lambda: None)
        recorded = RecordedPresentation("e1", layout(), names, on_part=ignore_part, record=repeat)
        cost["node"] = write(recorded, parts, hear) - alone
    print(
        f"CPU per part of {PART_BYTES} bytes: publishing {alone / parts * 1e6:.0f} µs; for each origin process"
        f" {cost['node'] / parts * 1e6:.0f} µs in the node, {cost['process'] / parts * 1e6:.0f} µs in the process"
    )


def write(presentation: Presentation, parts: int, after_part: Callable[[], None]) -> float:
    """CPU seconds in the presentation."""
    payload = bytes(PART_BYTES // PART_FRAMES)
    presentation.add_rendition(Rendition("720p", VIDEO, 2_500_000, is_passthrough=True))
    used_seconds = 0.0
    for index, packet in enumerate(video_packets(parts * PART_FRAMES)):
        sized = Packet(1, packet.dts_ticks, packet.pts_ticks, packet.duration_ticks, packet.is_sync, payload, 0.0)
        begun = time.process_time()
        if packet.is_sync:
            presentation.add_boundary(packet.pts_ticks)
        presentation.write("720p", sized)
        used_seconds += time.process_time() - begun
        if index % PART_FRAMES == PART_FRAMES - 1:
            after_part()
    return used_seconds


@contextmanager
def told_socket() -> Iterator[tuple[Outbox, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield Outbox(near, PART_BYTES * 1000), far


# Delay


def measure_delay(folder: Path, arguments: argparse.Namespace) -> None:
    clip = make_clip(folder / "clip.mp4", seconds=10, width=1280, height=720)
    ports = {"http_port": arguments.http_port, "rtmp_port": arguments.rtmp_port, "srt_port": 0}
    for processes in (0, PROCESSES):
        keys = ports | {"transcode": False, "http_workers": processes}
        environment = server_environment(str(folder / f"data{processes}"), **keys)
        with running_server(environment, folder / "log") as server, ExitStack() as stack:
            stack.enter_context(
                Publisher(clip, f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{create_stream(environment)}")
            )
            time.sleep(SETTLING_SECONDS)
            connections = (
                list(connection_to_each(server.pid, arguments.http_port, stack).values())
                if processes
                else [stack.enter_context(socket.create_connection(("127.0.0.1", arguments.http_port)))]
            )
            playlist_url = find_playlist(f"http://127.0.0.1:{arguments.http_port}/live/bench/index.m3u8")
            delays = asyncio.run(follow_all(connections, playlist_url, arguments.parts))
        for name, seconds in delays.items():
            cuts = quantiles(seconds, n=20)
            print(
                f"{processes} processes, {name}: {len(seconds)} parts, written to received: median"
                f" {cuts[9] * 1000:.2f} ms, 95th percentile {cuts[18] * 1000:.2f} ms, most {max(seconds) * 1000:.2f} ms"
                f" (goal {GOAL_SECONDS * 1000:.0f})"
            )


def find_playlist(index_url: str) -> str:
    """That of the passed-through pictures."""
    (uri,) = re.findall(r"^.*/720p/media\.m3u8$", httpx.get(index_url).text, re.MULTILINE)
    return urljoin(index_url, str(uri))


async def follow_all(connections: list[socket.socket], playlist_url: str, parts: int) -> dict[str, list[float]]:
    delays = await asyncio.gather(*(follow(connection, playlist_url, parts) for connection in connections))
    return {f"connection {number}": each for number, each in enumerate(delays)}


async def follow(connection: socket.socket, playlist_url: str, parts: int) -> list[float]:
    """Seconds between a part's writing and its last byte here."""
    reader, writer = await asyncio.open_connection(sock=connection)
    delays: list[float] = []
    asked = ""
    while len(delays) < parts:
        text = (await get(reader, writer, playlist_url)).decode()
        (hint,) = re.findall(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
        if hint == asked:
            continue
        asked = hint
        part = await get(reader, writer, urljoin(playlist_url, hint))
        if (written_at := written_seconds(part)) is not None:
            delays.append(time.time() - written_at)
    writer.close()
    return delays


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> bytes:
    """The body; empty for what is not there."""
    writer.write(f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    (size,) = re.findall(rb"content-length: (\d+)", head)
    body = await reader.readexactly(int(size))
    return body if head.startswith(b"HTTP/1.1 200") else b""


def written_seconds(part: bytes) -> float | None:
    """Unix seconds of a part's `prft` box (ISO/IEC 14496-12 §8.16.5)."""
    at = part.find(b"prft")
    if at < 0:
        return None
    seconds, fraction = struct.unpack_from(">II", part, at + 12)
    return float(seconds - NTP_EPOCH_SECONDS + fraction / 2**32)


if __name__ == "__main__":
    main()
