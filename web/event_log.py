"""What has happened, for a site's own programs: events as they come, those that a webhook did not take, and replay.

    GET  /api/v1/events                server-sent events, from now on or after ``Last-Event-ID``
    GET  /api/v1/events/dead           deliveries that were given up, newest first
    POST /api/v1/events/{id}/replay    delivers an event once more

All of it is for who presents the admin token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pinkmedia.errors import EnvironmentFault
from web.authority import Authority, guarded
from web.problems import problem_details

MOST_FOLLOWERS = 50
"""Programs of one site; each costs a query for every event."""
BATCH = 100
"""Events in one query."""
LONGEST_STREAM_SECONDS = 300.0
"""Then the answer ends and the follower comes again, as it does by itself: nothing is held for those who are gone."""
KEEP_ALIVE_SECONDS = 15.0
"""Between two signs of life: proxies cut what is silent for a minute."""
RETRY_MS = 1000
MOST_DEAD = 100
LARGEST_NUMBER = 2**63 - 1
"""Of events, as databases count."""

log = structlog.get_logger(__name__)

_HEADERS = {"Cache-Control": "no-store"}


class LoggedEvent(Protocol):
    """An event as it was recorded."""

    @property
    def number(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def body(self) -> str: ...


class DeadDelivery(Protocol):
    """An event that a target has not taken."""

    @property
    def target(self) -> str: ...
    @property
    def event(self) -> LoggedEvent: ...
    @property
    def attempts(self) -> int: ...
    @property
    def last_error(self) -> str | None: ...


class EventLog(Protocol):
    """Where events are. Every method may raise EnvironmentFault."""

    async def newest_number(self) -> int: ...
    async def after(self, number: int, most: int) -> Sequence[LoggedEvent]: ...
    async def dead(self, most: int) -> Sequence[DeadDelivery]: ...
    async def replay(self, event_id: str) -> bool:
        """Whether there is such an event; it is on its way then."""


class EventFeed:
    """Those who follow events now."""

    def __init__(self, log: EventLog, authority: Authority | None) -> None:
        """Without an ``authority`` nobody may."""
        self._log = log
        self.authority = authority
        self._has_news = asyncio.Event()
        self._is_closed = False
        self.follower_count = 0

    def wake(self) -> None:
        """There are new events."""
        news, self._has_news = self._has_news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """Followers get what there is, and their answers end."""
        self._is_closed = True
        self.wake()

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/events", guarded(self.authority, self._follow)),
            Route("/api/v1/events/dead", guarded(self.authority, self._list_dead)),
            Route("/api/v1/events/{event_id}/replay", guarded(self.authority, self._replay), methods=["POST"]),
        ]

    async def _follow(self, request: Request) -> Response:
        wanted = request.headers.get("last-event-id") or request.query_params.get("after")
        if wanted is not None and not (wanted.isascii() and wanted.isdecimal() and int(wanted) <= LARGEST_NUMBER):
            detail = "Last-Event-ID, and `after`, are numbers as the events have them."
            return problem_details(400, "bad-event-number", "That is no event's number", detail=detail)
        if self._is_closed or self.follower_count >= MOST_FOLLOWERS:
            return problem_details(
                503, "too-many-followers", "Too many follow the events", headers={"Retry-After": "10"}
            )
        number = await self._log.newest_number() if wanted is None else int(wanted)
        return StreamingResponse(self._events(number), media_type="text/event-stream", headers=_HEADERS)

    async def _events(self, number: int) -> AsyncIterator[str]:
        ends_at = time.monotonic() + LONGEST_STREAM_SECONDS
        self.follower_count += 1
        try:
            yield f"retry: {RETRY_MS}\n\n"
            while True:
                news, is_closed = self._has_news, self._is_closed
                while events := await self._log.after(number, BATCH):
                    for event in events:
                        number = event.number
                        yield f"id: {number}\nevent: {event.type}\ndata: {event.body}\n\n"
                if is_closed or time.monotonic() >= ends_at:
                    return
                if not await _within(KEEP_ALIVE_SECONDS, news):
                    yield ":\n\n"
        except EnvironmentFault as fault:
            log.warning("events_not_read", reason=str(fault))  # the follower comes again
        finally:
            self.follower_count -= 1

    async def _list_dead(self, request: Request) -> Response:
        dead = await self._log.dead(MOST_DEAD)
        return JSONResponse({"deliveries": [_described(delivery) for delivery in dead]}, headers=_HEADERS)

    async def _replay(self, request: Request) -> Response:
        event_id = request.path_params["event_id"]
        if not await self._log.replay(event_id):
            detail = f"There is no event {event_id!r} (any more), or it is delivered to nobody."
            return problem_details(404, "unknown-event", "There is no such event", detail=detail)
        return Response(status_code=202, headers=_HEADERS)


async def _within(seconds: float, news: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _described(delivery: DeadDelivery) -> dict[str, object]:
    event = delivery.event
    return {
        "event": {"id": event.id, "type": event.type, "number": event.number},
        "target": delivery.target,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error,
    }
