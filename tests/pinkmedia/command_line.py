"""Runs the real command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 60.0
"""A command that has not ended by then hangs; the slowest one here takes a few seconds on a busy machine."""


def run_command(
    *arguments: str, directory: Path, environment: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """``pinkmedia`` with these arguments, in this directory, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pinkmedia", *arguments],
        cwd=directory,
        env=clean_environment() | dict(environment or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def clean_environment() -> dict[str, str]:
    """This process's environment without any configuration, and with the tree importable from anywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PINKMEDIA_")}
    return kept | {"PYTHONPATH": str(ROOT)}
