"""A running server and something to publish to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ServerProcess, make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of 720p30, so that a rung is encoded beside the passthrough."""
    return make_clip(tmp_path_factory.mktemp("clip") / "720p.mp4", seconds=10, width=1280, height=720)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path) as server:
        yield server
