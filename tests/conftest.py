"""Fixtures every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgresqlServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--player-seconds", type=int, default=15, help="how long tests/browser has other players play")
    parser.addoption(
        "--conformance-minutes", type=float, default=1.0, help="how long tests/conformance follows a stream"
    )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One for all tests; each takes databases of its own."""
    with PostgresqlServer() as server:
        yield server
