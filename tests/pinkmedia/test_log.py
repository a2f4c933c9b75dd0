"""Logging: one form for everybody's events, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from pinkmedia.keys import generate_key
from pinkmedia.log import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def output() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("info", "auto", stream)
    return stream


def events(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_events_are_json_lines_where_nobody_looks(output: io.StringIO) -> None:
    structlog.get_logger("pinkmedia.node").info("ready", http_port=8080)
    [event] = events(output)
    assert event["event"] == "ready"
    assert event["level"] == "info"
    assert event["logger"] == "pinkmedia.node"
    assert event["http_port"] == 8080
    assert datetime.fromisoformat(event["timestamp"]).utcoffset() == timedelta(0)


def test_events_are_coloured_text_on_a_terminal() -> None:
    output = Terminal()
    configure_logging("info", "auto", output)
    structlog.get_logger("node").info("ready", http_port=8080)
    assert "\x1b[" in output.getvalue()
    assert "ready" in output.getvalue()


def test_text_in_a_file_has_no_colours() -> None:
    output = io.StringIO()
    configure_logging("info", "text", output)
    structlog.get_logger("node").info("ready")
    assert "ready" in output.getvalue()
    assert "\x1b[" not in output.getvalue()


@pytest.mark.parametrize("name", ["uvicorn.error", "sqlalchemy.engine", "asyncio"])
def test_the_standard_library_goes_the_same_way(output: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("took %d ms", 7)
    [event] = events(output)
    assert (event["event"], event["logger"], event["level"]) == ("took 7 ms", name, "warning")


def test_less_severe_events_are_left_out() -> None:
    output = io.StringIO()
    configure_logging("warning", "json", output)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("a").warning("yes")
    assert [event["event"] for event in events(output)] == ["yes"]


@pytest.mark.parametrize("field", ["key", "stream_key", "password", "token"])
def test_secret_fields_are_masked(output: io.StringIO, field: str) -> None:
    structlog.get_logger("a").info("admitted", **{field: "hunter2"}, nested={field: "hunter2"})
    assert "hunter2" not in output.getvalue()
    assert events(output)[0][field] == "***"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_stream_key_comes_out_wherever_it_stands(log_format: str) -> None:
    output = io.StringIO()
    configure_logging("info", log_format, output)  # type: ignore[arg-type]
    key = generate_key()
    log = structlog.get_logger("a")
    log.info(f"refused {key}", url=f"rtmp://host/live/{key}?a", parts=[{"path": key}], error=ValueError(key))
    logging.getLogger("b").warning("lost %s", key)
    try:
        raise ValueError(key)
    except ValueError:
        log.exception("failed")
        logging.getLogger("b").exception("failed")
    assert key not in output.getvalue()
    assert "pk_***" in output.getvalue()
    assert "ValueError" in output.getvalue()
