"""The operating system's side of a worker: how it is started, and what it says on standard error.

FFmpeg and x264 write their warnings to the worker's standard error, a line each, and so does Python when it must. The
node reads that pipe always, so that no worker waits for it, and logs a few lines a second: a broken source has FFmpeg
complain of every picture.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from pinkmedia.processes import child

MOST_LINES_PER_SECOND = 5
"""Of one worker: enough for what happens once; what happens with every picture says nothing new."""
LOG_LINE_CHARACTERS = 500
"""What is kept of a line."""
LONGEST_LINE_BYTES = 64 * 1024
"""Bytes without an end of line: no message is so long; they are thrown away."""
READ_BYTES = 64 * 1024
"""As much as a pipe holds."""


async def start_process(socket_fd: int, encoder: str) -> asyncio.subprocess.Process:
    """A worker that talks through this socket, and looks for such encoders first. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "transcode.worker", str(socket_fd), encoder),
        pass_fds=(socket_fd,),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


def environment() -> dict[str, str]:
    """numpy must not start threads when it is loaded: privileges are a thread's own, and only the main one gives them
    up."""
    return child.environment() | {"OPENBLAS_NUM_THREADS": "1"}


async def read_lines(
    stderr: asyncio.StreamReader, on_line: Callable[[str], None], on_left_out: Callable[[int], None]
) -> None:
    """Until the process ends; tells how many lines were left out when there is room again, and at the end."""
    limiter = LineLimiter(on_line, on_left_out)
    while data := await stderr.read(READ_BYTES):
        limiter.feed(data, time.monotonic())
    limiter.close()


class LineLimiter:
    """Cuts bytes into lines, and passes on a few each second. Pure: time is an argument."""

    def __init__(self, on_line: Callable[[str], None], on_left_out: Callable[[int], None]) -> None:
        self._on_line = on_line
        self._on_left_out = on_left_out
        self._rest = b""
        self._second_began = float("-inf")
        self._lines_this_second = 0
        self._left_out = 0

    def feed(self, data: bytes, now: float) -> None:
        """What was read at ``now`` (monotonic seconds)."""
        if now - self._second_began >= 1.0:
            self._second_began, self._lines_this_second = now, 0
            self._report()
        complete, end, rest = data.rpartition(b"\n")
        if end:
            self._pass_on(self._rest + complete)
            self._rest = rest
        else:
            self._rest += data
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._rest = b""

    def close(self) -> None:
        """Nothing more comes."""
        if self._rest:
            self._pass_on(self._rest)
        self._report()

    def _pass_on(self, lines: bytes) -> None:
        room = MOST_LINES_PER_SECOND - self._lines_this_second
        first = lines.split(b"\n", room)
        for line in first[:room]:
            self._on_line(line.decode(errors="replace").rstrip()[:LOG_LINE_CHARACTERS])
        self._lines_this_second += len(first[:room])
        self._left_out += sum(1 + rest.count(b"\n") for rest in first[room:])

    def _report(self) -> None:
        if self._left_out:
            self._on_left_out(self._left_out)
        self._left_out = 0
