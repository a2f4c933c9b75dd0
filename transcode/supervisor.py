"""The node's side of one worker process.

    starting ─► warm ─► configured ─► draining ─► over
                            └──── failed, killed ───┘

Strategy: configuring and writing need no await and work while the process is still starting (`transcode.link`). One
task per process starts it, logs what it writes on standard error, and reaps it (`transcode.worker_process`). A timer
looks every second whether it still works (`transcode.watchdog`); one that does not is killed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Packet, Rendition, VideoTrack
from pinkmedia.processes import child
from pinkmedia.processes.frames import WireError
from transcode import worker_process
from transcode.configure import Configure
from transcode.encoder_kinds import Family
from transcode.ladder import HdrHandling, Rung
from transcode.lag import Lag
from transcode.link import WorkerLink
from transcode.messages import (
    Drain,
    Drained,
    Failed,
    ForceIdr,
    Hello,
    Message,
    Opened,
    Progress,
    RungPaused,
    SelectRungs,
)
from transcode.renditions import renditions_of
from transcode.sound_rung import SoundRung
from transcode.stills import Stills
from transcode.watchdog import LOOK_SECONDS, Watchdog
from transcode.wire import SOUND_TRACK_ID, THUMBNAIL_TRACK_ID

REPORT_SECONDS = 1.5
"""Between two reports at most: they come every second."""

log = structlog.get_logger(__name__)


class LadderSink(Protocol):
    """Takes what a worker makes. Every call comes from the event loop."""

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        """The encoders are open; before any packet."""

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        """One encoded access unit, with the source picture's times; or sound, which may come before any rendition."""

    def on_rung_paused(self, rendition_name: str) -> None:
        """It is not selected any more, and this was its last packet."""

    def on_stills(self, stills: Stills) -> None:
        """Still pictures of now."""

    def on_failure(self, reason: str) -> None:
        """The worker is gone. At most once; nothing comes after it."""


