"""The encoded rungs and sounds of one source: a worker process, and another one when it dies.

A worker can only start at a key frame, and what it makes must begin a segment. So a new one is taken at the next
boundary, which is then a discontinuity in every rendition; the rungs miss what lies between, and nothing else does.

    RUNNING ─ worker gone ─► RESTARTING ─ wait over, next boundary ─► RUNNING
                                  └─ one failure too many ─► GIVEN_UP, until the publisher comes anew

The first restart comes at once, because a single fault is over; later ones wait longer and longer, because each costs
all viewers a discontinuity and the machine a process. Rungs that were given up are not tried again before the publisher
reconnects: what has failed so often fails again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.media import Packet, PictureSheet, Rendition, VideoTrack
from pinkmedia.tiers import Tier
from transcode.ladder import HdrHandling, Rung
from transcode.pool import TranscodeWorker
from transcode.sound_rung import SoundRung
from transcode.stills import Stills

RESTART_WAITS_SECONDS = (0.0, 2.0, 5.0, 15.0)
"""After the first failure in a row, the second, and so on; the restart is at the first boundary after that."""
MOST_FAILURES_IN_A_ROW = len(RESTART_WAITS_SECONDS) + 1
"""Workers that die one after another: the source cannot be encoded, or not in time; the rungs are given up."""
STEADY_SECONDS = 30.0
"""A worker that lived as long was a good one: its end is the first failure again."""

log = structlog.get_logger(__name__)


class EncodingState(StrEnum):
    """How a stream's rungs fare, as the API says it."""

    NONE = "none"
    """None are encoded: not wanted, not needed, or the source has not begun."""
    RUNNING = "running"
    RESTARTING = "restarting"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class EncodingStatus:
    """What operators are shown."""

    state: EncodingState
    problem: str | None = None
    """Why the last worker failed; None when none has since the source began."""


NOT_ENCODING = EncodingStatus(EncodingState.NONE)


class EncodingSink(Protocol):
    """Where the rungs' media goes."""

    def add_rendition(self, rendition: Rendition) -> None: ...

    def write(self, rendition_name: str, packet: Packet) -> None: ...

    def withdraw(self, rendition_name: str, *, is_dormant: bool = False) -> None: ...

    def was_asked_for(self, rendition_name: str, since: float) -> bool: ...

    def give_up(self, rendition_name: str) -> None: ...

    def show(self, thumbnail: bytes, sheet: PictureSheet) -> None: ...


