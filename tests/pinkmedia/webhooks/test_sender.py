"""Events on their way to a real HTTP server: in order, until they are taken, whatever it does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.responses import RedirectResponse, Response

from pinkmedia.database.engine import Database
from pinkmedia.database.events import Delivery, EventStore
from pinkmedia.events.event import Event, EventType
from pinkmedia.webhooks import sender as sender_module
from pinkmedia.webhooks.sender import WebhookSender
from pinkmedia.webhooks.signature import signed_headers
from tests.receiver import Received, Receiver, accept, receiving

pytestmark = pytest.mark.anyio

SECRET = b"a secret of the tests, 32 bytes."
TARGET = "webhook"


class Site:
    """A database with a sender, and whom it sends to."""

    def __init__(self, events: EventStore, sender: WebhookSender, receiver: Receiver) -> None:
        self.events, self.sender, self.receiver = events, sender, receiver

    async def tell(self, stream: str, number: int = 0) -> Event:
        event = Event(EventType.UPDATED, stream, datetime.now(UTC), None, {"title": f"title {number}"})
        await self.events.append(event)
        self.sender.wake()
        return event

    async def until_dead(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(10):
            while len(dead := await self.events.dead(10)) < count:
                await asyncio.sleep(0.01)
        return dead


@asynccontextmanager
async def sending(events: EventStore, receiver: Receiver) -> AsyncIterator[Site]:
    sender = WebhookSender(TARGET, receiver.url, SECRET, events)
    sender.start()
    try:
        yield Site(events, sender, receiver)
    finally:
        await sender.close()


@pytest.fixture
async def events(tmp_path: Path) -> AsyncIterator[EventStore]:
    async with Database.opened(tmp_path) as database:
        yield EventStore(database, [TARGET])


@pytest.fixture
async def site(events: EventStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(sender_module, "WAITS_SECONDS", (0.01, 0.01))
    async with receiving() as receiver, sending(events, receiver) as site:
        yield site


async def test_an_event_is_signed_and_says_what_happened(site: Site) -> None:
    event = await site.tell("alice")
    (received,) = await site.receiver.until(1)
    timestamp = int(received.headers["webhook-timestamp"])
    expected = signed_headers(SECRET, event.id, timestamp, received.body)
    assert {name: received.headers[name] for name in expected} == expected
    assert received.headers["content-type"] == "application/json"
    assert received.event == {
        "id": event.id,
        "type": "stream.updated",
        "timestamp": event.at.isoformat(),
        "data": {"stream": "alice", "broadcast_id": None, "sequence": 1, "title": "title 0"},
    }


async def test_a_streams_events_come_in_order_although_some_fail(site: Site) -> None:
    attempts: dict[str, int] = {}

    async def fail_first(received: Received) -> Response:
        event_id = received.headers["webhook-id"]
        attempts[event_id] = attempts.get(event_id, 0) + 1
        return Response(status_code=500 if attempts[event_id] == 1 else 200)

    site.receiver.answer = fail_first
    sent = [(await site.tell("alice", number)).id for number in range(5)]
    received = await site.receiver.until(10)
    assert [each.headers["webhook-id"] for each in received] == [each for each in sent for _ in range(2)]
    assert [each.event["data"]["sequence"] for each in received[::2]] == [1, 2, 3, 4, 5]


async def test_one_streams_trouble_is_not_anothers(site: Site) -> None:
    held = asyncio.Event()

    async def hold_alice(received: Received) -> Response:
        if received.event["data"]["stream"] == "alice":
            await held.wait()
        return Response(status_code=200)

    site.receiver.answer = hold_alice
    await site.tell("alice", 1)
    await site.tell("alice", 2)
    await site.tell("bob")
    received = await site.receiver.until(2)
    assert [each.event["data"]["stream"] for each in received] == ["alice", "bob"]
    held.set()
    await site.receiver.until(3)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(status_code=404), "it answers 404"),
        (RedirectResponse("http://127.0.0.1:1/"), r"it answers with a redirect \(307\); set its final address"),
        (Response(b"x" * 10_000_000, status_code=500), "it answers 500"),
    ],
)
async def test_what_is_never_taken_is_given_up_and_can_be_replayed(site: Site, answer: Response, reason: str) -> None:
    async def refuse(_received: Received) -> Response:
        return answer

    site.receiver.answer = refuse
    event = await site.tell("alice")
    (delivery,) = await site.until_dead(1)
    assert delivery.event.id == event.id
    assert delivery.attempts == 3
    assert delivery.last_error is not None
    assert re.fullmatch(reason, delivery.last_error)
    site.receiver.answer = accept
    await site.tell("alice", 2)
    await site.receiver.until(4)
    await site.events.replay(event.id, datetime.now(UTC))
    site.sender.wake()
    assert (await site.receiver.until(5))[-1].headers["webhook-id"] == event.id
    assert not await site.events.replay("nothing", datetime.now(UTC))


async def test_a_receiver_that_never_answers_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "ANSWER_SECONDS", 0.05)
    held = asyncio.Event()

    async def hold(_received: Received) -> Response:
        await held.wait()
        return Response()

    site.receiver.answer = hold
    await site.tell("alice")
    (delivery,) = await site.until_dead(1)
    assert delivery.last_error == "no answer within 0.05 s"
    held.set()


async def test_what_nobody_has_taken_is_sent_by_the_next_process(events: EventStore) -> None:
    async with receiving() as receiver:
        async with sending(events, receiver) as site:
            receiver.answer = refuse_all
            await site.tell("alice")
            await receiver.until(1)
        receiver.answer = accept
        async with sending(events, receiver) as site:
            assert len(await receiver.until(2)) == 2


async def refuse_all(_received: Received) -> Response:
    return Response(status_code=503)
