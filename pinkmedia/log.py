"""Logging: events with fields, one line each, on standard error.

structlog renders its own events and the standard library's (uvicorn, SQLAlchemy, asyncio) alike: JSON for machines,
coloured text for a terminal. Redaction comes after exceptions are formatted, so that no traceback lets a secret out.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from pinkmedia.keys import redact_keys

SECRET_FIELDS = frozenset({"key", "stream_key", "password", "token"})
"""Fields whose values are never written, whatever they hold."""
REDACTED = "***"

_QUIET = ("httpx", "alembic")
"""They tell of every request, with its whole address, and of every step of a migration."""


def configure_logging(
    level: Literal["debug", "info", "warning", "error"],
    log_format: Literal["auto", "json", "text"],
    stream: TextIO | None = None,
) -> None:
    """Send every event of this process to ``stream`` (standard error). May be called again to change its mind."""
    stream = sys.stderr if stream is None else stream
    severity = logging.getLevelNamesMapping()[level.upper()]
    is_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(is_text=is_text, colors=is_text and stream.isatty()))
    _route_standard_library(handler, severity)
    structlog.configure(
        processors=[*_shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def redact_secrets(logger: WrappedLogger, method_name: str, event: EventDict) -> EventDict:
    """Processor that masks secret fields, and stream keys inside any text."""
    for field, value in event.items():
        event[field] = _redact(field, value)
    return event


def _redact(field: object, value: object) -> object:
    if field in SECRET_FIELDS:
        return REDACTED
    match value:
        case str():
            return redact_keys(value)
        case dict():
            return {name: _redact(name, inner) for name, inner in value.items()}
        case list() | tuple():
            return [_redact(None, inner) for inner in value]
        case None | bool() | int() | float():
            return value
        case _:  # rendered through its text sooner or later: an exception, a path, a URL
            return redact_keys(str(value))


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(*, is_text: bool, colors: bool) -> logging.Formatter:
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if is_text:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_secrets,
            renderer,
        ],
    )


def _route_standard_library(handler: logging.Handler, severity: int) -> None:
    """Give every logger one way out: the root's handler."""
    logging.basicConfig(handlers=[handler], level=severity, force=True)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(severity, logging.WARNING))
