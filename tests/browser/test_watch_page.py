"""A viewer's evening: the page is open before the stream, plays it, tries every quality, and sees it end.

Chromium and hls.js, ffmpeg and the whole server; `play.mjs` is the viewer and tells what was seen. A machine that is
busy with other things shows pictures late, or not all of them: how smoothly it plays is measured in
`benchmarks.watch_page`. What is tested here must hold on any machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.viewer import expect, viewer
from tests.support import Publisher, ServerProcess, make_clip

SCREENSHOT_FOLDER = Path(__file__).with_name("artifacts")
CLIP_SECONDS = 32
"""Whole frames of both video and audio, so that the loop has no seam: 960 pictures, 1500 audio frames. Shorter than
the viewer's evening, so that the loop is seen."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=CLIP_SECONDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module", params=["rtmp", "srt"])
def evening(clip: Path, server: ServerProcess, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the viewer saw. The publisher comes when the page is open, and goes when all has been tried."""
    protocol: str = request.param
    key = server.create_stream(protocol)
    urls = {"rtmp": f"{server.rtmp_url}/{key}", "srt": f"{server.srt_url}?streamid={key}"}
    try:
        with viewer(f"{server.base_url}/watch/{protocol}", SCREENSHOT_FOLDER / protocol) as events:
            expect(events, "offline")
            with Publisher(clip, urls[protocol]):
                expect(events, "live")
                expect(events, "played")
            return expect(events, "result")
    finally:
        tell(server.log_path.read_text(encoding="utf-8"))


@pytest.fixture
def seen(evening: dict[str, Any], server: ServerProcess) -> dict[str, Any]:
    """The same, told as a story: pytest shows it with a test that fails."""
    tell("the page's journal:", *map(json.dumps, evening["journal"]))
    tell("the server's log:", server.log_path.read_text(encoding="utf-8"))
    return evening


def tell(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def noted(seen: dict[str, Any], event: str) -> list[dict[str, Any]]:
    """What the page has noted of this kind, in order."""
    return [entry for entry in seen["journal"] if entry["event"] == event]


def test_it_follows_the_stream_from_offline_to_offline(seen: dict[str, Any]) -> None:
    states = [entry["state"] for entry in noted(seen, "state")]
    assert states[:3] == ["offline", "connecting", "live"]
    assert states[-1] == "offline"
    assert len(noted(seen, "ended")) == 1


def test_it_plays_beyond_the_loop(seen: dict[str, Any]) -> None:
    assert seen["samples"][-1]["state"] == "live"
    assert seen["samples"][-1]["currentTimeSeconds"] > CLIP_SECONDS


def test_one_player_plays_one_presentation(seen: dict[str, Any]) -> None:
    assert noted(seen, "failed") == []
    assert len(noted(seen, "player")) == 1
    epochs = {urlsplit(entry["url"]).path.split("/")[3] for entry in noted(seen, "presentation")}
    assert len(epochs) == 1


def test_no_error_is_fatal(seen: dict[str, Any]) -> None:
    assert [entry for entry in noted(seen, "error") if entry["fatal"]] == []


def test_every_quality_plays_after_a_click(seen: dict[str, Any]) -> None:
    assert seen["switches"] == ["1080p", "720p", "480p", "360p"]


def test_the_playhead_never_goes_back(seen: dict[str, Any]) -> None:
    for earlier, later in pairwise(seen["samples"]):
        assert earlier["currentTimeSeconds"] <= later["currentTimeSeconds"]


def test_pictures_are_shown_in_order(seen: dict[str, Any]) -> None:
    media_times = [media_time for _shown_at, media_time in seen["frames"]]
    assert media_times
    assert media_times == sorted(media_times)


def test_the_console_stays_clean(seen: dict[str, Any]) -> None:
    assert seen["complaints"] == []
