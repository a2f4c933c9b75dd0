"""A viewer rewinds on the watch page, to where only the disk still has the stream, and goes live again."""

from __future__ import annotations

from pathlib import Path

from tests.browser.test_watch_page import SCREENSHOT_FOLDER
from tests.browser.viewer import expect, viewer
from tests.support import Publisher, ServerProcess, make_clip

MEMORY_SECONDS = 6


def test_rewinding_and_going_live_again(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=32)
    with (
        ServerProcess(tmp_path, window_seconds=MEMORY_SECONDS, partner_dvr_seconds=600) as server,
        Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"),
        viewer(f"{server.base_url}/watch/alice", SCREENSHOT_FOLDER / "rewind", script="rewind.mjs") as events,
    ):
        expect(events, "live")
        rewound, live = expect(events, "rewound"), expect(events, "live again")
    assert rewound["latencySeconds"] > 2 * MEMORY_SECONDS
    assert rewound["position"].endswith(" behind live")
    assert rewound["playbackRate"] == 1
    assert live["framesDecoded"] > rewound["framesDecoded"]
    assert live["latencySeconds"] < rewound["latencySeconds"] - MEMORY_SECONDS
    assert live["position"] == "live"
    assert live["complaints"] == []
