"""Configuration keys as command-line flags, made from `Settings` so that no key can lack its flag."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pinkmedia.config import accepted_values, flag_name, is_flag, load_settings
from pinkmedia.settings import Settings

DATABASE_KEYS = ("data_dir", "database_url", "database_password_file")
"""What a command needs that uses the database."""


def takes_settings(*keys: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command flags for these keys (all that are one value when none is named) and for ``--config``.

    The command's parameter ``load`` receives a function that returns the Settings and raises ConfigurationError.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapper(*, config: Path | None, **arguments: Any) -> Any:
            values = {key: arguments.pop(key) for key in names}
            return command(load=lambda: load_settings(values, config=config), **arguments)

        names = keys or tuple(filter(is_flag, Settings.model_fields))
        own = [item for item in _resolved(command) if item.name != "load"]
        parameters = [*own, _CONFIG, *map(_parameter, names)]
        # The flags exist only in the signature, which is all that typer looks at.
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {item.name: item.annotation for item in parameters}
        return wrapper

    return decorate


def _resolved(command: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(command, eval_str=True).parameters.values())


def _parameter(key: str) -> inspect.Parameter:
    """A flag whose text is left for `Settings` to judge, like the other layers' values."""
    field = Settings.model_fields[key]
    is_switch = field.annotation is bool
    default = "" if field.default is None else f" Default: {str(field.default).lower()}."
    accepted = "" if is_switch else f" ({accepted_values(key)})"
    flag = flag_name(key)
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if is_switch else flag,
        help=f"{field.description}{accepted}{default}",
        rich_help_panel="Configuration",
        metavar=None if is_switch else "VALUE",
        show_default=False,
    )
    return _keyword(key, Annotated[bool | None if is_switch else str | None, option])


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


_CONFIG = _keyword(
    "config",
    Annotated[
        Path | None,
        typer.Option(
            help="TOML file to read instead of ./pinkmedia.toml.", rich_help_panel="Configuration", metavar="FILE"
        ),
    ],
)
