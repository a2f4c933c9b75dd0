"""The command line: the tree of commands, and how errors become one line and an exit code.

Each command's module imports what it runs only when it runs, so that small commands answer at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import pinkmedia
from pinkmedia.commands import database, demo, doctor, push, serve, stream
from pinkmedia.errors import PinkmediaError

app = typer.Typer(help="A self-hosted live-streaming server.", add_completion=False, pretty_exceptions_enable=False)
app.add_typer(stream.app, name="stream")
app.add_typer(database.app, name="database")
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(push.push)
app.command()(doctor.doctor)


def main() -> int:
    """Run the command line; returns the exit code: 0, 1 for a fault, 2 for a misuse, 130 when interrupted."""
    try:
        return app(prog_name="pinkmedia", standalone_mode=False) or 0
    except PinkmediaError as error:
        return _complain(str(error), error.exit_code)
    except typer.TyperException as error:
        return _complain(error.format_message(), error.exit_code)


def _complain(message: str, exit_code: int) -> int:
    sys.stderr.write(f"pinkmedia: {' '.join(message.split())}\n")
    return exit_code


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"pinkmedia {pinkmedia.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
