"""``pinkmedia demo``: the server with a test picture to watch, at one command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from pinkmedia.commands.flags import takes_settings
from pinkmedia.settings import Settings


@takes_settings()
def demo(
    load: Callable[[], Settings],
    publisher: Annotated[
        bool, typer.Option("--publisher/--no-publisher", help="Publish a test picture, or leave that to you.")
    ] = True,
) -> int:
    """Run the server and publish a test picture to it; print where to watch."""
    settings = load()
    from pinkmedia.demo import run_demo
    from pinkmedia.log import configure_logging

    configure_logging(settings.log_level, settings.log_format)
    return run_demo(settings, has_publisher=publisher)
