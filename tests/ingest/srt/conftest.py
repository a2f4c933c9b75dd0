"""A transport stream from Debian's ffmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest.srt.clip import make_ts_clip


@pytest.fixture(scope="session")
def ts_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ts_clip(tmp_path_factory.mktemp("clip") / "clip.ts")
