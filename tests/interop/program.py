"""A publishing program as a process of its own, and what it prints."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from tests.support import STOP_SECONDS

OUTPUT_POLL_SECONDS = 0.1
OUTPUT_SECONDS = 60.0
"""The slowest program here (OBS, drawing without a graphics card) starts within ten seconds on a quiet machine."""


class Program:
    """A context manager; at its end a program that still runs is killed."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        *,
        source: Sequence[str | Path] | None = None,
    ) -> None:
        """``source`` is another program, whose output this one reads."""
        self._log_path = log_path
        self._source = None if source is None else subprocess.Popen(source, stdout=subprocess.PIPE)
        stdin = subprocess.DEVNULL if self._source is None else self._source.stdout
        with log_path.open("wb") as log_file:
            self._process = subprocess.Popen(arguments, env=environment, stdin=stdin, stdout=log_file, stderr=log_file)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._process, self._source):
            if process is not None:
                process.kill()
                process.communicate()
        if error is not None:
            error.add_note(self.output)

    @property
    def output(self) -> str:
        return self._log_path.read_text(errors="replace")

    async def until_printed(self, text: str) -> None:
        async with asyncio.timeout(OUTPUT_SECONDS):
            while True:
                has_ended = self._process.poll() is not None  # asked first: it may print and end at once
                if text in self.output:
                    return
                if has_ended:
                    pytest.fail(f"it ended with code {self._process.returncode} before it printed: {text}")
                await asyncio.sleep(OUTPUT_POLL_SECONDS)

    async def interrupt(self) -> int:
        """Ctrl-C: it says goodbye and ends. Its exit code."""
        self._process.send_signal(signal.SIGINT)
        return await self.ended()

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        return await asyncio.to_thread(self._process.wait, STOP_SECONDS)
