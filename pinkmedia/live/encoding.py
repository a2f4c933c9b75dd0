"""The encoded rungs and sounds of one source: a worker process, and another one when it dies.

A worker can only start at a key frame, and what it makes must begin a segment. So a new one is taken at the next
boundary, which is then a discontinuity in every rendition; the rungs miss what lies between, and nothing else does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from pinkmedia.media import Packet, Rendition, VideoTrack
from transcode.ladder import Rung
from transcode.pool import TranscodeWorker, WorkerPool
from transcode.sound_rung import SoundRung

MOST_FAILURES_IN_A_ROW = 5
"""Workers that die one after another: the source cannot be encoded, or not in time; the rungs are given up."""
STEADY_SECONDS = 30.0
"""A worker that lived as long was a good one: its end is the first failure again."""

log = structlog.get_logger(__name__)


class EncodingSink(Protocol):
    """Where the rungs' media goes."""

    def add_rendition(self, rendition: Rendition) -> None: ...

    def write(self, rendition_name: str, packet: Packet) -> None: ...

    def give_up(self, rendition_name: str) -> None: ...

    def show(self, thumbnail: bytes) -> None: ...


class Encoding:
    """Keeps one worker on a source, as long as that makes sense."""

    def __init__(
        self,
        pool: WorkerPool,
        source: VideoTrack | None,
        rungs: Sequence[Rung],
        sink: EncodingSink,
        *,
        sounds: Sequence[SoundRung] = (),
        stream_name: str,
        on_restart: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._source = source
        self._rungs = rungs
        self._sounds = sounds
        self._names = [rung.name for rung in rungs] + [sound.name for sound in sounds]
        self._track_ids = {sound.source.track_id for sound in sounds}
        if source is not None:
            self._track_ids.add(source.track_id)
        self._sink = sink
        self._stream_name = stream_name
        self._on_restart = on_restart
        self._failures_in_a_row = 0
        self._taken_at = 0.0
        self._worker: TranscodeWorker | None = None
        self._is_given_up = False
        self._log = log.bind(stream=stream_name)
        self._take_worker()

    @property
    def needs_restart(self) -> bool:
        """The worker is gone: the next boundary should be a discontinuity, and `restart` be called there."""
        return self._worker is None and not self._is_given_up

    def restart(self) -> None:
        """Takes a new worker; the next packet written is a key frame."""
        self._on_restart()
        self._take_worker()

    def begin_segment_at(self, pts_ticks: int) -> None:
        if self._worker is not None:
            self._worker.force_idr_at(pts_ticks)

    def write_source(self, packet: Packet) -> None:
        """Of a track that is not encoded, nothing is done."""
        if self._worker is not None and packet.track_id in self._track_ids:
            self._worker.write(packet)

    async def drain(self, timeout_seconds: float) -> None:
        """Delivers what is still inside the encoders, then ends the worker."""
        worker, self._worker = self._worker, None
        self._is_given_up = True
        if worker is not None:
            await worker.drain(timeout_seconds)

    def kill(self) -> None:
        """Ends the worker at once; what it had not delivered is lost."""
        worker, self._worker = self._worker, None
        self._is_given_up = True
        if worker is not None:
            worker.kill()

    def _take_worker(self) -> None:
        self._taken_at = time.monotonic()
        try:
            self._worker = self._pool.take()
        except OSError as error:
            self.on_failure(f"worker cannot be started: {error.strerror}")
            return
        self._worker.configure(self._source, self._rungs, self, sounds=self._sounds, stream_name=self._stream_name)
        self._log.info("worker_started", pid=self._worker.pid, renditions=self._names)

    # What the worker calls:

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        for rendition in renditions:
            self._sink.add_rendition(rendition)

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        self._sink.write(rendition_name, packet)

    def on_thumbnail(self, jpeg: bytes) -> None:
        self._sink.show(jpeg)

    def on_failure(self, reason: str) -> None:
        self._worker = None
        has_lived = time.monotonic() - self._taken_at >= STEADY_SECONDS
        self._failures_in_a_row = 1 if has_lived else self._failures_in_a_row + 1
        self._log.warning("worker_failed", reason=reason, failures_in_a_row=self._failures_in_a_row)
        if self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
            self._is_given_up = True
            self._log.error("encoding_given_up", advice="the rungs end; a passed-through rendition goes on")
            for name in self._names:
                self._sink.give_up(name)
