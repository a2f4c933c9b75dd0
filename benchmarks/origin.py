"""How many parts and playlists does one core serve, beside nginx with the same bytes as files?

``python -m benchmarks.origin`` starts a server on one core with a live 720p30 stream of 2.5 Mbit/s, passed through,
and nginx on the same core with one of its parts and a playlist as files. wrk asks both in turn from another core, as
fast as they answer; then h2load asks ours at half that rate. Needs nginx, wrk and h2load (Debian: nginx-light, wrk,
nghttp2-client).

What a request costs is CPU time, which holds on a busy machine; requests per second and the 99th percentile need a
quiet one.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urljoin

import httpx

from benchmarks.server_process import cpu_seconds, create_stream, running_server, server_environment
from tests.support import Publisher, make_clip, require_tool

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 32
CLIP_KBPS = 2500
SETTLING_SECONDS = 14.0
"""Until the window is full."""
GOAL_RATIO = 0.7
GOAL_P99_SECONDS = 0.010
NGINX_CONFIG = """
worker_processes 1; worker_cpu_affinity 01; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server has done."""

    requests_per_second: float
    cpu_seconds_each: float


def main() -> None:
    parser = argparse.ArgumentParser(description="What the origin serves on one core.")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--http-port", type=int, default=22380)
    parser.add_argument("--rtmp-port", type=int, default=22335)
    parser.add_argument("--nginx-port", type=int, default=22381)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), arguments)


def run(folder: Path, arguments: argparse.Namespace) -> None:
    folder.chmod(0o755)
    (folder / "files").mkdir()
    clip = make_clip(folder / "clip.mp4", seconds=10, width=1280, height=720, kbps=CLIP_KBPS)
    ports = {"http_port": arguments.http_port, "rtmp_port": arguments.rtmp_port, "srt_port": 0}
    environment = server_environment(str(folder / "data"), **ports, transcode=False)
    os.sched_setaffinity(0, {SERVER_CORE})  # both servers inherit it with all their threads
    with running_server(environment, folder / "log") as server, running_nginx(folder, arguments.nginx_port) as nginx:
        os.sched_setaffinity(0, {LOAD_CORE})
        with Publisher(clip, f"rtmp://127.0.0.1:{arguments.rtmp_port}/live/{create_stream(environment)}"):
            time.sleep(SETTLING_SECONDS)
            for kind in ("part", "playlist"):
                compare(kind, folder / "files", server.pid, nginx, arguments)


def compare(kind: str, files: Path, server_pid: int, nginx_pid: int, arguments: argparse.Namespace) -> None:
    ours_best = nginx_best = Load(0.0, 1.0)
    for number in range(arguments.repeat):
        url = newest(f"http://127.0.0.1:{arguments.http_port}/live/bench/index.m3u8")[kind]
        name = f"{number}-{url.rsplit('/', 1)[1]}"  # nginx remembers what it has opened
        (files / name).write_bytes(httpx.get(url, headers={"Accept-Encoding": "identity"}).content)
        static_url = f"http://127.0.0.1:{arguments.nginx_port}/{name}"
        nginx_best = max(nginx_best, load(static_url, nginx_pid, arguments.seconds), key=_rate)
        ours_best = max(ours_best, load(url, server_pid, arguments.seconds), key=_rate)
    p99_seconds = p99_at(url, ours_best.requests_per_second / 2, arguments.seconds)
    print(
        f"{kind} of {(files / name).stat().st_size} bytes:"
        f" nginx {_described(nginx_best)}; ours {_described(ours_best)};"
        f" ratio {_rate(ours_best) / _rate(nginx_best):.2f} by rate,"
        f" {nginx_best.cpu_seconds_each / ours_best.cpu_seconds_each:.2f} by CPU (goal {GOAL_RATIO});"
        f" p99 at half load {p99_seconds * 1000:.1f} ms (goal {GOAL_P99_SECONDS * 1000:.0f})"
    )


def _rate(load: Load) -> float:
    return load.requests_per_second


def _described(load: Load) -> str:
    return f"{load.requests_per_second:.0f}/s at {load.cpu_seconds_each * 1e6:.1f} µs"


def newest(index_url: str) -> dict[str, str]:
    """A part and the playlist of the passed-through video."""
    index = httpx.get(index_url).text
    (playlist_uri,) = re.findall(r"^.*/720p/media\.m3u8$", index, re.MULTILINE)
    playlist_url = urljoin(index_url, playlist_uri)
    *_, segment = re.findall(r"^seg-(\d+)\.m4s$", httpx.get(playlist_url).text, re.MULTILINE)
    return {"playlist": playlist_url, "part": urljoin(playlist_url, f"part-{segment}.1.m4s")}


@contextmanager
def running_nginx(folder: Path, port: int) -> Iterator[int]:
    """The process id of its worker."""
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port))
    master = subprocess.Popen([require_tool("nginx"), "-c", str(config)])
    try:
        children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
        while not children.read_text():
            time.sleep(0.05)
        yield int(children.read_text().split()[0])
    finally:
        master.terminate()
        master.wait()


def load(url: str, pid: int, seconds: float) -> Load:
    """As many requests as are answered."""
    begun_seconds = cpu_seconds(pid)
    words = f"-t1 -c{CONNECTIONS} -d{seconds:g}s {url}"
    said = subprocess.run([require_tool("wrk"), *words.split()], capture_output=True, text=True, check=True).stdout
    used_seconds = cpu_seconds(pid) - begun_seconds
    (count,) = re.findall(r"(\d+) requests in", said)
    if "Non-2xx" in said or not int(count):
        raise SystemExit(f"{url}:\n{said}")
    return Load(int(count) / seconds, used_seconds / int(count))


def p99_at(url: str, rate: float, seconds: float) -> float:
    with tempfile.NamedTemporaryFile() as log:
        per_client = max(1, round(rate / CONNECTIONS))
        words = f"--h1 -t1 -c{CONNECTIONS} -D{seconds:g} --rps {per_client} --log-file {log.name} {url}"
        subprocess.run([require_tool("h2load"), *words.split()], capture_output=True, check=True)
        microseconds = [int(line.split("\t")[2]) for line in Path(log.name).read_text().splitlines()]
    return quantiles(microseconds, n=100)[98] / 1e6


if __name__ == "__main__":
    main()
