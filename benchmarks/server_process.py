"""The server as a process that a benchmark starts, and what it has used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_DEADLINE_SECONDS = 20.0
"""For the server to start, and for a stream to be playable."""
POLL_SECONDS = 0.02
"""Between questions while nothing can be waited for."""
_CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextmanager
def running_server(environment: dict[str, str], log_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log_path.open("wb") as log:
        node = subprocess.Popen([sys.executable, "-m", "pinkmedia", "serve"], env=environment, stderr=log, stdout=log)
        try:
            _wait_until_ready(f"http://127.0.0.1:{environment['PINKMEDIA_HTTP_PORT']}/readyz", node)
            yield node
        finally:
            node.terminate()
            node.wait(START_DEADLINE_SECONDS)


def _wait_until_ready(url: str, node: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while time.monotonic() < deadline and node.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(POLL_SECONDS)
    raise SystemExit("the server does not start")


def server_environment(data_dir: str, **settings: object) -> dict[str, str]:
    """Of a server with a data folder of its own, that listens here only; ``settings`` are keys of the configuration."""
    own = {"data_dir": data_dir, "host": "127.0.0.1", **settings}
    return os.environ | {f"PINKMEDIA_{key.upper()}": str(value) for key, value in own.items()}


def create_stream(environment: dict[str, str]) -> str:
    """A stream named ``bench``; returns its key."""
    command = [sys.executable, "-m", "pinkmedia", "stream", "create", "bench", "--tier", "partner"]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return printed.split()[-1]


def cpu_seconds(pid: int) -> float:
    """Of all its threads, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS_PER_SECOND


def children(pid: int) -> set[int]:
    """Of a process that has started them from its main thread."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def family_cpu_seconds(pid: int) -> float:
    """Of a process and its children, which all must live as long as it is looked at."""
    return sum(map(cpu_seconds, {pid, *children(pid)}))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
