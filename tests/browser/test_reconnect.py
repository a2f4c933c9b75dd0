"""A viewer watches while the processes that serve him are killed: the page plays on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.browser.test_watch_page import SCREENSHOT_FOLDER, noted
from tests.browser.viewer import expect, viewer
from tests.origins import origin_pids
from tests.support import Publisher, ServerProcess, make_clip

REPLACED_SECONDS = 30.0
"""A process starts within a second; a busy machine may need several times that."""
POLL_SECONDS = 0.05


def test_the_page_plays_on_when_its_process_is_killed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=32)
    with (
        ServerProcess(tmp_path, http_workers=2) as server,
        Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}"),
        viewer(f"{server.base_url}/watch/alice", SCREENSHOT_FOLDER / "reconnect", script="reconnect.mjs") as events,
    ):
        expect(events, "live")
        for number, pid in enumerate(origin_pids(server.pid)):
            os.kill(pid, signal.SIGKILL)
            wait_until_serving(server, 2 + number + 1)
        seen = expect(events, "result")
    assert noted(seen, "failed") == []
    assert [entry for entry in noted(seen, "error") if entry["fatal"]] == []
    assert len(noted(seen, "player")) == 1
    states = [entry["state"] for entry in noted(seen, "state")]
    assert "offline" not in states[states.index("live") :]
    assert "Traceback" not in server.log_path.read_text(encoding="utf-8")


def wait_until_serving(server: ServerProcess, times: int) -> None:
    """Until so many processes have begun to serve, since the server's start."""
    deadline = time.monotonic() + REPLACED_SECONDS
    while server.log_path.read_text(encoding="utf-8").count('"origin_process_serves"') < times:
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)  # another process's log raises no event here