class Encoding:
    """Keeps one worker on a source, as long as that makes sense."""

    def __init__(
        self,
        host: EncoderHost,
        source: VideoTrack | None,
        rungs: Sequence[Rung],
        sink: EncodingSink,
        *,
        sounds: Sequence[SoundRung] = (),
        on_sound: Callable[[str, Packet], None] | None = None,
        stream_name: str,
        tier: Tier,
        essential: frozenset[str] = frozenset(),
        hdr: HdrHandling = "tone_map",
        on_restart: Callable[[], None],
        on_given_up: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``source`` is what the rungs are made of, if there are any; ``on_sound`` takes what is made of ``sounds``, by
        the rendition's name. ``essential`` rungs are made however little processor there is. ``on_given_up`` is told
        why, once, after the sink was told of every rendition."""
        self._host = host
        self.source = source
        self.rungs = tuple(rungs)
        self._sounds = sounds
        self._sound_names = {sound.name for sound in sounds}
        self._on_sound = on_sound
        self._track_ids = {sound.source.track_id for sound in sounds} | ({source.track_id} if source else set())
        self.stream_name = stream_name
        self.tier = tier
        self.essential = essential
        self._hdr = hdr
        self._has_lost_hardware = False
        self.selected = frozenset(rung.name for rung in rungs)
        """The rungs that are wanted now, by name."""
        self._encoded = self.selected
        """Those that the worker knows of."""
        self._paused: set[str] = set()
        self._dormant: frozenset[str] = frozenset()
        self._past_cpu_seconds = 0.0
        """Of workers that are gone, less what they had used as spares."""
        self._sink = sink
        self._on_restart = on_restart
        self._on_given_up = on_given_up
        self._clock = clock
        self._failures_in_a_row = 0
        self._taken_at = 0.0
        self._restart_at = 0.0
        self._worker: TranscodeWorker | None = None
        self._state = EncodingState.RUNNING
        self._problem: str | None = None
        self._log = log.bind(stream=stream_name)
        host.governor.add(self)
        self._take_worker()

    @property
    def needs_restart(self) -> bool:
        """The worker is gone: the next boundary should be a discontinuity, and `restart` be called there."""
        return self._state is EncodingState.RESTARTING and self._clock() >= self._restart_at

    @property
    def lost_names(self) -> tuple[str, ...]:
        """The renditions for which nothing comes, because there is no worker."""
        return self._rendition_names if self._state is EncodingState.RESTARTING else ()

    @property
    def _rendition_names(self) -> tuple[str, ...]:
        return (*(rung.name for rung in self.rungs), *self._sound_names)

    @property
    def status(self) -> EncodingStatus:
        return EncodingStatus(self._state, self._problem)

    @property
    def lag_seconds(self) -> float:
        """How far the rungs are behind real time; 0 without a worker, or with one that hangs: that will be replaced."""
        worker = self._worker
        return worker.lag_seconds if worker is not None and worker.is_reporting else 0.0

    @property
    def cpu_seconds(self) -> float:
        """Used by all its workers, as they have reported."""
        return self._past_cpu_seconds + self._reported_cpu_seconds()

    def watched(self, seconds: float) -> frozenset[str]:
        """The rungs that a player has asked for within so many seconds."""
        since = self._clock() - seconds
        return frozenset(rung.name for rung in self.rungs if self._sink.was_asked_for(rung.name, since))

    def select(self, names: frozenset[str], *, dormant: frozenset[str]) -> None:
        """Only these rungs from the next segment on; ``dormant`` ones are still offered to players."""
        if names != self.selected:
            self._log.info("rungs_selected", rungs=sorted(names), dormant=sorted(dormant))
        changed = dormant ^ self._dormant
        self.selected, self._dormant = names, dormant
        for name in (changed & self._paused) - names:  # a selected one comes back by itself
            self._sink.withdraw(name, is_dormant=name in dormant)

    def restart(self) -> None:
        """Takes a new worker; the next packet written is a key frame."""
        self._state = EncodingState.RUNNING
        self._on_restart()
        self._take_worker()

    def begin_segment_at(self, pts_ticks: int) -> None:
        if self._worker is None:
            return
        self._worker.force_idr_at(pts_ticks)
        if self.selected != self._encoded:
            self._encoded = self.selected
            self._paused -= self.selected
            self._worker.select_rungs_at(pts_ticks, self.selected)

    def write_source(self, packet: Packet) -> None:
        """Of a track that is not encoded, nothing is done."""
        if self._worker is not None and packet.track_id in self._track_ids:
            self._worker.write(packet)

    async def drain(self, timeout_seconds: float) -> None:
        """Delivers what is still inside the encoders, then ends the worker."""
        worker = self._release_worker()
        self._state = EncodingState.NONE
        self._host.governor.remove(self)
        if worker is not None:
            await worker.drain(timeout_seconds)

    def kill(self) -> None:
        """Ends the worker at once; what it had not delivered is lost."""
        worker = self._release_worker()
        self._state = EncodingState.NONE
        self._host.governor.remove(self)
        if worker is not None:
            worker.kill()

    def _take_worker(self) -> None:
        self._taken_at = self._clock()
        try:
            self._worker = self._host.pool.take()
        except OSError as error:
            self.on_failure(f"worker cannot be started: {error.strerror}")
            return
        self._encoded = frozenset(rung.name for rung in self.rungs)
        self._paused -= self.selected
        self._past_cpu_seconds -= self._reported_cpu_seconds()
        self._worker.configure(
            *(self.source, self.rungs, self),
            sounds=self._sounds,
            stream_name=self.stream_name,
            hdr=self._hdr,
            is_in_software=self._has_lost_hardware,
        )

    def _release_worker(self) -> TranscodeWorker | None:
        self._past_cpu_seconds += self._reported_cpu_seconds()
        worker, self._worker = self._worker, None
        return worker

    def _reported_cpu_seconds(self) -> float:
        progress = None if self._worker is None else self._worker.progress
        return 0.0 if progress is None else progress.cpu_seconds

    # What the worker calls:

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        if self._worker is not None:
            self._log.info("worker_started", pid=self._worker.pid, rungs=[rung.name for rung in self.rungs])
        for rendition in renditions:
            self._sink.add_rendition(rendition)
        for name in self._paused:  # before they had begun
            self._sink.withdraw(name, is_dormant=name in self._dormant)

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        if self._on_sound is not None and rendition_name in self._sound_names:
            self._on_sound(rendition_name, packet)
        else:
            self._sink.write(rendition_name, packet)

    def on_rung_paused(self, rendition_name: str) -> None:
        if rendition_name not in self.selected:  # otherwise it comes back with the next segment
            self._paused.add(rendition_name)
            self._sink.withdraw(rendition_name, is_dormant=rendition_name in self._dormant)

    def on_stills(self, stills: Stills) -> None:
        self._sink.show(stills.thumbnail, stills.sheet)

    def on_failure(self, reason: str) -> None:
        worker = self._release_worker()
        if worker is not None and worker.has_hardware:
            self._has_lost_hardware = True  # its device may be gone, or taken
        self._problem = reason
        has_lived = self._clock() - self._taken_at >= STEADY_SECONDS
        self._failures_in_a_row = 1 if has_lived else self._failures_in_a_row + 1
        self._log.warning("worker_failed", reason=reason, failures_in_a_row=self._failures_in_a_row)
        if self._failures_in_a_row < MOST_FAILURES_IN_A_ROW:
            self._state = EncodingState.RESTARTING
            self._restart_at = self._clock() + RESTART_WAITS_SECONDS[self._failures_in_a_row - 1]
        else:
            self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        self._state = EncodingState.GIVEN_UP
        self._host.governor.remove(self)
        self._log.error(
            "encoding_given_up",
            reason=reason,
            failures_in_a_row=self._failures_in_a_row,
            advice="what is passed through goes on; mend what the reason says, then have the publisher reconnect",
        )
        for name in self._rendition_names:
            self._sink.give_up(name)
        self._on_given_up(reason)
