"""Streams and their keys. Versions before this one have made the table themselves, with fewer columns at first."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def _later_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("tier", sa.String(16), nullable=False, server_default="standard"),
        sa.Column("is_blocked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("srt_passphrase", sa.String(80)),
        sa.Column("is_private", sa.Boolean, nullable=False, server_default=sa.false()),
    ]


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if inspector.has_table("stream"):
        found = {column["name"] for column in inspector.get_columns("stream")}
        for column in _later_columns():
            if column.name not in found:
                op.add_column("stream", column)
        return
    op.create_table(
        "stream",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("key_hint", sa.String(4), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("key_rotated_at", sa.BigInteger, nullable=False),
        *_later_columns(),
    )


def downgrade() -> None:
    op.drop_table("stream")
