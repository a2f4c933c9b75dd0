"""``./scripts/demo``, as a new user runs it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.pinkmedia.command_line import clean_environment
from tests.support import STOP_SECONDS, free_ports
from tests.system.player import Player
from tests.system.test_serve import follow_until_segment, until_live

pytestmark = pytest.mark.anyio
SCRIPT = Path(__file__).parents[2] / "scripts" / "demo"
START_SECONDS = 120
"""It may install into the virtual environment first."""


@contextmanager
def running_demo(tmp_path: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The demo and its RTMP port. It must end by itself once the block has interrupted it."""
    http_port, rtmp_port, srt_port = free_ports(3)
    variables = {
        "PINKMEDIA_DATA_DIR": str(tmp_path / "data"),
        "PINKMEDIA_HOST": "127.0.0.1",
        "PINKMEDIA_HTTP_PORT": str(http_port),
        "PINKMEDIA_RTMP_PORT": str(rtmp_port),
        "PINKMEDIA_SRT_PORT": str(srt_port),
    }
    environment = clean_environment() | variables
    with (
        (tmp_path / "demo.log").open("w") as log,
        subprocess.Popen(
            [SCRIPT, *flags], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as demo,
    ):
        try:
            yield demo, rtmp_port
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(STOP_SECONDS)


def read_until(demo: subprocess.Popen[str], pattern: str) -> str:
    """What it prints up to the line that matches; it ends if it cannot go on, so this does, too."""
    assert demo.stdout is not None
    text = ""
    for line in demo.stdout:
        text += line
        if re.search(pattern, line):
            return text
    pytest.fail(f"the demo ended with code {demo.wait(START_SECONDS)}: {text}")


async def test_the_test_picture_plays_in_all_rungs(tmp_path: Path) -> None:
    with running_demo(tmp_path) as (demo, _):
        base_url = re.findall(r"http://[^/\s]+", read_until(demo, r"/watch/demo"))[0]
        player = Player(f"{base_url}/live/demo/index.m3u8")
        try:
            variants = await until_live(player)
            await follow_until_segment(player, variants[0].uri, msn=2)
        finally:
            await player.close()
    assert {variant.attributes["RESOLUTION"] for variant in variants} == {
        *("1920x1080", "1280x720", "854x480", "640x360")
    }
    assert demo.returncode == 0


def test_without_a_publisher_it_says_what_to_enter_in_obs(tmp_path: Path) -> None:
    with running_demo(tmp_path, "--no-publisher") as (demo, rtmp_port):
        text = read_until(demo, r"Keyframe interval")
    assert f"rtmp://127.0.0.1:{rtmp_port}/live" in text
    assert re.search(r"pk_[\w-]{43}", text)
    assert demo.returncode == 0
