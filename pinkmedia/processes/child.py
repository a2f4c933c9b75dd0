"""The operating system's side of a child process: what it is given, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path


def environment() -> dict[str, str]:
    """Nothing of the node's own: it may hold secrets. The child finds the project where the node has it."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": os.defpath}


def kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        process.kill()


def describe_exit(name: str, status: int) -> str:
    if status < 0:
        return f"{name} was killed by {signal.Signals(-status).name}"
    return f"{name} exited with status {status}"
