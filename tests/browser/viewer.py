"""Runs scripts that drive Chromium: viewers of a watch page (play.mjs, rewind.mjs), and other people's players."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import require_tool

ROOT = Path(__file__).parents[2]


def viewer(
    url: str, screenshot_folder: Path, *, script: str = "play.mjs"
) -> AbstractContextManager[Iterator[dict[str, Any]]]:
    """Opens a watch page; yields what the viewer reports."""
    screenshot_folder.mkdir(parents=True, exist_ok=True)
    return browser_script(script, url, str(screenshot_folder))


@contextmanager
def browser_script(script: str | Path, *arguments: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Runs a script, one of those beside this file if it is only named; yields what it reports."""
    if not (ROOT / "node_modules" / "playwright-core").is_dir():
        pytest.fail("playwright-core is missing; install it with: npm ci --ignore-scripts")
    command = [require_tool("node"), str(Path(__file__).parent / script), require_tool("chromium"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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
