"""Segments that memory does not hold any more, on disk: how far viewers can rewind.

    root/epoch/rendition/seg-N.m4s

Strategy: one task writes and deletes for all streams, in a thread, so that a slow disk never delays live media;
what waits for it is bounded. When the disk is full, fails, or cannot keep up, a presentation's windows are cut down to
what memory holds, the log says so, and a while later it is tried again. A disk that stands still is not waited for at
the end, either. Nothing on disk outlives the process: every presentation's promises end with it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import aiofiles
import aiofiles.os
import structlog

from packager.segment import Segment
from packager.window import Window
from pinkmedia.disk_threads import DiskThreads
from pinkmedia.errors import EnvironmentFault

MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Of all streams, between memory and disk: some seconds of ten ladders."""
LEAST_FREE_BYTES = 1024 * 1024 * 1024
"""Of the disk, left for the database and everybody else."""
PAUSE_SECONDS = 60.0
"""After a failure, until it is tried again."""
CLOSE_SECONDS = 5.0
"""For the last write and for emptying the folder, at the end; what is left is removed at the next start."""

_Job: TypeAlias = "_Write | _Remove"

log = structlog.get_logger(__name__)


class _Write:
    """A segment on its way to disk."""

    def __init__(self, archive: PresentationArchive, window: Window, segment: Segment) -> None:
        self.archive, self.window, self.segment = archive, window, segment
        self.size_bytes = segment.size_bytes
        self.is_wanted = True


class _Remove:
    """A file, or a folder with all that is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path


class DvrStore:
    """The folder of all streams of a node, which nobody else uses."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._thread: Executor = DiskThreads(1)
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._waiting_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Raises EnvironmentFault when the folder cannot be used."""
        try:
            await self._call(_make_empty, self._root)
        except OSError as error:
            raise EnvironmentFault(f"cannot use the folder {self._root} for rewinding: {error.strerror}") from None
        self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """What waits is not written any more; the folder is emptied."""
        self._is_closing = True
        if self._worker is None:
            return
        self._jobs.put_nowait(None)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._worker
                await self._call(_remove_all, self._root)
        except TimeoutError:
            advice = "see whether the disk still answers; the folder is emptied at the next start"
            log.warning("dvr_not_emptied", folder=str(self._root), seconds=CLOSE_SECONDS, advice=advice)

    def archive(self, stream_name: str, epoch: str) -> PresentationArchive:
        """That of a new presentation."""
        return PresentationArchive(self, self._root / epoch, stream_name)

    @property
    def has_room(self) -> bool:
        return self._waiting_bytes < MOST_WAITING_BYTES

    def submit(self, job: _Job) -> None:
        if isinstance(job, _Write):
            self._waiting_bytes += job.size_bytes
        self._jobs.put_nowait(job)

    def now(self) -> float:
        return self._clock()

    async def _work(self) -> None:
        while (job := await self._jobs.get()) is not None:
            if isinstance(job, _Write):
                if not self._is_closing:
                    await job.archive.write(job, self._thread)
                self._waiting_bytes -= job.size_bytes
            elif not self._is_closing:
                await self._call(_remove, job.path)

    async def _call(self, function: Callable[[Path], None], path: Path) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, function, path)


class PresentationArchive:
    """What one presentation has on disk (`packager.window.SegmentArchive`)."""

    def __init__(self, store: DvrStore, folder: Path, stream_name: str) -> None:
        self._store = store
        self._folder = folder
        self._log = log.bind(stream=stream_name)
        self._waiting: dict[int, _Write] = {}
        """By the segment's identity."""
        self._windows: dict[int, tuple[Window, int]] = {}
        """With the newest segment that was to be kept, by the window's identity."""
        self._paused_until = 0.0

    def keep(self, window: Window, segment: Segment) -> None:
        self._windows[id(window)] = window, segment.msn
        if self._store.now() < self._paused_until:
            window.cut(segment.msn)
        elif segment.is_gap:
            pass  # it has no bytes
        elif not self._store.has_room:
            self._fail("the disk is too slow")
        else:
            self._waiting[id(segment)] = job = _Write(self, window, segment)
            self._store.submit(job)

    def forget(self, segment: Segment) -> None:
        waiting = self._waiting.pop(id(segment), None)
        if waiting is not None:
            waiting.is_wanted = False
        if segment.stored_at is not None:
            self._store.submit(_Remove(segment.stored_at))

    def close(self) -> None:
        """The presentation is not served any more."""
        self._give_up_waiting()
        self._store.submit(_Remove(self._folder))

    async def write(self, job: _Write, thread: Executor) -> None:
        """Called by the store, one after another."""
        if not job.is_wanted:
            return
        path = self._folder / job.window.rendition.name / job.segment.uri
        try:
            await _write(path, job.segment.chunks, thread)
        except OSError as error:
            self._fail(error.strerror or type(error).__name__)
            self._store.submit(_Remove(path))
        else:
            self._written(job, path)

    def _written(self, job: _Write, path: Path) -> None:
        if job.is_wanted:
            del self._waiting[id(job.segment)]
            job.window.store(job.segment, path)
        else:
            self._store.submit(_Remove(path))

    def _fail(self, reason: str) -> None:
        """Viewers can rewind as far as memory goes, and no farther."""
        self._paused_until = self._store.now() + PAUSE_SECONDS
        advice = "viewers can hardly rewind; free the disk, or lower the tiers' dvr_seconds"
        self._log.warning("dvr_paused", reason=reason, seconds=PAUSE_SECONDS, advice=advice)
        self._give_up_waiting()
        for window, newest_msn in list(self._windows.values()):
            window.cut(newest_msn)

    def _give_up_waiting(self) -> None:
        for waiting in self._waiting.values():
            waiting.is_wanted = False
        self._waiting.clear()


def _make_empty(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in root.iterdir():
        _remove(path)


def _remove_all(root: Path) -> None:
    """The folder itself stays where it is another disk's."""
    _make_empty(root)
    with suppress(OSError):
        root.rmdir()


async def _write(path: Path, chunks: tuple[bytes, ...], thread: Executor) -> None:
    await aiofiles.os.makedirs(path.parent, mode=0o700, exist_ok=True, executor=thread)
    free_bytes = await asyncio.get_running_loop().run_in_executor(thread, _free_bytes, path.parent)
    if free_bytes < LEAST_FREE_BYTES:
        raise OSError(None, f"less than {LEAST_FREE_BYTES // 1024**2} MiB of the disk are free")
    async with aiofiles.open(path, "wb", executor=thread) as file:
        await file.writelines(chunks)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _remove(path: Path) -> None:
    """As far as the disk lets us: what stays is removed at the next start."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