class TranscodeWorker:
    """One worker process and the way to it."""

    def __init__(self, on_end: Callable[[TranscodeWorker], None], encoder: str = Family.SOFTWARE) -> None:
        """Starts the process; ``on_end`` is called once it is reaped. Needs a running event loop.

        ``encoder`` is what it is to encode with, if it can: one of `encoder_choice.ENCODER_WISHES`.
        """
        self._encoder = encoder
        self.missing_codecs: tuple[str, ...] = ()
        self.missing_decoders: tuple[str, ...] = ()
        self.sandbox: tuple[str, ...] = ()
        """The measures in force (`transcode.sandbox`), once it is warm."""
        self.hardware_encoders: tuple[str, ...] = ()
        """Those of the wanted kind that work here, once it is warm."""
        self.is_warm = False
        self.has_hardware = False
        """It encodes with a device, which may fail."""
        self.progress: Progress | None = None
        """The newest report; None before the first."""
        self._reported_at = 0.0
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._sink: LadderSink | None = None
        self._rungs: tuple[Rung, ...] = ()
        self._sound_names: dict[int, str] = {}
        """By the track id of their packets."""
        self._sound_sources: set[int] = set()
        self._is_over = False
        self._greeted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._link = WorkerLink(self._receive, self._fail)
        self._lag = Lag()
        self._packets_written = 0
        self._watchdog = Watchdog(self._loop.time())
        self._next_look = self._loop.call_later(LOOK_SECONDS, self._look)
        self._task = self._loop.create_task(self._run())

    @property
    def pid(self) -> int | None:
        """None while the process is being started."""
        return None if self._process is None else self._process.pid

    @property
    def lag_seconds(self) -> float:
        """How far it is behind real time: the slowest rung's, or how long a packet has waited without any answer.

        Well under a second on a machine that keeps up; 0 before the first packet.
        """
        return self._lag.seconds(time.monotonic())

    @property
    def is_reporting(self) -> bool:
        """It has reported as it should: one that does not hangs, or has only begun; it is not slow."""
        return self._loop.time() - self._reported_at <= REPORT_SECONDS

    async def wait_until_warm(self) -> None:
        """Raises EnvironmentFault when the process ends instead."""
        await self._greeted.wait()
        if not self.is_warm:
            raise EnvironmentFault("transcode worker does not start; see the log for its last words")

    def configure(
        self,
        source: VideoTrack | None,
        rungs: Sequence[Rung],
        sink: LadderSink,
        *,
        sounds: Sequence[SoundRung] = (),
        stream_name: str | None = None,
        hdr: HdrHandling = "tone_map",
        is_in_software: bool = False,
    ) -> None:
        """What to encode, and who takes it. Once, before anything is written. Without rungs there needs no source.

        ``is_in_software`` says that no device is to be trusted with it.
        """
        self._log = log.bind(stream=stream_name) if stream_name else log
        self._rungs = tuple(rungs)
        self._sound_sources = {sound.source.track_id for sound in sounds}
        self._sound_names = {SOUND_TRACK_ID + index: sound.name for index, sound in enumerate(sounds)}
        self._sink = sink
        encoder = Family.SOFTWARE if is_in_software else self._encoder
        self._send(Configure(source, self._rungs, hdr, encoder, tuple(sounds)))

    def force_idr_at(self, pts_ticks: int) -> None:
        """The first picture shown at or after this time becomes an IDR picture in every rung.

        Say so before that picture's packet is written. Several may be pending.
        """
        self._send(ForceIdr(pts_ticks))

    def select_rungs_at(self, pts_ticks: int, names: Collection[str]) -> None:
        """From the first picture shown at or after this time on, only these rungs are encoded; at first all are.

        The picture must become an IDR picture. Say so before its packet is written.
        """
        indices = frozenset(index for index, rung in enumerate(self._rungs) if rung.name in names)
        self._lag.expect(is_any=bool(indices))
        self._send(SelectRungs(pts_ticks, indices))

    def write(self, packet: Packet) -> None:
        """One access unit of the source's leader, or of an audio track; never waits.

        A worker that falls too far behind fails.
        """
        if self._is_over or not self._link.is_open:
            return
        try:
            self._link.send_packet(packet)
        except WireError as error:
            self._log.warning("packet_not_transcoded", reason=str(error))
            return
        self._packets_written += 1
        if packet.track_id not in self._sound_sources:  # which would hide that the pictures are late
            self._lag.written(packet)
        if self._link.is_overfull:
            self._fail("worker fell too far behind its source")

    async def drain(self, timeout_seconds: float) -> None:
        """Delivers what is left, within that time, and reaps the process. Nothing may be written afterwards."""
        self._send(Drain())
        try:
            await asyncio.wait_for(asyncio.shield(self._task), timeout_seconds)
        except TimeoutError:
            self._log.warning("worker_drain_timed_out", timeout_seconds=timeout_seconds)
            self.kill()
            await self._task

    def kill(self) -> None:
        """Ends the process at once. The sink hears nothing more."""
        self._sink = None
        self._end()

    async def wait_until_reaped(self) -> None:
        await self._task

    # Sending and receiving

    def _send(self, message: Message) -> None:
        if self._link.is_open and not self._is_over:
            self._link.send(message)

    def _receive(self, item: Message | Packet) -> None:
        if isinstance(item, Packet):
            self._deliver(item)
        else:
            self._handle(item)

    def _deliver(self, packet: Packet) -> None:
        if packet.track_id == THUMBNAIL_TRACK_ID:
            stills = Stills.from_bytes(bytes(packet.payload))
            if self._sink is not None:
                self._sink.on_stills(stills)
            return
        name = self._sound_names.get(packet.track_id)
        if name is None:
            if not 1 <= packet.track_id <= len(self._rungs):
                raise WireError("packet of an unknown rung")
            name = self._rungs[packet.track_id - 1].name
            self._lag.delivered(packet, time.monotonic())
        if self._sink is not None:
            self._sink.on_packet(name, packet)

    def _handle(self, message: Message) -> None:
        match message:
            case Hello():
                self.missing_codecs, self.missing_decoders = message.missing_codecs, message.missing_decoders
                self.sandbox, self.hardware_encoders = message.sandbox, message.hardware_encoders
                self.is_warm = True
                self._watchdog.greet()
                self._greeted.set()
            case Progress():
                self.progress, self._reported_at = message, self._loop.time()
                self._watchdog.hear(message.packets_taken)
            case Opened():
                self._deliver_renditions(message)
            case RungPaused(index):
                self._deliver_pause(index)
            case Drained():
                self._is_over = True
            case Failed(reason):
                self._fail(reason)
            case _:
                raise WireError("message that only the node may send")

    def _deliver_pause(self, index: int) -> None:
        if not 0 <= index < len(self._rungs):
            raise WireError("pause of an unknown rung")
        self._lag.paused(index + 1)
        if self._sink is not None:
            self._sink.on_rung_paused(self._rungs[index].name)

    def _deliver_renditions(self, opened: Opened) -> None:
        self.has_hardware = opened.is_hardware
        for note in opened.notes:
            self._log.warning("encoder_fallback", reason=note)
        renditions = renditions_of(self._rungs, opened)
        if self._sink is not None:
            self._sink.on_renditions(renditions)

    # The end

    def _look(self) -> None:
        if self._is_over:
            return
        problem = self._watchdog.look(self._loop.time(), self._packets_written)
        if problem is not None:
            self._fail(problem)
        else:
            self._next_look = self._loop.call_later(LOOK_SECONDS, self._look)

    def _fail(self, reason: str) -> None:
        if self._is_over:
            return
        self._end()
        # Not from within the caller's write(): it would find its worker gone when the call returns.
        self._loop.call_soon(self._report_failure, reason)

    def _report_failure(self, reason: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.on_failure(reason)

    def _end(self) -> None:
        self._is_over = True
        self._next_look.cancel()
        self._link.close()
        if self._process is not None:
            child.kill(self._process)

    async def _run(self) -> None:
        try:
            status = await self._run_process()
        except OSError as error:
            self._fail(f"worker cannot be started: {error.strerror}")
        else:
            await self._link.wait_until_closed()  # what it sent before it ended is still delivered
            self._fail(child.describe_exit("worker", status))
        self._greeted.set()
        self._on_end(self)

    async def _run_process(self) -> int:
        with self._link.far as far:
            self._process = await worker_process.start_process(far.fileno(), self._encoder)
        if self._is_over:  # killed before it existed
            child.kill(self._process)
        if self._process.stderr is not None:
            await self._log_lines(self._process.stderr)
        return await self._process.wait()

    async def _log_lines(self, stderr: asyncio.StreamReader) -> None:
        await worker_process.read_lines(
            stderr,
            on_line=lambda text: self._log.warning("worker_said", pid=self.pid, text=text),
            on_left_out=lambda lines: self._log.warning("worker_said_more", pid=self.pid, lines_left_out=lines),
        )
