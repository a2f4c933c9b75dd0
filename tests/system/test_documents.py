"""What the documents tell people to type works as it is written there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pinkmedia.command_line import clean_environment
from tests.receiver import receiving
from tests.support import STOP_SECONDS, Publisher, ServerProcess
from tests.system.player import Player
from tests.system.test_events import SECRET, TOKEN, site_settings
from tests.system.test_serve import check_media, follow_until_segment, until_live

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
SCRIPTS = {"./scripts/demo", "./scripts/test"}
"""The scripts themselves have tests of their own, or run this one."""


def commands(language: str = "sh") -> Iterator[tuple[str, str]]:
    """Document and line of everything a person is told to type."""
    for document in DOCUMENTS:
        for block in re.findall(rf"```{language}\n(.*?)```", document.read_text(), flags=re.DOTALL):
            yield from ((document.name, line) for line in block.splitlines() if line.strip())


def json_blocks() -> list[dict[str, Any]]:
    """The answers that the documents show."""
    found = [re.findall(r"```json\n(.*?)```", path.read_text(), flags=re.DOTALL) for path in DOCUMENTS]
    return [json.loads(block) for blocks in found for block in blocks]


def python_block(function: str) -> str:
    """The documented code that has this function."""
    text = (ROOT / "docs" / "integrating.md").read_text()
    blocks: list[str] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (code,) = [code for code in blocks if f"def {function}(" in code]
    return code


def find(start: str) -> list[str]:
    """The one command that begins like this, as words."""
    found = [line for _, line in commands() if line.startswith(start)]
    assert len(found) == 1, f"{start!r} stands {len(found)} times in the documents"
    return shlex.split(found[0])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_command_is_tried_below() -> None:
    tried = {".venv/bin/pinkmedia doctor", ".venv/bin/pinkmedia stream create", ".venv/bin/pinkmedia serve"}
    tried |= {"ffmpeg", "curl", "pinkmedia push"} | SCRIPTS
    tried |= {"gst-launch-1.0", ".venv/bin/pinkmedia stream set-passphrase"}  # in tests/interop
    tried |= {".venv/bin/pinkmedia database migrate"}
    tried |= {".venv/bin/pinkmedia stream set-private", ".venv/bin/pinkmedia stream sign-url"}
    untried = [line for _, line in commands() if not line.startswith(tuple(tried))]
    assert untried == []


def test_the_doctor_and_a_first_stream(tmp_path: Path) -> None:
    environment = clean_environment() | {"PINKMEDIA_DATA_DIR": str(tmp_path / "data")}
    for start in (
        ".venv/bin/pinkmedia doctor",
        ".venv/bin/pinkmedia database migrate",
        ".venv/bin/pinkmedia stream create",
    ):
        _, *arguments = find(start)
        done = subprocess.run(
            [sys.executable, "-m", "pinkmedia", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        # The doctor may find this machine's usual ports in use; it still gives its findings.
        assert done.returncode == 0 or "_port" in done.stdout, done.stderr
    assert re.fullmatch(r"pk_[\w-]{43}\n", done.stdout)


async def test_a_private_stream_is_watched_as_documented(clip: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.txt"
    secrets.write_text("0123456789abcdef" * 4)
    code = python_block("signed_path")
    names: dict[str, Any] = {}
    exec(code, names)
    with ServerProcess(tmp_path, playback_secret_file=secrets) as server:
        key = server.create_stream("alice")
        server.run(*find(".venv/bin/pinkmedia stream set-private")[1:])
        url = server.run(*find(".venv/bin/pinkmedia stream sign-url")[1:])
        path = names["signed_path"](secrets.read_text(), "alice", 4)
        players = [Player(url), Player(server.base_url + path)]
        try:
            with Publisher(clip, f"{server.rtmp_url}/{key}"):
                for player in players:
                    variants = await until_live(player)
                    playlist = await follow_until_segment(player, variants[0].uri, msn=2)
                    await check_media(player, variants[0].uri, playlist)
                unsigned = httpx.get(f"{server.base_url}/live/alice/index.m3u8")
                listed = httpx.get(f"{server.base_url}/api/v1/live/streams").json()
                thumbnail = httpx.get(f"{server.base_url}/api/v1/live/streams/alice/thumbnail.jpg")
        finally:
            for player in players:
                await player.close()
        log, arguments = server.log_path.read_text(), Path(f"/proc/{server.pid}/cmdline").read_text()
    assert (unsigned.status_code, unsigned.text) == (403, "This stream is private: it needs a signed address.\n")
    assert listed == {"streams": []}
    assert thumbnail.status_code == 404
    assert secrets.read_text() not in log + arguments


async def test_events_are_followed_and_their_signature_is_checked_as_documented(clip: Path, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(python_block("is_genuine"), names)
    (documented,) = [block for block in json_blocks() if "timestamp" in block]
    async with receiving() as receiver:
        settings = site_settings(tmp_path, receiver.url)
        with ServerProcess(tmp_path, **settings) as server:
            with Publisher(clip, f"{server.rtmp_url}/{server.create_stream('alice')}") as publisher:
                live = (await receiver.until(1))[0]
                publisher.lose()
            ended = (await receiver.until(3))[-1]
            words = [word.replace("ADMIN_TOKEN", TOKEN) for word in find("curl -sN")]
            words[-1] = words[-1].replace("http://localhost:8080", server.base_url)
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    assert names["is_genuine"](SECRET, live.headers, live.body)
    assert not names["is_genuine"](SECRET, live.headers, live.body + b" ")
    assert (set(ended.event), set(ended.event["data"])) == (set(documented), set(documented["data"]))
    assert f"data: {live.body.decode()}\n" in done.stdout


async def test_publishing_with_ffmpeg_and_asking_the_api(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    words = [
        word.replace("clip.mp4", str(clip)).replace("rtmp://localhost:1935/live", server.rtmp_url)
        for word in find("ffmpeg -re -stream_loop ")
    ]
    publisher = subprocess.Popen(
        [word.replace("STREAM_KEY", key) for word in words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    player = Player(f"{server.base_url}/live/alice/index.m3u8")
    try:
        await until_live(player)
        url = find("curl http")[1].replace("http://localhost:8080", server.base_url)
        answer = httpx.get(url).json()
    finally:
        await player.close()
        publisher.terminate()
        publisher.wait(STOP_SECONDS)
    (documented,) = [block for block in json_blocks() if "playback_url" in block]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", answer["started_at"])
    documented["started_at"] = answer["started_at"]
    assert answer == documented


async def test_an_srt_publishers_line_is_shown(server: ServerProcess, clip: Path) -> None:
    key = server.create_stream("alice")
    player = Player(f"{server.base_url}/live/alice/index.m3u8")
    try:
        with Publisher(clip, f"{server.srt_url}?streamid={key}&latency=500000"):
            await until_live(player)
            answer = httpx.get(f"{server.base_url}/api/v1/stats").json()
            metrics = httpx.get(f"{server.base_url}/metrics").text
    finally:
        await player.close()
    (documented,) = [block for block in json_blocks() if "publishers" in block]
    (line,), (documented_line,) = answer["publishers"], documented["publishers"]
    assert (line["stream"], line["protocol"]) == ("alice", "srt")
    assert line["srt"].keys() == documented_line["srt"].keys()
    assert (line["srt"]["latency_ms"], line["srt"]["is_encrypted"]) == (500, False)
    assert line["srt"]["received_packets"] > 0
    assert 'pinkmedia_srt_latency_seconds{stream="alice"} 0.5' in metrics
    assert 'pinkmedia_srt_lost_packets_total{stream="alice"}' in metrics


async def test_pushing_without_the_key_in_the_list_of_processes(
    server: ServerProcess, clip: Path, tmp_path: Path
) -> None:
    key = server.create_stream("alice")
    (tmp_path / "key.txt").write_text(key)
    _, *arguments = find("pinkmedia push")
    given = [
        argument.replace("clip.mp4", str(clip)).replace("rtmp://HOST:1935/live", server.rtmp_url)
        for argument in arguments
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "pinkmedia", *given], cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL
    ) as publisher:
        player = Player(f"{server.base_url}/live/alice/index.m3u8")
        try:
            await until_live(player)
            assert key.encode() not in Path(f"/proc/{publisher.pid}/cmdline").read_bytes()
        finally:
            await player.close()
            publisher.terminate()
