"""The players that others have made: hls.js as it comes, dash.js and Shaka Player, with Chromium and the whole server.

The publisher loses its connection and comes back, so that they go across a discontinuity, or from one Period to the
next; then it leaves. ``--player-seconds 60`` has each play that long before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from tests.browser.viewer import browser_script, expect
from tests.support import Publisher, ServerProcess, make_clip

CLIP_SECONDS = 32
"""Whole frames of both video and audio, so that the loop has no seam: 960 pictures, 1500 audio frames."""
ADDRESSES = {"hlsjs": "index.m3u8", "dashjs": "manifest.mpd", "shaka": "manifest.mpd"}
WHOLE_SEGMENTS_SECONDS = 6.0
"""Three target durations: how far behind a player is that waits for segments to be complete."""


@dataclass(frozen=True)
class Seen:
    """What was seen until the publisher lost its connection."""

    errors: list[str]
    stalls: list[float]
    """Where it had to wait, in seconds of the presentation."""
    samples: list[dict[str, float]]
    """``latencySeconds`` and others, several times in a second."""
    heights: list[int]
    """Of the pictures, as they changed."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_clip(path, seconds=CLIP_SECONDS, width=1280, height=720)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module", params=ADDRESSES)
def seen(clip: Path, server: ServerProcess, request: pytest.FixtureRequest) -> Seen:
    player: str = request.param
    key = server.create_stream(player)
    url = f"{server.base_url}/live/{player}/{ADDRESSES[player]}"
    seconds = str(request.config.getoption("player_seconds"))
    publish_url = f"{server.rtmp_url}/{key}"
    with browser_script("others.mjs", url, player, seconds) as events:
        with Publisher(clip, publish_url) as publisher:
            expect(events, "playing")
            played = expect(events, "played")
            publisher.lose()
        with Publisher(clip, publish_url):
            expect(events, "resumed")
        expect(events, "ended")
    return Seen(**{field.name: played[field.name] for field in fields(Seen)})


def test_it_plays_without_an_error(seen: Seen) -> None:
    assert seen.errors == []


def test_it_never_stalls(seen: Seen) -> None:
    assert seen.stalls == [], json.dumps(seen.samples)


def test_it_plays_segments_that_are_in_the_making(seen: Seen) -> None:
    assert max(sample["latencySeconds"] for sample in seen.samples) < WHOLE_SEGMENTS_SECONDS


def test_it_shows_pictures(seen: Seen) -> None:
    assert set(seen.heights) <= {720, 480, 360}
    assert seen.heights
