"""``pinkmedia serve``: the server."""

from __future__ import annotations

from collections.abc import Callable

from pinkmedia.commands.flags import takes_settings
from pinkmedia.settings import Settings


@takes_settings()
def serve(load: Callable[[], Settings]) -> int:
    """Run the server until it is interrupted."""
    settings = load()
    from pinkmedia.log import configure_logging
    from pinkmedia.node import run

    configure_logging(settings.log_level, settings.log_format)
    return run(settings)
