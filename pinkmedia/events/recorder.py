"""Writes down what happens to streams, behind the back of what must not wait: live media goes on without a database.

    live streams ─► record ─► queue ─► database ─► on_recorded      one after another, in their order

What cannot be written is tried again until it can; nobody is told of what is not written. Should the process die before
that, the broadcasts it leaves open are ended at the next start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import structlog
from sqlalchemy.exc import IntegrityError

from pinkmedia.database.broadcasts import BroadcastStore
from pinkmedia.database.engine import DatabaseFault
from pinkmedia.database.events import EventStore
from pinkmedia.events.event import Event
from pinkmedia.lifecycle import State, Transition

MOST_WAITING = 10_000
"""Records while the database is away: an hour of reconnecting publishers. Of more, the oldest are lost, and logged."""
RETRY_SECONDS = 1.0
ALIVE_SECONDS = 10.0
"""Between two words that broadcasts go on: so much of one's length is lost when the machine is."""
FORGET_SECONDS = 3600.0
"""Between two looks for events that nobody asks for any more."""
KEPT = timedelta(days=30)
"""Events, to be replayed or read by who has been away."""
CLOSE_SECONDS = 3.0
"""At the end, for what waits."""

Record: TypeAlias = Transition | Event

log = structlog.get_logger(__name__)


class Recorder:
    """Of one node."""

    def __init__(self, broadcasts: BroadcastStore, events: EventStore, on_recorded: Callable[[], None]) -> None:
        """``on_recorded`` is told whenever there are new events."""
        self._broadcasts = broadcasts
        self._events = events
        self._on_recorded = on_recorded
        self._waiting: deque[Record] = deque()
        self._is_needed = asyncio.Event()
        self._live_ids: dict[str, None] = {}
        self._is_closing = False
        self._is_failing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Ends what an earlier process has left open. Raises DatabaseFault."""
        if ended_count := await self._broadcasts.end_left_open():
            log.warning("broadcasts_left_open", count=ended_count)
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._note_alive())]
        self._tasks.append(asyncio.create_task(self._forget()))

    async def close(self) -> None:
        """What waits is still written, if the database takes it."""
        self._is_closing = True
        self._is_needed.set()
        if self._tasks:
            writing, *others = self._tasks
            await asyncio.wait([writing], timeout=CLOSE_SECONDS)
            for task in (writing, *others):
                task.cancel()
            await asyncio.wait(self._tasks)
        if self._waiting:
            log.error("events_lost", count=len(self._waiting), reason="the database did not take them")

    def record(self, record: Record) -> None:
        """Returns at once."""
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            log.error("events_lost", count=1, reason="the database has been away for too long")
        self._waiting.append(record)
        self._is_needed.set()

    async def _write(self) -> None:
        while self._waiting or not self._is_closing:
            if not self._waiting:
                await self._is_needed.wait()
                self._is_needed.clear()
                continue
            record = self._waiting[0]
            if not await self._try(record):
                await asyncio.sleep(RETRY_SECONDS)
            elif self._waiting and self._waiting[0] is record:
                self._waiting.popleft()

    async def _try(self, record: Record) -> bool:
        try:
            if isinstance(record, Transition):
                await self._broadcasts.record(record)
                self._remember(record)
            else:
                await self._events.append(record)
        except IntegrityError as error:
            # It was written, and only the answer was lost; or its stream does not exist any more.
            log.warning("event_not_recorded", stream=record.stream_name, reason=str(error.orig))
        except DatabaseFault as fault:
            if not self._is_failing:
                log.error("events_not_recorded", reason=str(fault), waiting=len(self._waiting))
            self._is_failing = True
            return False
        if self._is_failing:
            log.info("events_recorded_again", waiting=len(self._waiting) - 1)
        self._is_failing = False
        self._on_recorded()
        return True

    def _remember(self, transition: Transition) -> None:
        if transition.after is State.ENDED:
            self._live_ids.pop(transition.broadcast_id, None)
        else:
            self._live_ids[transition.broadcast_id] = None

    async def _note_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            try:
                await self._broadcasts.note_alive(list(self._live_ids))
            except DatabaseFault as fault:
                log.warning("broadcasts_not_noted", reason=str(fault))

    async def _forget(self) -> None:
        while True:
            try:
                await self._events.forget(datetime.now(UTC) - KEPT)
            except DatabaseFault as fault:
                log.warning("events_not_forgotten", reason=str(fault))
            await asyncio.sleep(FORGET_SECONDS)
