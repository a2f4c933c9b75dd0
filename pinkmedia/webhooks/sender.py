"""Delivers events to one address, in the order of each stream, until they are taken.

    database ─► the oldest due delivery of each stream ─► POST ─► 2xx: delivered
                                                                  ten attempts: given up
                                                                  anything else: later, ever more seldom

Strategy: the database says what is due, so nothing is lost with the process; a delivery may be made twice, when its
answer was lost, and the event's id tells the receiver. While an event is tried again, later ones of its stream wait,
and those of other streams do not. Redirects are not followed: where the operator has not sent us, we do not go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from pinkmedia.database.engine import DatabaseFault
from pinkmedia.database.events import Delivery, EventStore
from pinkmedia.webhooks.signature import signed_headers

WAITS_SECONDS = (1, 5, 30, 120, 600, 1800, 3600, 7200, 14400)
"""After the first failed attempt, the second, and so on: a receiver that is back within eight hours gets everything."""
MOST_AT_ONCE = 16
"""Streams whose events are on the way at the same time."""
ANSWER_SECONDS = 10.0
"""For the whole of an attempt."""
DATABASE_SECONDS = 5.0
"""Until the database is asked again, when it has failed."""
LONGEST_WAIT_SECONDS = 60.0
"""Without looking what is due: a command may have asked for a replay."""
CLOSE_SECONDS = 3.0
"""For what is on its way at the end."""

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The receiver has not taken it; the argument is why."""


class WebhookSender:
    """The deliveries of one target."""

    def __init__(self, target: str, url: str, secret: bytes, events: EventStore) -> None:
        self._target = target
        self._url = url
        self._secret = secret
        self._events = events
        self._is_needed = asyncio.Event()
        self._is_closing = False
        self._on_their_way: dict[str, asyncio.Task[None]] = {}
        """By the stream's name."""
        self._outdated: set[str] = set()
        """Streams of which something was sent while it was looked up what is due: that may be in the answer."""
        self._task: asyncio.Task[None] | None = None
        limits = httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE)
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits, trust_env=False)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There may be something to deliver."""
        self._is_needed.set()

    async def close(self) -> None:
        """What is not delivered by now is due at the next start."""
        self._is_closing = True
        self.wake()
        if self._task is not None:
            await self._task
            await self._look()  # what the end itself has brought
        if tasks := list(self._on_their_way.values()):
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await self._client.aclose()

    async def _run(self) -> None:
        while not self._is_closing:
            self._is_needed.clear()
            wait_seconds = await self._look()
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._is_needed.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Sends what is due; what finds no room is looked at when there is some. Returns how long nothing else is."""
        try:
            now = datetime.now(UTC)
            self._outdated.clear()
            for delivery in await self._events.due(self._target, now, 2 * MOST_AT_ONCE):
                self._send(delivery)
            next_due_at = await self._events.next_due_at(self._target, now)
        except DatabaseFault as fault:
            log.warning("webhooks_not_looked_up", reason=str(fault))
            return DATABASE_SECONDS
        if next_due_at is None:
            return LONGEST_WAIT_SECONDS
        return min(LONGEST_WAIT_SECONDS, (next_due_at - now).total_seconds())

    def _send(self, delivery: Delivery) -> None:
        stream_name = delivery.event.stream_name
        if stream_name in self._outdated or stream_name in self._on_their_way:
            return
        if len(self._on_their_way) == MOST_AT_ONCE:
            return
        task = self._on_their_way[stream_name] = asyncio.create_task(self._deliver(delivery))
        task.add_done_callback(lambda _: self._has_been_sent(stream_name))

    def _has_been_sent(self, stream_name: str) -> None:
        del self._on_their_way[stream_name]
        self._outdated.add(stream_name)
        self.wake()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await self._post(delivery)
        except _Refused as refused:
            reason = str(refused)
            await self._note(lambda: self._failed(delivery, reason))
        else:
            await self._note(lambda: self._events.delivered(delivery))

    async def _post(self, delivery: Delivery) -> None:
        body = delivery.event.body.encode()
        headers = signed_headers(self._secret, delivery.event.id, int(time.time()), body)
        headers |= {"content-type": "application/json", "user-agent": "pinkmedia"}
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                status = response.status_code  # nobody reads what else it says
        except TimeoutError:
            raise _Refused(f"no answer within {ANSWER_SECONDS:g} s") from None
        except httpx.HTTPError as error:
            raise _Refused(str(error) or type(error).__name__) from None
        if response.is_redirect:
            raise _Refused(f"it answers with a redirect ({status}); set its final address")
        if not response.is_success:
            raise _Refused(f"it answers {status}")

    async def _failed(self, delivery: Delivery, reason: str) -> None:
        waits_seconds = dict(enumerate(WAITS_SECONDS)).get(delivery.attempts)
        due_at = None if waits_seconds is None else datetime.now(UTC) + timedelta(seconds=waits_seconds)
        fields = {"event_id": delivery.event.id, "type": delivery.event.type, "stream": delivery.event.stream_name}
        if due_at is None:
            log.error("webhook_given_up", **fields, reason=reason, advice="mend the receiver, then replay the event")
        else:
            log.warning("webhook_failed", **fields, reason=reason, retry_seconds=waits_seconds)
        await self._events.failed(delivery, reason, due_at)

    async def _note(self, note: Callable[[], Awaitable[None]]) -> None:
        """Until the database takes it: what is not noted before the end is delivered once more by the next process."""
        while True:
            try:
                await note()
                return
            except DatabaseFault as fault:
                log.warning("webhook_not_noted", reason=str(fault))
            if self._is_closing:
                return
            await asyncio.sleep(DATABASE_SECONDS)
