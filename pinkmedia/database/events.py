"""Events, in the order in which they happened, and whom they are still to be delivered to.

    due ── delivered ──► delivered
     │  ▲
     │  └── replayed ── delivered, dead
     └── given up ──► dead

A target's deliveries of one stream are made in order: only the oldest that is due can be taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pinkmedia.database.engine import Database
from pinkmedia.database.schema import DELIVERY, EVENT
from pinkmedia.events.event import Event

LONGEST_ERROR = 300
"""Characters of what went wrong with a delivery."""


class DeliveryState(StrEnum):
    """Whether a target has been told."""

    DUE = "due"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; only a replay makes it due again."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it was recorded."""

    number: int
    """Grows with every event."""
    id: str
    type: str
    stream_name: str
    body: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a target."""

    id: int
    target: str
    event: StoredEvent
    attempts: int
    """Made so far, in vain."""
    due_at: datetime
    last_error: str | None


class EventStore:
    """The events of a database. Every method raises DatabaseFault when that fails it."""

    def __init__(self, database: Database, targets: Sequence[str] = ()) -> None:
        """``targets`` are those to which every event is to be delivered."""
        self._database = database
        self._targets = tuple(targets)

    async def append(self, event: Event) -> None:
        """Once it returns, the event outlives the process."""
        await self._database.run(lambda connection: append_event(connection, event, self._targets))

    async def newest_number(self) -> int:
        """That of the newest event; 0 when there is none."""
        row = await self._database.first(select(func.max(EVENT.c.number)))
        return (row[0] if row is not None else None) or 0

    async def after(self, number: int, most: int) -> list[StoredEvent]:
        """The oldest ones after this number."""
        query = select(EVENT).where(EVENT.c.number > number).order_by(EVENT.c.number).limit(most)
        return [_event(row) for row in await self._database.rows(query)]

    async def due(self, target: str, now: datetime, most: int) -> list[Delivery]:
        """Of each stream at most one: its oldest, if the time has come."""
        query = _DELIVERIES.where(*_is_first(target), DELIVERY.c.due_at <= now)
        rows = await self._database.rows(query.order_by(DELIVERY.c.event_number).limit(most))
        return [_delivery(row) for row in rows]

    async def next_due_at(self, target: str, after: datetime) -> datetime | None:
        """When the next delivery after this moment is due, if any is."""
        query = select(DELIVERY.c.due_at).where(*_is_first(target), DELIVERY.c.due_at > after)
        row = await self._database.first(query.order_by(DELIVERY.c.due_at).limit(1))
        return None if row is None else row.due_at

    async def delivered(self, delivery: Delivery) -> None:
        """The target has it."""
        await self._change(delivery, {"state": DeliveryState.DELIVERED, "last_error": None})

    async def failed(self, delivery: Delivery, error: str, due_at: datetime | None) -> None:
        """The target has it not; it is tried again, or (``due_at`` None) given up."""
        values = {"attempts": delivery.attempts + 1, "last_error": error[:LONGEST_ERROR]}
        state = {"state": DeliveryState.DEAD} if due_at is None else {"due_at": due_at}
        await self._change(delivery, values | state)

    async def dead(self, most: int) -> list[Delivery]:
        """The newest of those that were given up."""
        query = _DELIVERIES.where(DELIVERY.c.state == DeliveryState.DEAD).order_by(DELIVERY.c.event_number.desc())
        return [_delivery(row) for row in await self._database.rows(query.limit(most))]

    async def replay(self, event_id: str, now: datetime) -> bool:
        """Delivers an event once more, to all its targets, before everything that is later; whether there are any."""
        number = select(EVENT.c.number).where(EVENT.c.id == event_id).scalar_subquery()
        values = {"state": DeliveryState.DUE, "attempts": 0, "due_at": now, "last_error": None}
        change = update(DELIVERY).where(DELIVERY.c.event_number == number).values(values).returning(DELIVERY.c.id)
        return bool(await self._database.rows(change))

    async def forget(self, before: datetime) -> None:
        """Drops events that are older and due to nobody; a stream's newest stays, for the next one's sequence."""
        due = select(DELIVERY.c.event_number).where(DELIVERY.c.state == DeliveryState.DUE)
        newest = select(func.max(EVENT.c.number)).group_by(EVENT.c.stream_name)
        is_old = (EVENT.c.created_at < before, EVENT.c.number.not_in(due), EVENT.c.number.not_in(newest))
        await self._database.execute(delete(EVENT).where(*is_old))

    async def _change(self, delivery: Delivery, values: dict[str, object]) -> None:
        await self._database.execute(update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(values))


async def append_event(connection: AsyncConnection, event: Event, targets: Sequence[str]) -> None:
    """Within a transaction that changes what the event is about."""
    newest = select(func.max(EVENT.c.sequence)).where(EVENT.c.stream_name == event.stream_name)
    sequence = ((await connection.execute(newest)).scalar() or 0) + 1
    values = {
        "id": event.id,
        "type": event.type,
        "stream_name": event.stream_name,
        "broadcast_id": event.broadcast_id,
        "sequence": sequence,
        "created_at": event.at,
        "body": event.body(sequence),
    }
    number = (await connection.execute(insert(EVENT).values(values).returning(EVENT.c.number))).scalar_one()
    if targets:
        common = {"event_number": number, "state": DeliveryState.DUE, "due_at": event.at}
        await connection.execute(insert(DELIVERY), [common | {"target": target} for target in targets])


def _is_first(target: str) -> tuple[ColumnElement[bool], ...]:
    """The delivery is the one of its stream that must be made before the others."""
    first = (
        select(func.min(DELIVERY.c.event_number))
        .join(EVENT, EVENT.c.number == DELIVERY.c.event_number)
        .where(DELIVERY.c.target == target, DELIVERY.c.state == DeliveryState.DUE)
        .group_by(EVENT.c.stream_name)
    )
    return DELIVERY.c.target == target, DELIVERY.c.event_number.in_(first)


_DELIVERIES = select(
    DELIVERY,
    EVENT.c.number,
    EVENT.c.id.label("event_id"),
    EVENT.c.type,
    EVENT.c.stream_name,
    EVENT.c.body,
).join(EVENT, EVENT.c.number == DELIVERY.c.event_number)


def _event(row: Row[Any]) -> StoredEvent:
    return StoredEvent(row.number, row.id, row.type, row.stream_name, row.body)


def _delivery(row: Row[Any]) -> Delivery:
    event = StoredEvent(row.number, row.event_id, row.type, row.stream_name, row.body)
    return Delivery(row.id, row.target, event, row.attempts, row.due_at, row.last_error)
