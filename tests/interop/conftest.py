"""One server for all publishers, and a stream of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.playback import Stream
from tests.support import ServerProcess, make_clip


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def stream(server: ServerProcess) -> Iterator[Stream]:
    name = f"interop-{secrets.token_hex(4)}"
    stream = Stream(server, name, server.create_stream(name))
    yield stream
    assert stream.key not in server.log_path.read_text()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds, smaller than every rung: nothing is encoded for it."""
    return make_clip(tmp_path_factory.mktemp("clip") / "360p.mp4", seconds=10, width=640, height=360)
