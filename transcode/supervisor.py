"""The node's side of one worker process.

    starting ─► warm ─► configured ─► draining ─► over
                            └──── failed, killed ───┘

Strategy: one end of a socket pair is served by the event loop's reader and writer callbacks, so that configuring and
writing need no await and work while the process is still starting: what it cannot take yet waits in the outbox. One
task per process starts it, logs what it writes on standard error, and reaps it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.errors import EnvironmentFault, PinkmediaError
from pinkmedia.media import Packet, Rendition, VideoTrack
from transcode.ladder import Rung
from transcode.messages import Configure, Drain, Drained, Failed, ForceIdr, Hello, Message, Opened, parse_message
from transcode.outbox import Outbox
from transcode.sound_rung import SoundRung
from transcode.wire import SOUND_TRACK_ID, THUMBNAIL_TRACK_ID, WireError, WireReader

READ_BYTES = 256 * 1024
"""What is asked of the socket at once: more than it ever holds."""
MAX_THUMBNAIL_BYTES = 512 * 1024
"""Ten times what one has: noise at its worst."""
JPEG_START = b"\xff\xd8"
"""Start of image (ITU-T T.81 §B.1.1.3): the node serves it, and must not serve anything else."""
LOG_LINE_CHARACTERS = 500
"""What is kept of a line on the worker's standard error."""

log = structlog.get_logger(__name__)


class LadderSink(Protocol):
    """Takes what a worker makes. Every call comes from the event loop."""

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        """The encoders are open; before any packet."""

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        """One encoded access unit, with the source picture's times; or sound, which may come before any rendition."""

    def on_thumbnail(self, jpeg: bytes) -> None:
        """A still picture of now."""

    def on_failure(self, reason: str) -> None:
        """The worker is gone. At most once; nothing comes after it."""


