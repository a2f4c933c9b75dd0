"""A site that is told what happens to its streams, by the whole server, whatever happens to that."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pinkmedia.database.engine import DATABASE_NAME
from tests.receiver import Received, receiving
from tests.support import Publisher, ServerProcess

pytestmark = pytest.mark.anyio

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMu"
TOKEN = "0123456789abcdef0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
WAIT_SECONDS = 20.0


def site_settings(folder: Path, url: str) -> dict[str, object]:
    (folder / "secret").write_text(SECRET)
    (folder / "token").write_text(TOKEN)
    return {
        "webhook_url": url,
        "webhook_secret_file": folder / "secret",
        "admin_token_file": folder / "token",
        "reconnect_grace_seconds": 1,
        "transcode": "false",
    }


def types(received: list[Received]) -> list[str]:
    return [each.event["type"] for each in received]


async def until_status(server: ServerProcess, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The stream as the API has it, once it is as wanted."""
    async with httpx.AsyncClient() as client:
        with anyio.fail_after(WAIT_SECONDS):
            while True:
                described: dict[str, Any] = (await client.get(f"{server.base_url}/api/v1/live/streams/alice")).json()
                if wanted(described):
                    return described
                await anyio.sleep(0.05)


@pytest.mark.parametrize("http_workers", [0, 1])
async def test_a_site_hears_of_a_broadcast(clip: Path, tmp_path: Path, http_workers: int) -> None:
    async with receiving() as receiver:
        with ServerProcess(tmp_path, http_workers=http_workers, **site_settings(tmp_path, receiver.url)) as server:
            key = server.create_stream("alice")
            with Publisher(clip, f"{server.rtmp_url}/{key}") as publisher:
                live = (await receiver.until(1))[0].event
                described = await until_status(server, lambda stream: stream["status"] == "live")
                assert described["started_at"] == live["timestamp"]
                publisher.lose()
            await receiver.until(2)
            with Publisher(clip, f"{server.rtmp_url}/{key}"):
                await receiver.until(3)
            received = await receiver.until(4)
            assert types(received) == ["stream.live", "stream.interrupted", "stream.resumed", "stream.ended"]
            assert {each.event["data"]["broadcast_id"] for each in received} == {live["data"]["broadcast_id"]}
            assert [each.event["data"]["sequence"] for each in received] == [1, 2, 3, 4]
            assert key not in "".join(each.body.decode() for each in received)
            log = server.log_path.read_text()
            assert key not in log
            assert receiver.url not in log  # a site may have put a secret into it
            assert await streamed(server, 4) == [each.event["id"] for each in received]
            await replay(server, live["id"])
            assert (await receiver.until(5))[4].event == live


async def streamed(server: ServerProcess, count: int) -> list[str]:
    """The ids of the first events, as the API streams them."""
    found: list[str] = []
    async with httpx.AsyncClient(base_url=server.base_url, headers=HEADERS) as client:
        with anyio.fail_after(WAIT_SECONDS):
            async with client.stream("GET", "/api/v1/events", params={"after": 0}) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: "):
                        found.append(json.loads(line.removeprefix("data: "))["id"])
                    if len(found) == count:
                        break
    return found


async def replay(server: ServerProcess, event_id: str) -> None:
    async with httpx.AsyncClient(base_url=server.base_url, headers=HEADERS) as client:
        assert (await client.post(f"/api/v1/events/{event_id}/replay")).status_code == 202


async def test_what_a_killed_server_left_open_is_ended_and_told(clip: Path, tmp_path: Path) -> None:
    async with receiving() as receiver:
        server = ServerProcess(tmp_path, **site_settings(tmp_path, receiver.url))
        server.start()
        key = server.create_stream("alice")
        with Publisher(clip, f"{server.rtmp_url}/{key}"):
            live = (await receiver.until(1))[0].event
            killed_at = datetime.now(UTC)
            server.kill()
        with server:
            received = await receiver.until(2)
            if received[1].event == live:  # it was killed before it could note that this was taken
                received = await receiver.until(3)
            ended = received[-1].event
            assert (ended["type"], ended["data"]["broadcast_id"]) == ("stream.ended", live["data"]["broadcast_id"])
            assert live["timestamp"] <= ended["timestamp"] <= killed_at.isoformat()
            assert (await until_status(server, lambda stream: stream["status"] == "offline"))["started_at"] is None


async def test_a_locked_database_stops_neither_media_nor_what_is_to_be_told(clip: Path, tmp_path: Path) -> None:
    """Nothing that was there before is disturbed, and what happens meanwhile is written down afterwards."""
    async with receiving() as receiver:
        with ServerProcess(tmp_path, **site_settings(tmp_path, receiver.url)) as server:
            key = server.create_stream("alice")
            with Publisher(clip, f"{server.rtmp_url}/{key}") as publisher:
                await receiver.until(1)
                with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as locking:
                    locking.execute("BEGIN EXCLUSIVE")
                    before = await edge(server)
                    with anyio.fail_after(WAIT_SECONDS):
                        while await edge(server) < before + 2:
                            await anyio.sleep(0.1)
                    publisher.lose()
                    await until_status(server, lambda stream: stream["status"] == "offline")
                    assert types(receiver.received) == ["stream.live"]
            assert types(await receiver.until(3)) == ["stream.live", "stream.interrupted", "stream.ended"]


async def edge(server: ServerProcess) -> int:
    """The media sequence number of the newest segment of the first variant."""
    async with httpx.AsyncClient() as client:
        url = httpx.URL(f"{server.base_url}/live/alice/index.m3u8")
        master = (await client.get(url)).raise_for_status().text
        variant = next(line for line in master.splitlines() if line.endswith("media.m3u8"))
        playlist = (await client.get(url.join(variant))).raise_for_status().text
    return max(int(line[4:-4]) for line in playlist.splitlines() if line.startswith("seg-"))
