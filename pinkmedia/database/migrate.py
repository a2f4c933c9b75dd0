"""Brings the tables up to date, by Alembic's revisions in `pinkmedia.database.migrations`.

Two processes may open an old database at once: one waits for the other. All that is to be done is one transaction, with
SQLite as with PostgreSQL: it is done, or the database is as it was.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncConnection

from pinkmedia.errors import EnvironmentFault

NEWEST = "0002"
"""The last revision; known here so that Alembic, which takes a while to load, is not when there is nothing to do."""
VERSION_TABLE = "schema_version"

_SCRIPTS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x70696E6B
"""PostgreSQL's locks are known by a number; this one's bytes are "pink"."""


class MadeByNewerVersion(EnvironmentFault):
    """The database has tables that this version does not know."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"the database is at version {version}, and this program knows {NEWEST} at most: start the newer one"
        )


async def bring_up_to_date(connection: AsyncConnection) -> None:
    """Does nothing where nothing is to be done. Raises MadeByNewerVersion."""
    if await connection.run_sync(_version) != NEWEST:
        await _lock(connection)
        await connection.run_sync(_upgrade)


async def statements_to_come(connection: AsyncConnection) -> list[str]:
    """What `bring_up_to_date` would change, found out by doing it; the caller undoes the transaction."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
            statements.append(statement.strip())

    if await connection.run_sync(_version) != NEWEST:
        await _lock(connection)
        sqlalchemy_event.listen(connection.sync_connection, "before_cursor_execute", note)
        await connection.run_sync(_upgrade)
    return statements


async def _lock(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def _upgrade(connection: Connection) -> None:
    # Loaded only when it is needed: it takes longer than all other work of a command.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    version = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise MadeByNewerVersion(version)
    command.upgrade(config, "head")
