"""The stream store: which streams exist, which key opens each and what they may do, in SQLite.

The command line and a running server use the same file at once: write-ahead logging lets readers go on while one
writes, and a writer waits for another instead of failing. Every statement is its own transaction, in a task of its own:
the driver's connections do not survive being interrupted, so a caller that is cancelled leaves its statement to end.
A file that an older version made gets the columns it lacks when it is opened.

    PinkmediaError
    ├── UsageError
    │   └── BadStreamName     not a name that fits a URL
    ├── StreamExists          the name is taken
    ├── UnknownStream         no stream has the name
    └── EnvironmentFault      the folder or the file cannot be used
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Dialect,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    event,
    false,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateColumn, CreateTable
from sqlalchemy.types import TypeDecorator

from pinkmedia.errors import EnvironmentFault, PinkmediaError, UsageError
from pinkmedia.keys import generate_key, hash_key, is_key, key_hint, key_matches
from pinkmedia.tiers import Tier

DATABASE_NAME = "pinkmedia.sqlite3"
STREAM_NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Fits a URL's path, a file's name and a DNS label."""
BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process: many times what one small transaction takes, even on a slow disk."""
BUSY_PAUSE_SECONDS = 0.01
"""Between two tries of what SQLite does not wait for itself: about a transaction."""

Result = TypeVar("Result")


class BadStreamName(UsageError):
    """A name that breaks the rule for names."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} cannot be a stream's name: use 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit"
        )


class StreamExists(PinkmediaError):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"stream {name!r} exists already; for a new key: pinkmedia stream rotate-key {name}")


class UnknownStream(PinkmediaError):
    """No stream has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no stream {name!r}; to make it: pinkmedia stream create {name}")


@dataclass(frozen=True, slots=True)
class Stream:
    """A creator's persistent channel."""

    id: int
    name: str
    key_hint: str
    """The last characters of its key, for lists."""
    created_at: datetime
    key_rotated_at: datetime
    """When its present key was made; a publisher admitted before it holds an old one."""
    tier: Tier
    is_blocked: bool
    """It may not go live."""
    srt_passphrase: str | None = field(repr=False)
    """What its SRT publishers must encrypt with."""
    is_private: bool
    """Only who has a signed address may watch it."""


