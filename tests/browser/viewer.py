"""Runs a viewer (play.mjs, rewind.mjs) for whoever wants to know what is seen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import require_tool

ROOT = Path(__file__).parents[2]


@contextmanager
def viewer(url: str, screenshot_folder: Path, *, script: str = "play.mjs") -> Iterator[Iterator[dict[str, Any]]]:
    """Opens a watch page; yields what the viewer reports."""
    if not (ROOT / "node_modules" / "playwright-core").is_dir():
        pytest.fail("playwright-core is missing; install it with: npm ci --ignore-scripts")
    screenshot_folder.mkdir(parents=True, exist_ok=True)
    arguments = [str(Path(__file__).with_name(script)), require_tool("chromium"), url, str(screenshot_folder)]
    with subprocess.Popen([require_tool("node"), *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield map(json.loads, process.stdout)
        finally:
            process.terminate()  # without effect on one that has ended


def expect(events: Iterator[dict[str, Any]], name: str) -> dict[str, Any]:
    """The next report, which must be this one; the viewer's own time limits end the wait."""
    event = next(events, {"event": "the viewer gave up, see its error output"})
    assert event["event"] == name
    return event
