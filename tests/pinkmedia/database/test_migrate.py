"""Tables of older versions become those of this one; what was in them stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pinkmedia.database.engine import DATABASE_NAME, Database
from pinkmedia.database.migrate import NEWEST, VERSION_TABLE, MadeByNewerVersion, statements_to_come
from pinkmedia.database.schema import METADATA
from pinkmedia.database.streams import StreamStore
from pinkmedia.tiers import Tier
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.anyio

FIRST_TABLE = """\
CREATE TABLE stream (
    id INTEGER NOT NULL, name VARCHAR(63) NOT NULL, key_hash VARCHAR(64) NOT NULL, key_hint VARCHAR(4) NOT NULL,
    created_at INTEGER NOT NULL, key_rotated_at INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (name), UNIQUE (key_hash)
)
"""
"""As the first version made it."""


def make_first_version(folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE_NAME) as database:
        database.execute(FIRST_TABLE)
        database.execute("INSERT INTO stream VALUES (1, 'alice', 'digest', 'hint', 1000000, 2000000)")
    database.close()


def differences(connection: Connection) -> list[object]:
    """Between the tables there are and those that the queries are written for."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return list(compare_metadata(context, METADATA))


async def compare(connection: AsyncConnection) -> list[object]:
    return await connection.run_sync(differences)


async def test_the_revisions_make_the_tables_that_are_used(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    async with Database.opened(tmp_path) as database:
        assert await database.run(compare) == []
    async with Database.opened(tmp_path, postgresql.new_database(), password=postgresql.password) as database:
        assert await database.run(compare) == []


async def test_a_file_of_the_first_version_is_upgraded(tmp_path: Path) -> None:
    make_first_version(tmp_path)

    async def open_and_read() -> None:
        async with Database.opened(tmp_path) as database:
            (alice,) = await StreamStore(database).list()
            assert (alice.name, alice.key_hint, alice.created_at.timestamp()) == ("alice", "hint", 1.0)
            assert (alice.tier, alice.is_blocked, alice.is_private) == (Tier.STANDARD, False, False)

    async with anyio.create_task_group() as group:  # a server and a command may open it at the same time
        for _ in range(5):
            group.start_soon(open_and_read)
    async with Database.opened(tmp_path) as database:
        store = StreamStore(database)
        await store.set_tier("alice", Tier.PARTNER)
        await store.create("bob")
        assert [stream.tier for stream in await store.list()] == [Tier.PARTNER, Tier.STANDARD]
        assert await database.run(compare) == []


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async with Database.opened(tmp_path) as database:
        await database.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(MadeByNewerVersion, match=f"at version 9999, and this program knows {NEWEST} at most"):
        await Database.open(tmp_path)


async def test_what_is_to_come_is_told_and_not_done(tmp_path: Path) -> None:
    make_first_version(tmp_path)
    database = await Database.connected(tmp_path)
    statements = await database.rehearse(statements_to_come)
    assert any(statement.startswith("ALTER TABLE stream ADD COLUMN tier") for statement in statements)
    assert any(statement.startswith("CREATE TABLE broadcast") for statement in statements)
    assert len(await database.rehearse(statements_to_come)) == len(statements)
    await database.close()
    async with Database.opened(tmp_path) as current:
        assert await current.rehearse(statements_to_come) == []
