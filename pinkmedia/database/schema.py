"""The tables, as the newest migration leaves them (a test compares).

    category ◄── stream ◄── broadcast          a stream while it is live, once
                    ▲            ▲
                    └── event ───┘             what a site is told, in order
                          ▲
                          └── delivery         whom it was told, and whom not yet

Times are microseconds since the Unix epoch: SQLite has no time type, and integers sort and compare exactly.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

from pinkmedia.tiers import Tier

UUID_CHARACTERS = 32
"""In hexadecimal, without hyphens."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


METADATA = MetaData()

CATEGORY = Table(
    "category",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("slug", String(63), nullable=False, unique=True),
    Column("title", String(100), nullable=False),
)

STREAM = Table(
    "stream",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("key_hint", String(4), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("key_rotated_at", UtcDateTime, nullable=False),
    Column("tier", String(16), nullable=False, server_default=Tier.STANDARD),
    Column("is_blocked", Boolean, nullable=False, server_default=false()),
    # In clear: both sides of SRT derive keys from it.
    Column("srt_passphrase", String(80)),
    Column("is_private", Boolean, nullable=False, server_default=false()),
    Column("title", String(200), nullable=False, server_default=""),
    Column("category_id", ForeignKey("category.id", ondelete="SET NULL", name="fk_stream_category")),
    Column("is_mature", Boolean, nullable=False, server_default=false()),
)

BROADCAST = Table(
    "broadcast",
    METADATA,
    Column("id", String(UUID_CHARACTERS), primary_key=True),
    Column("stream_id", ForeignKey("stream.id", ondelete="CASCADE", name="fk_broadcast_stream"), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(200)),
    Column("peak_viewers", Integer, nullable=False, server_default="0"),
    Column("average_viewers", Float, nullable=False, server_default="0"),
    Index("ix_broadcast_stream", "stream_id", "started_at"),
    Index("ix_broadcast_ended", "ended_at"),
)

EVENT = Table(
    "event",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(UUID_CHARACTERS), nullable=False, unique=True),
    Column("type", String(32), nullable=False),
    Column("stream_name", String(63), nullable=False),
    Column("broadcast_id", String(UUID_CHARACTERS)),
    Column("sequence", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_event_stream", "stream_name", "sequence", unique=True),
    Index("ix_event_created", "created_at"),
    sqlite_autoincrement=True,  # numbers are never used again: followers remember how far they have read
)

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("event_number", ForeignKey("event.number", ondelete="CASCADE", name="fk_delivery_event"), nullable=False),
    Column("target", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("last_error", String(300)),
    UniqueConstraint("event_number", "target", name="uq_delivery_event_target"),
    Index("ix_delivery_state", "target", "state", "event_number"),
)
