"""Titles and categories, broadcasts, and the events that a site is told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "category",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("slug", sa.String(63), nullable=False, unique=True),
        sa.Column("title", sa.String(100), nullable=False),
    )
    with op.batch_alter_table("stream") as stream:
        for moment in ("created_at", "key_rotated_at"):  # INTEGER where the first version made the table
            stream.alter_column(moment, type_=sa.BigInteger, existing_type=sa.Integer, existing_nullable=False)
        stream.add_column(sa.Column("title", sa.String(200), nullable=False, server_default=""))
        stream.add_column(sa.Column("category_id", sa.Integer))
        stream.add_column(sa.Column("is_mature", sa.Boolean, nullable=False, server_default=sa.false()))
        stream.create_foreign_key("fk_stream_category", "category", ["category_id"], ["id"], ondelete="SET NULL")
    _create_broadcast()
    _create_events()


def _create_broadcast() -> None:
    op.create_table(
        "broadcast",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "stream_id",
            sa.Integer,
            sa.ForeignKey("stream.id", ondelete="CASCADE", name="fk_broadcast_stream"),
            nullable=False,
        ),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("end_reason", sa.String(200)),
        sa.Column("peak_viewers", sa.Integer, nullable=False, server_default="0"),
        sa.Column("average_viewers", sa.Float, nullable=False, server_default="0"),
    )
    op.create_index("ix_broadcast_stream", "broadcast", ["stream_id", "started_at"])
    op.create_index("ix_broadcast_ended", "broadcast", ["ended_at"])


def _create_events() -> None:
    op.create_table(
        "event",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("stream_name", sa.String(63), nullable=False),
        sa.Column("broadcast_id", sa.String(32)),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_stream", "event", ["stream_name", "sequence"], unique=True)
    op.create_index("ix_event_created", "event", ["created_at"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "event_number",
            sa.Integer,
            sa.ForeignKey("event.number", ondelete="CASCADE", name="fk_delivery_event"),
            nullable=False,
        ),
        sa.Column("target", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.String(300)),
        sa.UniqueConstraint("event_number", "target", name="uq_delivery_event_target"),
    )
    op.create_index("ix_delivery_state", "delivery", ["target", "state", "event_number"])


def downgrade() -> None:
    for name in ("delivery", "event", "broadcast"):
        op.drop_table(name)
    with op.batch_alter_table("stream") as stream:
        for moment in ("created_at", "key_rotated_at"):  # INTEGER where the first version made the table
            stream.alter_column(moment, type_=sa.BigInteger, existing_type=sa.Integer, existing_nullable=False)
        stream.drop_constraint("fk_stream_category", type_="foreignkey")
        for column in ("title", "category_id", "is_mature"):
            stream.drop_column(column)
    op.drop_table("category")
