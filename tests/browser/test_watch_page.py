"""A viewer's evening: the page is open before the stream, plays it, tries every quality, and sees it end.

Chromium and hls.js, ffmpeg and the whole server; `play.mjs` is the viewer and tells what was seen.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support import Publisher, ServerProcess, make_clip, require_tool

PLAY_SCRIPT = Path(__file__).with_name("play.mjs")
SCREENSHOT_FOLDER = Path(__file__).with_name("artifacts")
ROOT = Path(__file__).parents[2]
CLIP_SECONDS = 32
"""Whole frames of both video and audio, so that the loop has no seam: 960 pictures, 1500 audio frames."""

STEADY_SECONDS = 30
JUMP_SECONDS = 0.3
"""The playhead may differ from the clock by less than this between two samples: steering changes 8 % at most."""
FREEZE_SECONDS = 0.5
"""A picture that stands longer than this is seen as a freeze."""
LATENCY_SECONDS = 1.5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=CLIP_SECONDS)


@pytest.fixture(scope="module")
def seen(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the viewer saw. The publisher comes when the page is open, and goes when all has been tried."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        key = server.create_stream("alice")
        with viewer(f"{server.base_url}/watch/alice") as events:
            expect(events, "offline")
            with Publisher(clip, f"{server.rtmp_url}/{key}"):
                expect(events, "live")
                expect(events, "played")
            return expect(events, "result")


@contextmanager
def viewer(url: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Runs play.mjs; yields what it reports."""
    if not (ROOT / "node_modules" / "playwright-core").is_dir():
        pytest.fail("playwright-core is missing; install it with: npm ci --ignore-scripts")
    SCREENSHOT_FOLDER.mkdir(exist_ok=True)
    arguments = [str(PLAY_SCRIPT), require_tool("chromium"), url, str(SCREENSHOT_FOLDER)]
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


def test_it_plays_from_the_first_moment_on(seen: dict[str, Any]) -> None:
    samples = seen["samples"]
    assert samples[-1]["atSeconds"] - samples[0]["atSeconds"] > STEADY_SECONDS
    assert samples[-1]["currentTimeSeconds"] - samples[0]["currentTimeSeconds"] > STEADY_SECONDS
    assert {sample["state"] for sample in samples} == {"live"}


def test_it_never_stalls(seen: dict[str, Any]) -> None:
    assert seen["stalls"] == []
    assert seen["hlsErrors"] == []


def test_every_quality_plays_after_a_click(seen: dict[str, Any]) -> None:
    assert seen["switches"] == ["1080p", "720p", "480p"]


def test_the_playhead_never_jumps(seen: dict[str, Any]) -> None:
    for earlier, later in pairwise(seen["samples"]):
        advance_seconds = later["currentTimeSeconds"] - earlier["currentTimeSeconds"]
        assert abs(advance_seconds - (later["atSeconds"] - earlier["atSeconds"])) < JUMP_SECONDS


def test_the_picture_never_freezes(seen: dict[str, Any]) -> None:
    shown_at = [at_seconds for at_seconds, _media_time in seen["frames"]]
    assert len(shown_at) > STEADY_SECONDS * 10
    assert max(later - earlier for earlier, later in pairwise(shown_at)) < FREEZE_SECONDS


def test_it_stays_close_to_live(seen: dict[str, Any]) -> None:
    latencies = [sample["latencySeconds"] for sample in seen["samples"]]
    assert statistics.median(latencies) < LATENCY_SECONDS
    assert latencies[-1] < LATENCY_SECONDS


def test_the_console_stays_clean(seen: dict[str, Any]) -> None:
    assert seen["complaints"] == []
