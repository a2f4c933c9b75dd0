"""``pinkmedia database``: bring the tables of an older version up to date, or say what that would do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from pinkmedia.commands.flags import DATABASE_KEYS, takes_settings
from pinkmedia.settings import Settings

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Has typer take the command's name although it is the only one."""


@app.command()
@takes_settings(*DATABASE_KEYS)
def migrate(
    load: Callable[[], Settings],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
) -> None:
    """Bring the tables up to date; every command and the server do so, too, before anything else."""
    settings = load()
    statements = asyncio.run(_statements_to_come(settings))
    if not statements:
        typer.echo("The database is up to date.", err=True)
    for statement in statements:
        typer.echo(f"{statement};")
    if statements and not dry_run:
        asyncio.run(_migrate(settings))
        typer.echo("This is done.", err=True)


async def _statements_to_come(settings: Settings) -> list[str]:
    from pinkmedia.database.configured import connect_database
    from pinkmedia.database.migrate import statements_to_come

    database = await connect_database(settings)
    try:
        return await database.rehearse(statements_to_come)
    finally:
        await database.close()


async def _migrate(settings: Settings) -> None:
    from pinkmedia.database.configured import open_database

    async with open_database(settings):
        pass
