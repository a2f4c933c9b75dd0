"""Events as a site's programs read them over HTTP: with a real database behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from pinkmedia.admin_token import AdminToken, BadAdminToken, read_admin_token
from pinkmedia.database.engine import Database
from pinkmedia.database.events import EventStore
from pinkmedia.events.event import Event, EventType
from tests.receiver import serving
from web import event_log
from web.event_log import EventFeed

pytestmark = pytest.mark.anyio

TOKEN = "0123456789abcdef0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Log:
    """What the node gives the feed."""

    def __init__(self, events: EventStore) -> None:
        self.events = events
        self.newest_number, self.after, self.dead = events.newest_number, events.after, events.dead

    async def replay(self, event_id: str) -> bool:
        return await self.events.replay(event_id, datetime.now(UTC))


class Site:
    """A server with events, and a client that has the token."""

    def __init__(self, events: EventStore, feed: EventFeed, client: httpx.AsyncClient) -> None:
        self.events, self.feed, self.client = events, feed, client

    async def tell(self, stream: str = "alice") -> Event:
        event = Event(EventType.UPDATED, stream, datetime.now(UTC), None, {})
        await self.events.append(event)
        self.feed.wake()
        return event

    async def follow(self, count: int, **headers: str) -> list[dict[str, str]]:
        """So many events, as they come; with 0 all until the answer ends."""
        found: list[dict[str, str]] = []
        async with asyncio.timeout(10), self.client.stream("GET", "/api/v1/events", headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            fields: dict[str, str] = {}
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    found.append(fields)
                    fields = {}
                if len(found) == count > 0:
                    break
        return found


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Database.opened(tmp_path) as database:
        events = EventStore(database, ["webhook"])
        feed = EventFeed(Log(events), AdminToken(TOKEN))
        async with (
            serving(Starlette(routes=feed.routes())) as url,
            httpx.AsyncClient(base_url=url, headers=HEADERS) as client,
        ):
            yield Site(events, feed, client)
            feed.close()


async def test_events_come_as_they_happen(site: Site) -> None:
    await site.tell()
    following = asyncio.create_task(site.follow(2))
    async with asyncio.timeout(10):
        while not site.feed.follower_count:
            await asyncio.sleep(0.01)
    told = [await site.tell(), await site.tell("bob")]
    found = await following
    assert [each["event"] for each in found] == ["stream.updated"] * 2
    assert [event.id in each["data"] for event, each in zip(told, found, strict=True)] == [True, True]


async def test_who_was_away_gets_what_came_meanwhile(site: Site) -> None:
    told = [await site.tell() for _ in range(5)]
    found = await site.follow(3, **{"Last-Event-ID": "2"})
    assert [each["id"] for each in found] == ["3", "4", "5"]
    assert told[2].id in found[0]["data"]


async def test_an_answer_ends_and_another_one_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "LONGEST_STREAM_SECONDS", 0.0)
    for _ in range(3):
        await site.tell()
    assert [each["id"] for each in await site.follow(0, **{"Last-Event-ID": "0"})] == ["1", "2", "3"]
    async with asyncio.timeout(10):
        while site.feed.follower_count:
            await asyncio.sleep(0.01)


async def test_a_silent_stream_gives_signs_of_life(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "KEEP_ALIVE_SECONDS", 0.01)
    async with asyncio.timeout(10), site.client.stream("GET", "/api/v1/events") as response:
        lines = response.aiter_lines()
        while await anext(lines) != ":":
            pass


async def test_followers_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_FOLLOWERS", 0)
    response = await site.client.get("/api/v1/events")
    assert (response.status_code, response.headers["retry-after"]) == (503, "10")


@pytest.mark.parametrize("number", ["", "-1", "x", "٣", "9223372036854775808"])
async def test_what_is_no_number_is_refused(site: Site, number: str) -> None:
    response = await site.client.get("/api/v1/events", params={"after": number})
    assert response.status_code == 400
    assert response.json()["type"] == "urn:pinkmedia:problem:bad-event-number"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer ü"])
@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/dead"])
async def test_nobody_else_reads_them(site: Site, authorization: str | None, path: str) -> None:
    headers = {} if authorization is None else {b"authorization": authorization.encode()}
    async with httpx.AsyncClient(base_url=site.client.base_url) as stranger:
        response = await stranger.get(path, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_without_a_token_nobody_does(tmp_path: Path) -> None:
    async with Database.opened(tmp_path) as database:
        feed = EventFeed(Log(EventStore(database)), None)
        async with serving(Starlette(routes=feed.routes())) as url, httpx.AsyncClient(base_url=url) as client:
            response = await client.get("/api/v1/events", headers=HEADERS)
    assert (response.status_code, response.json()["detail"]) == (403, "Set admin_token_file.")


async def test_what_was_given_up_is_listed_and_replayed(site: Site) -> None:
    event = await site.tell()
    (delivery,) = await site.events.due("webhook", datetime.now(UTC), 10)
    await site.events.failed(delivery, "it answers 500", None)
    (listed,) = (await site.client.get("/api/v1/events/dead")).json()["deliveries"]
    assert listed == {
        "event": {"id": event.id, "type": "stream.updated", "number": 1},
        "target": "webhook",
        "attempts": 1,
        "last_error": "it answers 500",
    }
    assert (await site.client.post(f"/api/v1/events/{event.id}/replay")).status_code == 202
    assert [each.event.id for each in await site.events.due("webhook", datetime.now(UTC), 10)] == [event.id]
    assert (await site.client.get("/api/v1/events/dead")).json() == {"deliveries": []}
    assert (await site.client.post("/api/v1/events/nothing/replay")).status_code == 404


@pytest.mark.parametrize("text", ["", "short\n", "a" * 31, "with spaces " * 4, "ü" * 32])
def test_what_is_no_token(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadAdminToken, match=r"token: the token needs at least 32 characters") as caught:
        read_admin_token(path)
    assert not text.strip() or text.strip() not in str(caught.value).removeprefix(str(path))


def test_a_token_is_a_files_first_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\nthe rest\n")
    token = read_admin_token(path)
    assert token.is_presented(f"bearer {TOKEN}")
    assert not token.is_presented(f"Bearer {TOKEN}\nthe rest")
