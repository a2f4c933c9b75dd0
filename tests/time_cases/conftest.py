"""The node that all cases share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ServerProcess
from tests.time_cases.node import TimeNode

WINDOW_SECONDS = 120
"""Media comes many times faster than real time: a long window is what lets the viewer read all of it."""


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeNode]:
    data_dir = tmp_path_factory.mktemp("node")
    with ServerProcess(data_dir, transcode=False, window_seconds=WINDOW_SECONDS) as server:
        yield TimeNode(server, data_dir)


@pytest.fixture
def transcoding_node(tmp_path: Path) -> Iterator[TimeNode]:
    """A node that makes smaller renditions, too: only for real time, because encoders cannot be hurried."""
    with ServerProcess(tmp_path) as server:
        yield TimeNode(server, tmp_path)
