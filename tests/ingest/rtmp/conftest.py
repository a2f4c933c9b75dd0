"""A server on a port of its own, whose door remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ingest.admission import Reception
from ingest.rtmp.server import RtmpServer
from tests.ingest.recording import RecordingDoor


@pytest.fixture
def door() -> RecordingDoor:
    return RecordingDoor()


@pytest.fixture
async def server(door: RecordingDoor) -> AsyncIterator[RtmpServer]:
    server = RtmpServer(Reception(door))
    await server.start("127.0.0.1", 0)
    yield server
    await server.close("test is over")
    assert server.connection_count == 0
