"""The database: SQLite in the data folder, or PostgreSQL at a URL.

The command line and a running server use the same one at once. SQLite's write-ahead log lets readers go on while one
writes, and a writer waits for another instead of failing. Every piece of work is its own transaction, in a task of its
own: drivers' connections do not survive being interrupted, so a caller that is cancelled leaves its work to end.

    PinkmediaError
    └── EnvironmentFault
        └── DatabaseFault     it cannot be used, now or at all
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import URL, Row, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pinkmedia.database.migrate import bring_up_to_date
from pinkmedia.errors import EnvironmentFault

DATABASE_NAME = "pinkmedia.sqlite3"
"""In the data folder."""
BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process: many times what one small transaction takes, even on a slow disk."""
BUSY_PAUSE_SECONDS = 0.01
"""Between two tries of what SQLite does not wait for itself: about a transaction."""
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
"""For PostgreSQL, which may be far away or overloaded."""
CONNECTIONS = 10
"""To PostgreSQL, at most; callers wait for one as long as for a connection."""

Result = TypeVar("Result")


class DatabaseFault(EnvironmentFault):
    """The database cannot be used."""

    def __init__(self, where: str, error: BaseException | str) -> None:
        text = str(error).strip() or type(error).__name__
        super().__init__(f"cannot use the database {where}: {text.splitlines()[0]}")


class Database:
    """Transactions. Every method raises DatabaseFault when the database fails it."""

    def __init__(self, where: str, engine: AsyncEngine) -> None:
        """Use `open`; ``where`` is for messages."""
        self._where = where
        self._engine = engine
        self._running: set[asyncio.Task[Any]] = set()
        """Pieces of work; at most as many as there are callers."""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, data_dir: Path, url: str | None = None, *, password: str | None = None
    ) -> AsyncIterator[Self]:
        """See `open`; it is closed at the end of the block."""
        database = await cls.open(data_dir, url, password=password)
        try:
            yield database
        finally:
            await database.close()

    @classmethod
    async def open(cls, data_dir: Path, url: str | None = None, *, password: str | None = None) -> Self:
        """The database with all its tables. Raises MadeByNewerVersion."""
        database = await cls.connected(data_dir, url, password=password)
        try:
            await database.run(bring_up_to_date)
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def connected(cls, data_dir: Path, url: str | None = None, *, password: str | None = None) -> Self:
        """The database as it is; SQLite's file and folder are made for their owner alone."""
        return await cls._sqlite(data_dir) if url is None else cls._postgresql(url, password)

    @classmethod
    async def _sqlite(cls, data_dir: Path) -> Self:
        path = data_dir / DATABASE_NAME
        _make_private(path)
        try:
            await asyncio.to_thread(_use_write_ahead_log, path)
        except sqlite3.Error as error:
            raise DatabaseFault(str(path), error) from None
        engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return cls(str(path), engine)

    @classmethod
    def _postgresql(cls, url: str, password: str | None) -> Self:
        target = make_url(url).set(drivername="postgresql+asyncpg", password=password)
        engine = create_async_engine(
            target,
            hide_parameters=True,
            pool_pre_ping=True,  # connections that a restart of the server has cut are replaced unseen
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
        )
        return cls(target.render_as_string(hide_password=True), engine)

    async def close(self) -> None:
        """Close every connection, once what runs has ended."""
        while self._running:
            await asyncio.wait(self._running)
        await asyncio.shield(self._engine.dispose())

    async def rows(self, query: Any) -> Sequence[Row[Any]]:
        """What one statement returns."""

        async def fetch(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(query)).all()

        return await self.run(fetch)

    async def first(self, query: Any) -> Row[Any] | None:
        """The first row of what one statement returns."""
        rows = await self.rows(query)
        return rows[0] if rows else None

    async def execute(self, statement: Any) -> None:
        """One statement that returns nothing."""

        async def execute(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self.run(execute)

    async def rehearse(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """What `run` would do; it is undone."""
        results: list[Result] = []

        async def undo(connection: AsyncConnection) -> None:
            results.append(await work(connection))
            await connection.rollback()

        await self.run(undo)
        return results[0]

    async def run(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """What ``work`` does is one transaction, which is committed unless it raises.

        Raises IntegrityError as it is: what it means only the caller knows.
        """
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
            raise DatabaseFault(self._where, getattr(error, "orig", None) or error) from None
        except OSError as error:  # PostgreSQL is not there, or does not answer (TimeoutError)
            raise DatabaseFault(self._where, error) from None


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


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")  # what is committed outlives a power cut; writes are few
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
