"""Streams: which exist, which key opens each, and what they may do.

PinkmediaError
├── UsageError
│   └── BadStreamName     not a name that fits a URL
├── StreamExists          the name is taken
└── UnknownStream         no stream has the name
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from pinkmedia.database.engine import Database
from pinkmedia.database.schema import STREAM
from pinkmedia.errors import PinkmediaError, UsageError
from pinkmedia.keys import generate_key, hash_key, is_key, key_hint, key_matches
from pinkmedia.tiers import Tier

STREAM_NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Fits a URL's path, a file's name and a DNS label."""


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


class StreamStore:
    """The streams of a database. Every method raises DatabaseFault when that fails it."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
            (row,) = await self._database.rows(insert(STREAM).values(values).returning(STREAM))
        except IntegrityError:
            raise StreamExists(name) from None
        return _stream(row), key

    async def list(self) -> list[Stream]:
        """Every stream, by name."""
        return [_stream(row) for row in await self._database.rows(select(STREAM).order_by(STREAM.c.name))]

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
        row = await self._database.first(select(STREAM).where(STREAM.c.key_hash == hash_key(key)))
        # The index compares digests, which a peer cannot steer; the last word is in constant time all the same.
        return _stream(row) if row is not None and key_matches(key, row.key_hash) else None

    async def find_by_name(self, name: str) -> Stream | None:
        """The stream of this name."""
        row = await self._database.first(select(STREAM).where(STREAM.c.name == name))
        return None if row is None else _stream(row)

    async def _change(self, name: str, values: dict[str, object]) -> None:
        change = update(STREAM).where(STREAM.c.name == name).values(values).returning(STREAM.c.id)
        if await self._database.first(change) is None:
            raise UnknownStream(name)


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
