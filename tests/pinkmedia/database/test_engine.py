"""The database, on a real file and a real PostgreSQL: who may read it, who waits for whom, and how it fails."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import text

from pinkmedia.database.engine import DATABASE_NAME, Database, DatabaseFault
from pinkmedia.database.streams import StreamStore
from pinkmedia.errors import EnvironmentFault
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.opened(tmp_path / "data") as database:
        yield database


async def names(database: Database) -> list[str]:
    return [stream.name for stream in await StreamStore(database).list()]


async def test_folder_and_files_belong_to_their_owner_alone(database: Database, tmp_path: Path) -> None:
    await StreamStore(database).create("alice")
    folder = tmp_path / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    async with Database.opened(tmp_path) as first:
        stream, _key = await StreamStore(first).create("alice")
    async with Database.opened(tmp_path) as second:
        assert await StreamStore(second).list() == [stream]


async def test_two_write_to_one_file_at_once(database: Database, tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "data") as other:
        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(StreamStore(database).create, f"a{number}")
                group.start_soon(StreamStore(other).create, f"b{number}")
        assert len(await names(database)) == len(await names(other)) == 20


async def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    async def open_and_close() -> None:
        await (await Database.open(tmp_path)).close()

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(open_and_close)


@pytest.mark.parametrize("turns", range(0, 24, 4))
async def test_a_cancelled_caller_leaves_nothing_behind(database: Database, turns: int) -> None:
    """However far its statement has come (in turns of the event loop)."""
    store = StreamStore(database)
    async with anyio.create_task_group() as group:
        group.start_soon(store.create, "alice")
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    await store.create("bob")
    assert set(await names(database)) <= {"alice", "bob"}
    await database.close()
    assert [task for task in asyncio.all_tasks() if "aiosqlite" in repr(task)] == []


async def test_work_that_raises_has_not_been(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run(create_and_fail)
    assert await database.rows(text("SELECT * FROM category")) == []


async def create_and_fail(connection: object) -> None:
    await connection.execute(text("INSERT INTO category (slug, title) VALUES ('games', 'Games')"))  # type: ignore[attr-defined]
    raise ZeroDivisionError


async def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match=r"cannot write to the data folder .*--data-dir"):
        await Database.open(tmp_path / "file" / "data")


async def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_text("not a database, but long enough to be looked at" * 10)
    with pytest.raises(DatabaseFault, match=r"cannot use the database .*not a database"):
        await Database.open(tmp_path)


async def test_a_failing_file_is_one_clear_line(database: Database, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "data" / DATABASE_NAME) as direct:
        direct.execute("DROP TABLE stream")
    direct.close()
    with pytest.raises(DatabaseFault, match="cannot use the database"):
        await names(database)


# PostgreSQL


async def test_postgresql_holds_the_same(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    url = postgresql.new_database()
    async with Database.opened(tmp_path, url, password=postgresql.password) as database:
        stream, key = await StreamStore(database).create("alice")
        async with Database.opened(tmp_path, url, password=postgresql.password) as other:
            assert await StreamStore(other).find_by_key(key) == stream
    assert list(tmp_path.iterdir()) == []


async def test_a_wrong_password_is_one_clear_line_without_it(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    with pytest.raises(DatabaseFault, match=r"cannot use the database postgresql.*password authentication") as caught:
        await Database.open(tmp_path, postgresql.new_database(), password="wrong-password")
    assert "wrong-password" not in str(caught.value)


async def test_a_server_that_restarts_is_found_again(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    async with Database.opened(tmp_path, postgresql.new_database(), password=postgresql.password) as database:
        await StreamStore(database).create("alice")
        postgresql.stop()
        with pytest.raises(DatabaseFault, match="cannot use the database"):
            await names(database)
        postgresql.start()
        assert await names(database) == ["alice"]
