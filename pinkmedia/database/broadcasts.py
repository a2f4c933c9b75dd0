"""Broadcasts: when each stream was live, and how that ended.

What happens to one is an event in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pinkmedia.database.engine import Database
from pinkmedia.database.events import append_event
from pinkmedia.database.schema import BROADCAST, STREAM
from pinkmedia.events.event import Event, EventType, event_of
from pinkmedia.lifecycle import State, Transition

LONGEST_REASON = 200
"""Characters: what a peer has said may be in it."""
STOPPED_UNSEEN = "the server was stopped without a word"


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """A stream while it was live, once."""

    id: str
    stream_name: str
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    peak_viewers: int
    average_viewers: float


class BroadcastStore:
    """The broadcasts of a database. Every method raises DatabaseFault when that fails it."""

    def __init__(self, database: Database, targets: Sequence[str] = ()) -> None:
        """``targets`` are those to which every event is to be delivered."""
        self._database = database
        self._targets = tuple(targets)

    async def record(self, transition: Transition) -> None:
        """Once it returns, the transition and its event outlive the process."""
        await self._database.run(lambda connection: self._record(connection, transition))

    async def note_alive(self, broadcast_ids: Sequence[str]) -> None:
        """They go on: should the process be gone before they end, they have lasted until now."""
        if broadcast_ids:
            alive = update(BROADCAST).where(BROADCAST.c.id.in_(broadcast_ids))
            await self._database.execute(alive.values(seen_at=datetime.now(UTC)))

    async def end_left_open(self) -> int:
        """Ends those that an earlier process left open, at the time it was seen last; how many."""
        return await self._database.run(self._end_left_open)

    async def of_stream(self, stream_name: str, most: int) -> list[BroadcastRecord]:
        """The newest ones."""
        query = _BROADCASTS.where(STREAM.c.name == stream_name).order_by(BROADCAST.c.started_at.desc()).limit(most)
        return [_broadcast(row) for row in await self._database.rows(query)]

    async def _record(self, connection: AsyncConnection, transition: Transition) -> None:
        event = event_of(transition)
        if event.type is EventType.LIVE:
            await self._begin(connection, transition)
        elif transition.after is State.ENDED:
            await _end(connection, transition.broadcast_id, transition.at, transition.reason)
        else:
            seen = update(BROADCAST).where(BROADCAST.c.id == transition.broadcast_id).values(seen_at=transition.at)
            await connection.execute(seen)
        await append_event(connection, event, self._targets)

    async def _begin(self, connection: AsyncConnection, transition: Transition) -> None:
        stream_id = select(STREAM.c.id).where(STREAM.c.name == transition.stream_name).scalar_subquery()
        values = {"id": transition.broadcast_id, "stream_id": stream_id}
        times = {"started_at": transition.at, "seen_at": transition.at}
        await connection.execute(insert(BROADCAST).values(values | times))

    async def _end_left_open(self, connection: AsyncConnection) -> int:
        rows = (await connection.execute(_BROADCASTS.where(BROADCAST.c.ended_at.is_(None)))).all()
        for row in rows:
            await _end(connection, row.id, row.seen_at, STOPPED_UNSEEN)
            event = Event(EventType.ENDED, row.name, row.seen_at, row.id, {"reason": STOPPED_UNSEEN})
            await append_event(connection, event, self._targets)
        return len(rows)


_BROADCASTS = select(BROADCAST, STREAM.c.name).join(STREAM, STREAM.c.id == BROADCAST.c.stream_id)


async def _end(connection: AsyncConnection, broadcast_id: str, at: datetime, reason: str | None) -> None:
    values = {"ended_at": at, "seen_at": at, "end_reason": None if reason is None else reason[:LONGEST_REASON]}
    await connection.execute(update(BROADCAST).where(BROADCAST.c.id == broadcast_id).values(values))


def _broadcast(row: Row[Any]) -> BroadcastRecord:
    return BroadcastRecord(
        row.id, row.name, row.started_at, row.ended_at, row.end_reason, row.peak_viewers, row.average_viewers
    )
