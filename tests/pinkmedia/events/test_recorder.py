"""What happens to streams is written down in order, whatever the database and the process come to."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pinkmedia.database.broadcasts import STOPPED_UNSEEN, BroadcastStore
from pinkmedia.database.engine import DATABASE_NAME, Database
from pinkmedia.database.events import EventStore, StoredEvent
from pinkmedia.database.streams import StreamStore
from pinkmedia.events import recorder as recorder_module
from pinkmedia.events.recorder import Recorder
from pinkmedia.lifecycle import Lifecycle, Occurrence, State, Transition

pytestmark = pytest.mark.anyio


class Site:
    """A recorder on a database with one stream."""

    def __init__(self, database: Database) -> None:
        self.broadcasts, self.events = BroadcastStore(database), EventStore(database)
        self.recorder = Recorder(self.broadcasts, self.events, lambda: self.has_news.set())
        self.has_news = asyncio.Event()

    def broadcast(self, stream_name: str = "alice") -> Lifecycle:
        return Lifecycle(stream_name, self.recorder.record)

    async def until(self, count: int) -> list[StoredEvent]:
        async with asyncio.timeout(10):
            while len(found := await self.events.after(0, 100)) < count:
                self.has_news.clear()
                await self.has_news.wait()
        return found


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.opened(tmp_path) as database:
        await StreamStore(database).create("alice")
        yield database


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    site = Site(database)
    await site.recorder.start()
    yield site
    await site.recorder.close()


async def test_a_broadcast_is_recorded_from_its_beginning_to_its_end(site: Site) -> None:
    lifecycle = site.broadcast()
    for occurrence in (Occurrence.PICTURES, Occurrence.PUBLISHER_LOST, Occurrence.PICTURES, Occurrence.OVER):
        lifecycle.occur(occurrence, "a reason")
    events = await site.until(4)
    assert [event.type for event in events] == ["stream.live", "stream.interrupted", "stream.resumed", "stream.ended"]
    (record,) = await site.broadcasts.of_stream("alice", 10)
    assert record.id == lifecycle.broadcast_id
    assert record.started_at == lifecycle.started_at
    assert record.ended_at is not None
    assert record.ended_at >= record.started_at
    assert record.end_reason == "a reason"


def rename_table(folder: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as direct:
        direct.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_database_that_is_away_delays_and_loses_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.01)
    await asyncio.to_thread(rename_table, tmp_path, "event", "hidden")
    lifecycle = site.broadcast()
    with capture_logs() as logged:
        lifecycle.occur(Occurrence.PICTURES)
        lifecycle.occur(Occurrence.OVER)
        async with asyncio.timeout(10):
            while "events_not_recorded" not in [line["event"] for line in logged]:
                await asyncio.sleep(0.01)
    await asyncio.to_thread(rename_table, tmp_path, "hidden", "event")
    assert [event.type for event in await site.until(2)] == ["stream.live", "stream.ended"]
    assert len(await site.broadcasts.of_stream("alice", 10)) == 1


async def test_what_nobody_knows_holds_nothing_up(site: Site) -> None:
    site.broadcast("nobody").occur(Occurrence.PICTURES)
    site.broadcast("alice").occur(Occurrence.PICTURES)
    assert [event.stream_name for event in await site.until(1)] == ["alice"]


async def test_what_a_process_has_left_open_is_ended_when_it_was_seen_last(database: Database) -> None:
    before = Site(database)
    await before.recorder.start()
    lifecycle = before.broadcast()
    lifecycle.occur(Occurrence.PICTURES)
    await before.until(1)
    await before.recorder.close()  # as far as the database knows, it is gone without a word
    after = Site(database)
    await after.recorder.start()
    (record,) = await after.broadcasts.of_stream("alice", 10)
    assert (record.ended_at, record.end_reason) == (lifecycle.started_at, STOPPED_UNSEEN)
    assert [event.type for event in await after.until(2)] == ["stream.live", "stream.ended"]
    assert await after.broadcasts.end_left_open() == 0
    await after.recorder.close()


async def test_transitions_that_are_told_again_are_recorded_once(site: Site) -> None:
    told: list[Transition] = []
    lifecycle = Lifecycle("alice", told.append)
    lifecycle.occur(Occurrence.PICTURES)
    lifecycle.occur(Occurrence.OVER)
    for transition in (told[0], told[0], told[1], told[1]):
        site.recorder.record(transition)
    last = site.broadcast()
    last.occur(Occurrence.PICTURES)
    assert [event.type for event in await site.until(3)] == ["stream.live", "stream.ended", "stream.live"]
    assert told[1].after is State.ENDED
