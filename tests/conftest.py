"""Fixtures every test may use."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--player-seconds", type=int, default=15, help="how long tests/browser has other players play")
    parser.addoption(
        "--conformance-minutes", type=float, default=1.0, help="how long tests/conformance follows a stream"
    )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
