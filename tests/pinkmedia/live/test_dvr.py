"""Rewinding: what memory lets go of is served from disk, and a disk that fails costs nothing but the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from packager.boundaries import Boundaries
from packager.layout import PackagerSettings, plan_layout
from packager.playlist import media_playlist
from packager.rendition import RenditionPackager
from packager.segment import Segment
from packager.window import LINGERING_SEGMENTS, Window
from pinkmedia.live import dvr as dvr_module
from pinkmedia.live.dvr import PAUSE_SECONDS, DvrStore, PresentationArchive
from pinkmedia.media import Rendition
from tests.packager.samples import VIDEO, ignore_part, video_packets

pytestmark = pytest.mark.anyio

SEGMENT_FRAMES = 60
SEGMENT_SECONDS = 2
MEMORY_SECONDS = 12
DVR_SECONDS = 60
HELD = 8
"""Segments in memory: twelve seconds, the one that reaches beyond them, and the open one."""


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[DvrStore]:
    store = DvrStore(tmp_path / "dvr", clock=clock)
    await store.start()
    yield store
    await store.close()
    assert not (tmp_path / "dvr").exists()


class Recording:
    """One rendition that is archived."""

    def __init__(self, archive: PresentationArchive, payload_bytes: int = 10) -> None:
        settings = PackagerSettings(window_seconds=MEMORY_SECONDS, dvr_seconds=DVR_SECONDS)
        layout = plan_layout(settings, [VIDEO], SEGMENT_SECONDS)
        self._boundaries = Boundaries()
        rendition = Rendition("720p", VIDEO, 2_500_000, is_passthrough=True)
        self._packager = RenditionPackager(rendition, layout, self._boundaries, on_part=ignore_part, archive=archive)
        self._count = 0
        self.sent: dict[int, bytes] = {}
        """The bytes of every segment, as memory had them."""

    @property
    def window(self) -> Window:
        return self._packager.window

    def record(self, segments: int) -> None:
        for _ in range(segments):
            start_ticks = 90_000 + self._count * SEGMENT_SECONDS * 90_000
            self._boundaries.append(start_ticks, has_discontinuity=False)
            for packet in video_packets(SEGMENT_FRAMES, start_ticks=start_ticks):
                self._packager.write(packet)
            self._count += 1
            for segment in self.window.segments:
                if segment.parts:
                    self.sent[segment.msn] = b"".join(segment.chunks)

    @property
    def listed(self) -> list[int]:
        return [segment.msn for segment in self.window.segments]

    @property
    def stored(self) -> list[Segment]:
        return [segment for segment in self.window.segments if segment.stored_at is not None]

    @property
    def held(self) -> list[Segment]:
        return [segment for segment in self.window.segments if segment.parts]


async def until(is_true: Callable[[], bool]) -> None:
    """Waits for the disk."""
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.001)


async def test_what_memory_lets_go_of_is_on_disk(store: DvrStore) -> None:
    recording = Recording(store.archive("alice", "epoch"))
    recording.record(20)
    await until(lambda: len(recording.stored) == 20 - HELD)
    assert recording.listed == list(range(1, 21))
    assert [segment.msn for segment in recording.held] == list(range(21 - HELD, 21))
    for segment in recording.stored:
        assert segment.stored_at is not None
        assert segment.stored_at.read_bytes() == recording.sent[segment.msn]
        assert segment.size_bytes == len(recording.sent[segment.msn])
    text = media_playlist(recording.window, epoch_wall_seconds=0.0, others=[])
    assert [line for line in text.splitlines() if line.startswith("seg-")] == [f"seg-{msn}.m4s" for msn in range(1, 20)]
    assert text.count("#EXT-X-MAP") == 1


async def test_what_leaves_the_window_leaves_the_disk(store: DvrStore, tmp_path: Path) -> None:
    recording = Recording(store.archive("alice", "epoch"))
    recording.record(40)
    listed_whole = DVR_SECONDS // SEGMENT_SECONDS
    assert recording.listed == list(range(41 - listed_whole - 2, 41))
    kept = {f"seg-{msn}.m4s" for msn in range(recording.listed[0] - LINGERING_SEGMENTS, 41 - HELD)}
    await until(lambda: {path.name for path in (tmp_path / "dvr").rglob("*.m4s")} == kept)


async def test_a_presentation_that_is_over_leaves_nothing(store: DvrStore, tmp_path: Path) -> None:
    archive = store.archive("alice", "epoch")
    recording = Recording(archive)
    recording.record(20)
    await until(lambda: len(recording.stored) == 20 - HELD)
    archive.close()
    await until(lambda: not (tmp_path / "dvr" / "epoch").exists())


async def test_what_an_earlier_process_has_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "dvr" / "old").mkdir(parents=True)
    (tmp_path / "dvr" / "old" / "seg-1.m4s").touch()
    store = DvrStore(tmp_path / "dvr")
    await store.start()
    assert list((tmp_path / "dvr").iterdir()) == []
    await store.close()


# A disk that does not serve


async def test_a_full_disk_cuts_the_window_and_is_tried_again(
    store: DvrStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(store.archive("alice", "epoch"))
    recording.record(12)
    await until(lambda: len(recording.stored) == 12 - HELD)
    monkeypatch.setattr(dvr_module, "LEAST_FREE_BYTES", 1 << 62)
    recording.record(1)
    await until(lambda: not recording.stored)
    assert recording.listed == list(range(14 - HELD, 14))
    recording.record(5)
    assert recording.listed == list(range(19 - HELD, 19))
    monkeypatch.undo()
    clock.seconds += PAUSE_SECONDS
    recording.record(5)
    await until(lambda: len(recording.stored) == 5)
    assert recording.listed == list(range(19 - HELD, 24))


async def test_a_disk_that_is_too_slow_is_not_waited_for(store: DvrStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this runs in between: the disk does not get a chance."""
    monkeypatch.setattr(dvr_module, "MOST_WAITING_BYTES", 1)
    recording = Recording(store.archive("alice", "epoch"))
    recording.record(20)
    assert recording.listed == list(range(21 - HELD, 21))


async def test_one_streams_failure_is_not_anothers(store: DvrStore, tmp_path: Path) -> None:
    (tmp_path / "dvr" / "broken").write_text("a file where the folder should be")
    broken, sound = Recording(store.archive("alice", "broken")), Recording(store.archive("bob", "sound"))
    broken.record(10)
    sound.record(10)
    await until(lambda: len(sound.stored) == 10 - HELD)
    assert broken.listed == list(range(11 - HELD, 11))
    assert sound.listed == list(range(1, 11))