class TranscodeWorker:
    """One worker process and the way to it."""

    def __init__(self, on_end: Callable[[TranscodeWorker], None]) -> None:
        """Starts the process; ``on_end`` is called once it is reaped. Needs a running event loop."""
        self.missing_codecs: tuple[str, ...] = ()
        self.missing_decoders: tuple[str, ...] = ()
        self.is_warm = False
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._sink: LadderSink | None = None
        self._rungs: tuple[Rung, ...] = ()
        self._sound_names: dict[int, str] = {}
        """By the track id of their packets."""
        self._is_over = False
        self._is_open = True
        self._greeted = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._near, far = socket.socketpair()
        self._near.setblocking(False)
        self._outbox = Outbox(self._near)
        self._reader = WireReader()
        self._loop.add_reader(self._near, self._on_readable)
        self._task = self._loop.create_task(self._run(far))

    @property
    def pid(self) -> int | None:
        """None while the process is being started."""
        return None if self._process is None else self._process.pid

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
    ) -> None:
        """What to encode, and who takes it. Once, before anything is written. Without rungs there needs no source."""
        self._log = log.bind(stream=stream_name) if stream_name else log
        self._rungs = tuple(rungs)
        self._sound_names = {SOUND_TRACK_ID + index: sound.name for index, sound in enumerate(sounds)}
        self._sink = sink
        self._send(Configure(source, self._rungs, tuple(sounds)))

    def force_idr_at(self, pts_ticks: int) -> None:
        """The first picture shown at or after this time becomes an IDR picture in every rung.

        Say so before that picture's packet is written. Several may be pending.
        """
        self._send(ForceIdr(pts_ticks))

    def write(self, packet: Packet) -> None:
        """One access unit of the source's leader, or of an audio track; never waits.

        A worker that falls too far behind fails.
        """
        if self._is_over or not self._is_open:
            return
        try:
            self._outbox.push_packet(packet)
        except WireError as error:
            self._log.warning("packet_not_transcoded", reason=str(error))
            return
        self._flush()
        if self._outbox.is_overfull:
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

    # Sending

    def _send(self, message: Message) -> None:
        if self._is_open and not self._is_over:
            self._outbox.push_control(message.to_fields())
            self._flush()

    def _flush(self) -> None:
        try:
            self._outbox.send()
        except OSError:  # the process is gone: what it said last is still to be read, then the reader sees the end
            self._loop.remove_writer(self._near)
            return
        if self._outbox.is_empty:
            self._loop.remove_writer(self._near)
        else:
            self._loop.add_writer(self._near, self._flush)

    # Receiving

    def _on_readable(self) -> None:
        try:
            data = self._near.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            data = b""
        if data:
            self._receive(data)
        else:
            self._hang_up()

    def _receive(self, data: bytes) -> None:
        try:
            for item in self._reader.feed(data):
                if isinstance(item, Packet):
                    self._deliver(item)
                else:
                    self._handle(parse_message(item))
        except PinkmediaError as error:
            self._fail(f"worker sent what it must not: {error}")

    def _deliver(self, packet: Packet) -> None:
        if packet.track_id == THUMBNAIL_TRACK_ID:
            self._deliver_thumbnail(bytes(packet.payload))
            return
        name = self._sound_names.get(packet.track_id)
        if name is None:
            if not 1 <= packet.track_id <= len(self._rungs):
                raise WireError("packet of an unknown rung")
            name = self._rungs[packet.track_id - 1].name
        if self._sink is not None:
            self._sink.on_packet(name, packet)

    def _deliver_thumbnail(self, jpeg: bytes) -> None:
        if not jpeg.startswith(JPEG_START) or len(jpeg) > MAX_THUMBNAIL_BYTES:
            raise WireError("still picture that is none, or too large")
        if self._sink is not None:
            self._sink.on_thumbnail(jpeg)

    def _handle(self, message: Message) -> None:
        match message:
            case Hello(missing_codecs, missing_decoders):
                self.missing_codecs, self.missing_decoders = missing_codecs, missing_decoders
                self.is_warm = True
                self._greeted.set()
            case Opened(configurations):
                self._deliver_renditions(configurations)
            case Drained():
                self._is_over = True
            case Failed(reason):
                self._fail(reason)
            case _:
                raise WireError("message that only the node may send")

    def _deliver_renditions(self, configurations: Sequence[bytes]) -> None:
        if len(configurations) != len(self._rungs):
            raise WireError("configurations do not match the rungs")
        pairs = zip(self._rungs, configurations, strict=True)
        renditions = [_rendition(index + 1, rung, configuration) for index, (rung, configuration) in enumerate(pairs)]
        if self._sink is not None:
            self._sink.on_renditions(renditions)

    # The end

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
        self._hang_up()
        if self._process is not None:
            _kill(self._process)

    def _hang_up(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._near)
            self._loop.remove_writer(self._near)
            self._near.close()
            self._hung_up.set()

    async def _run(self, far: socket.socket) -> None:
        try:
            status = await self._run_process(far)
        except OSError as error:
            self._fail(f"worker cannot be started: {error.strerror}")
        else:
            await self._hung_up.wait()  # what it sent before it ended is still delivered
            self._fail(_describe_exit(status))
        self._greeted.set()
        self._on_end(self)

    async def _run_process(self, far: socket.socket) -> int:
        with far:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "transcode.worker", str(far.fileno())),
                pass_fds=(far.fileno(),),
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        if self._is_over:  # killed before it existed
            _kill(self._process)
        if self._process.stderr is not None:
            await self._log_lines(self._process.stderr)
        return await self._process.wait()

    async def _log_lines(self, stderr: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stderr.readline()
            except ValueError:  # longer than a line may be; the reader has thrown it away
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:LOG_LINE_CHARACTERS]
            self._log.warning("worker_said", pid=self.pid, text=text)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        process.kill()


def _environment() -> dict[str, str]:
    """Nothing of the node's own: it may hold secrets. The worker finds the project where the node has it."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PATH": os.defpath}


def _rendition(track_id: int, rung: Rung, configuration: bytes) -> Rendition:
    track = video_track(AvcConfiguration.parse(configuration), track_id=track_id, frame_rate=rung.frame_rate)
    return Rendition(rung.name, track, rung.bit_rate_bps, is_passthrough=False)


def _describe_exit(status: int) -> str:
    if status < 0:
        return f"worker was killed by {signal.Signals(-status).name}"
    return f"worker exited with status {status}"
