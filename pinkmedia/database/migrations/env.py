"""What Alembic runs for every command: the revisions, on the connection that it is given."""

from __future__ import annotations

from alembic import context

from pinkmedia.database.migrate import VERSION_TABLE
from pinkmedia.database.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a column by making its table anew
)
with context.begin_transaction():
    context.run_migrations()
