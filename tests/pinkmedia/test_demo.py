"""The demo's publisher: restarted when it dies, reaped when the demo ends, its key in no argument list."""

from __future__ import annotations

import subprocess
import sys
import threading

from pinkmedia.demo import _keep_publishing, obs_text
from pinkmedia.settings import Settings

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


def start(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)


def test_a_publisher_that_dies_is_started_again_and_the_last_one_is_reaped() -> None:
    stop = threading.Event()
    started: list[subprocess.Popen[bytes]] = []

    def start_next() -> subprocess.Popen[bytes]:
        is_second = bool(started)
        publisher = start(SLEEPER if is_second else "raise SystemExit(3)")
        started.append(publisher)
        if is_second:
            assert publisher.stdout is not None
            publisher.stdout.readline()
            stop.set()
        return publisher

    _keep_publishing(start_next, stop)
    assert [publisher.returncode for publisher in started] == [3, -15]
    for publisher in started:
        assert publisher.stdout is not None
        publisher.stdout.close()


def test_obs_is_told_where_to_publish() -> None:
    text = obs_text(Settings(rtmp_port=1936), "pk_example")
    assert "Server                   rtmp://localhost:1936/live\n" in text
    assert "Stream key               pk_example\n" in text
    assert "Keyframe interval        2 s\n" in text
    assert "Server                   srt://localhost:9999?streamid=pk_example\n" in text
    assert "srt" not in obs_text(Settings(srt_port=0), "pk_example")
