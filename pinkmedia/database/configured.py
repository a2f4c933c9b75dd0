"""The database that the configuration names.

The password is in a file of its own, because the URL is shown in messages, and on a command line everybody could read
it.

    PinkmediaError
    └── UsageError
        └── BadDatabasePassword     its file cannot be read, or is empty
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pinkmedia.database.engine import Database
from pinkmedia.errors import UsageError
from pinkmedia.secret_files import read_first_line
from pinkmedia.settings import Settings


class BadDatabasePassword(UsageError):
    """The text says what is wrong with the file."""


def open_database(settings: Settings) -> AbstractAsyncContextManager[Database]:
    """Open, until the end of the block, with all its tables. Raises BadDatabasePassword."""
    return Database.opened(settings.data_dir, settings.database_url, password=_password(settings))


async def connect_database(settings: Settings) -> Database:
    """As it is, whatever its tables are. Raises BadDatabasePassword."""
    return await Database.connected(settings.data_dir, settings.database_url, password=_password(settings))


def _password(settings: Settings) -> str | None:
    path = settings.database_password_file
    return None if path is None else _read_password(path)


def _read_password(path: Path) -> str:
    password = read_first_line(path, BadDatabasePassword)
    if not password:
        raise BadDatabasePassword(f"{path}: the first line is the database's password, and is empty")
    return password
