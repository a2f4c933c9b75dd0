"""A directory with a real store, without transcoding; and publishers that write regular packets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from packager.layout import PackagerSettings
from pinkmedia.database.engine import Database
from pinkmedia.database.streams import StreamStore
from pinkmedia.ladder_settings import DEFAULT_LADDER, RungSettings
from pinkmedia.live import broadcast as broadcast_module
from pinkmedia.live import directory as directory_module
from pinkmedia.live.broadcast import BroadcastSettings
from pinkmedia.live.directory import LiveDirectory
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.governor import Governor, GovernorSettings
from pinkmedia.media import Part, Rendition
from pinkmedia.publishing import Publication, PublishRequest
from pinkmedia.settings import Settings
from transcode.pool import WorkerPool


class CountedParts:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.parts: dict[str, int] = {}
        self.restarts = 0
        self.given_up = 0

    def part_published(self, rendition: Rendition, part: Part) -> None:
        self.parts[rendition.name] = self.parts.get(rendition.name, 0) + 1

    def worker_restarted(self) -> None:
        self.restarts += 1

    def encoding_given_up(self) -> None:
        self.given_up += 1


class Site:
    """A directory and the key of its one stream, alice."""

    def __init__(self, directory: LiveDirectory, store: StreamStore, key: str, metrics: CountedParts) -> None:
        self.directory = directory
        self.store = store
        self.key = key
        self.metrics = metrics
        self.disconnected: list[str] = []

    async def publish(self, key: str | None = None) -> Publication:
        request = PublishRequest("rtmp", key or self.key, "127.0.0.1", self.disconnected.append)
        return await self.directory.admit(request)


@pytest.fixture
def grace_seconds() -> float:
    return 30.0


@pytest.fixture
def longest_seconds() -> float | None:
    return None


@pytest.fixture
def is_transcoding() -> bool:
    return False


@pytest.fixture
def ladder() -> tuple[RungSettings, ...]:
    return DEFAULT_LADDER


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    """Started only by those who transcode."""
    pool = WorkerPool()
    yield pool
    await pool.close()


@pytest.fixture
async def site(
    tmp_path: Path,
    pool: WorkerPool,
    grace_seconds: float,
    longest_seconds: float | None,
    is_transcoding: bool,
    ladder: tuple[RungSettings, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Site]:
    monkeypatch.setattr(directory_module, "STREAM_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(broadcast_module, "DRAIN_SECONDS", 30.0)  # however busy the machine is
    database = await Database.open(tmp_path)
    store = StreamStore(database)
    _, key = await store.create("alice")
    metrics = CountedParts()
    settings = BroadcastSettings(
        PackagerSettings(), reconnect_grace_seconds=grace_seconds, longest_seconds=longest_seconds
    )
    tiers = Settings(transcode=is_transcoding, ladder=ladder).tier_limits()
    governor = Governor(GovernorSettings(cores=64.0, max_workers=64))
    directory = LiveDirectory(store, settings, tiers, EncoderHost(pool, governor), metrics)
    await directory.start()
    yield Site(directory, store, key, metrics)
    await directory.close("the test is over")
    await database.close()