class _UtcDateTime(TypeDecorator[datetime]):
    """Microseconds since the Unix epoch: SQLite has no time type, and integers sort and compare exactly."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


_STREAM = Table(
    "stream",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("key_hint", String(4), nullable=False),
    Column("created_at", _UtcDateTime, nullable=False),
    Column("key_rotated_at", _UtcDateTime, nullable=False),
    # Columns that came later have a default, which the rows of older files get.
    Column("tier", String(16), nullable=False, server_default=Tier.STANDARD),
    Column("is_blocked", Boolean, nullable=False, server_default=false()),
    # In clear: both sides of SRT derive keys from it.
    Column("srt_passphrase", String(80)),
    Column("is_private", Boolean, nullable=False, server_default=false()),
)


class StreamStore:
    """The streams of one database file. Every method raises EnvironmentFault when the file fails it."""

    def __init__(self, path: Path, engine: AsyncEngine) -> None:
        """Use `open`."""
        self._path = path
        self._engine = engine
        self._running: set[asyncio.Task[Any]] = set()
        """Statements; at most as many as there are callers."""

    @classmethod
    async def open(cls, data_dir: Path) -> StreamStore:
        """The store in a data folder, both made for their owner alone when they do not exist."""
        path = data_dir / DATABASE_NAME
        _make_private(path)
        try:
            await asyncio.to_thread(_use_write_ahead_log, path)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _prepare_connection)
        store = cls(path, engine)
        try:
            await store._transact(_make_or_upgrade_table)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close every connection, once what runs has ended."""
        while self._running:
            await asyncio.wait(self._running)
        await asyncio.shield(self._engine.dispose())

    async def create(self, name: str, tier: Tier = Tier.STANDARD) -> tuple[Stream, str]:
        """A new stream and its key, which is shown this once.

        Raises BadStreamName, StreamExists.
        """
        if not STREAM_NAME_PATTERN.fullmatch(name):
            raise BadStreamName(name)
        key = generate_key()
        now = datetime.now(UTC)
        values = {"name": name, "created_at": now, "tier": tier, **_key_columns(key, now)}
        try:
            (row,) = await self._rows(insert(_STREAM).values(values).returning(_STREAM))
        except IntegrityError:
            raise StreamExists(name) from None
        return _stream(row), key

    async def list(self) -> list[Stream]:
        """Every stream, by name."""
        return [_stream(row) for row in await self._rows(select(_STREAM).order_by(_STREAM.c.name))]

    async def rotate_key(self, name: str) -> str:
        """A new key; the old one opens nothing from now on.

        Raises UnknownStream.
        """
        key = generate_key()
        await self._change(name, _key_columns(key, datetime.now(UTC)))
        return key

    async def set_tier(self, name: str, tier: Tier) -> None:
        """Holds from the stream's next publisher on.

        Raises UnknownStream.
        """
        await self._change(name, {"tier": tier})

    async def set_blocked(self, name: str, is_blocked: bool) -> None:
        """Whether the stream is kept from going live.

        Raises UnknownStream.
        """
        await self._change(name, {"is_blocked": is_blocked})

    async def set_private(self, name: str, is_private: bool) -> None:
        """Whether only who has a signed address may watch the stream.

        Raises UnknownStream.
        """
        await self._change(name, {"is_private": is_private})

    async def set_srt_passphrase(self, name: str, passphrase: str | None) -> None:
        """Holds from the stream's next publisher on; None takes it away.

        Raises UnknownStream.
        """
        await self._change(name, {"srt_passphrase": passphrase})

    async def find_by_key(self, key: str) -> Stream | None:
        """The stream that a presented key opens."""
        if not is_key(key):
            return None
        row = await self._first(select(_STREAM).where(_STREAM.c.key_hash == hash_key(key)))
        # The index compares digests, which a peer cannot steer; the last word is in constant time all the same.
        return _stream(row) if row is not None and key_matches(key, row.key_hash) else None

    async def find_by_name(self, name: str) -> Stream | None:
        """The stream of this name."""
        row = await self._first(select(_STREAM).where(_STREAM.c.name == name))
        return None if row is None else _stream(row)

    async def _change(self, name: str, values: dict[str, object]) -> None:
        change = update(_STREAM).where(_STREAM.c.name == name).values(values).returning(_STREAM.c.id)
        if await self._first(change) is None:
            raise UnknownStream(name)

    async def _first(self, query: Any) -> Row[Any] | None:
        rows = await self._rows(query)
        return rows[0] if rows else None

    async def _rows(self, query: Any) -> Sequence[Row[Any]]:
        async def fetch(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(query)).all()

        return await self._transact(fetch)

    async def _transact(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        task = asyncio.create_task(self._in_transaction(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _in_transaction(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        try:
            async with self._engine.begin() as connection:
                return await work(connection)
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise _unusable(self._path, getattr(error, "orig", None) or error) from None


def _unusable(path: Path, error: BaseException) -> EnvironmentFault:
    return EnvironmentFault(f"cannot use the database {path}: {error}")


def _key_columns(key: str, now: datetime) -> dict[str, object]:
    return {"key_hash": hash_key(key), "key_hint": key_hint(key), "key_rotated_at": now}


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        row.id,
        row.name,
        row.key_hint,
        row.created_at,
        row.key_rotated_at,
        Tier(row.tier),
        bool(row.is_blocked),
        row.srt_passphrase,
        bool(row.is_private),
    )


async def _make_or_upgrade_table(connection: AsyncConnection) -> None:
    """The table with all its columns. Another process may be doing the same: one waits for the other."""
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    await connection.execute(CreateTable(_STREAM, if_not_exists=True))
    found = {row.name for row in await connection.exec_driver_sql(f"PRAGMA table_info({_STREAM.name})")}
    for column in _STREAM.columns:
        if column.name not in found:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            await connection.exec_driver_sql(f"ALTER TABLE {_STREAM.name} ADD COLUMN {definition}")


def _make_private(path: Path) -> None:
    """Make the file, and the folder, readable by their owner alone; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write to the data folder {path.parent}: {error.strerror}; choose another with --data-dir"
        ) from None


def _use_write_ahead_log(path: Path) -> None:
    """The file keeps it once it has it. SQLite does not wait for others before this change, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as database:
        while True:
            try:
                database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(BUSY_PAUSE_SECONDS)


def _prepare_connection(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
