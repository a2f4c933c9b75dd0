"""Warm worker processes, so that a publisher's renditions begin at once.

Strategy: a spare is a process that has loaded its libraries and waits. One that is taken is replaced a little later,
because starting a process takes a core just when the new stream needs it most. A spare that dies is not replaced
before the next is taken: a machine on which workers cannot live must not be kept busy with starting them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from pinkmedia.errors import EnvironmentFault
from transcode import sandbox
from transcode.encoder_kinds import Family
from transcode.supervisor import LadderSink, TranscodeWorker

__all__ = ["LadderSink", "PoolLoad", "TranscodeWorker", "WorkerPool"]

log = structlog.get_logger(__name__)

REPLACEMENT_DELAY_SECONDS = 3.0
"""Until a new stream has its first segment; a second publisher within that time waits for a process to start."""


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """What all worker processes of a node cost, as far as they have reported it."""

    transcoding: int
    """Processes taken, the spares not counted."""
    cpu_seconds: float
    """Used so far, those that have ended included."""
    resident_bytes: int
    lag_seconds: float
    """Of the worker that is farthest behind real time; 0 without any."""
    pictures_waiting: int
    """In front of all encoders."""


class WorkerPool:
    """All worker processes of a node. Lives in its event loop."""

    def __init__(self, spares: int = 1, encoder: str = Family.SOFTWARE) -> None:
        """``spares`` processes are kept warm. ``encoder`` is one of `encoder_choice.ENCODER_WISHES`."""
        self._encoder = encoder
        self._spare_count = spares
        self._spares: list[TranscodeWorker] = []
        self._workers: set[TranscodeWorker] = set()
        self._replacement: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._ended_cpu_seconds = 0.0

    @property
    def load(self) -> PoolLoad:
        """Now."""
        taken = self._workers.difference(self._spares)
        reports = [worker.progress for worker in self._workers if worker.progress is not None]
        return PoolLoad(
            transcoding=len(taken),
            cpu_seconds=self._ended_cpu_seconds + sum(report.cpu_seconds for report in reports),
            resident_bytes=sum(report.resident_bytes for report in reports),
            lag_seconds=max((worker.lag_seconds for worker in taken), default=0.0),
            pictures_waiting=sum(report.pictures_waiting for report in reports),
        )

    async def start(self) -> None:
        """Starts the spares, and lets one say what this machine can do.

        Raises EnvironmentFault when workers cannot start or lack a codec.
        """
        self._replenish()
        probe = self._spares[0] if self._spares else self._spawn()
        await probe.wait_until_warm()
        if probe not in self._spares:
            probe.kill()
        if probe.missing_codecs:
            await self.close()
            missing = ", ".join(probe.missing_codecs)
            raise EnvironmentFault(f"FFmpeg lacks {missing}: install PyAV's own wheel")
        if missing_measures := sandbox.missing_measures(probe.sandbox):
            log.warning("workers_less_confined", missing=missing_measures, advice="pinkmedia doctor tells what to do")
        if probe.missing_decoders:
            log.warning("sources_not_transcodable", missing_decoders=probe.missing_decoders)
        if self._encoder != Family.SOFTWARE:
            log.info("hardware_encoders", wanted=self._encoder, found=probe.hardware_encoders)

    def take(self) -> TranscodeWorker:
        """A warm worker, or one that is still starting; the caller drains or kills it."""
        worker = next((spare for spare in self._spares if spare.is_warm), None)
        if worker is None:
            worker = self._spares[0] if self._spares else self._spawn()
        if worker in self._spares:
            self._spares.remove(worker)
        self._replenish_later()
        return worker

    async def close(self) -> None:
        """Kills and reaps all workers, taken or not."""
        self._is_closed = True
        if self._replacement is not None:
            self._replacement.cancel()
        workers = list(self._workers)
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(worker.wait_until_reaped() for worker in workers))

    def _replenish_later(self) -> None:
        if self._replacement is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._replacement = loop.call_later(REPLACEMENT_DELAY_SECONDS, self._replenish)

    def _replenish(self) -> None:
        self._replacement = None
        while len(self._spares) < self._spare_count:
            self._spares.append(self._spawn())

    def _spawn(self) -> TranscodeWorker:
        worker = TranscodeWorker(self._forget, self._encoder)
        self._workers.add(worker)
        return worker

    def _forget(self, worker: TranscodeWorker) -> None:
        self._workers.discard(worker)
        if worker.progress is not None:
            self._ended_cpu_seconds += worker.progress.cpu_seconds
        if worker in self._spares:
            self._spares.remove(worker)
