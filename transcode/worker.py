"""The worker process: ``python -m transcode.worker FD [ENCODER]``, with its end of a socket pair as file descriptor FD.

Strategy: it warms up first (libraries loaded, a picture encoded and decoded; where ENCODER asks for hardware, that is
tried out) and says hello; so a spare worker serves a publisher at once. Then the main thread reads and decodes, the
encoders' threads send, and a thread of its own says every second that the process lives, so that the node notices when
it does not. It ends when it was drained, when it failed, or when the socket ends: the node is gone then, or wants no
more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from av import logging
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE, Packet
from pinkmedia.processes.frames import WireError
from transcode.configure import Configure
from transcode.decoder import DECODERS
from transcode.encoder_context import EncoderOpener, quieten_libraries, usable_hardware
from transcode.encoder_kinds import Family
from transcode.engine import Engine, EngineEvents
from transcode.faults import TranscodeFault
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
    parse_message,
)
from transcode.sandbox import enter_sandbox
from transcode.sound_decoder import SOUND_DECODERS
from transcode.sound_threads import Sounds
from transcode.wire import THUMBNAIL_TRACK_ID, WireReader, encode_control, encode_media

READ_BYTES = 256 * 1024
"""What is asked of the socket at once: more than it ever holds."""
HEARTBEAT_SECONDS = 1.0
"""Between two reports of progress: a hang is noticed within a few of them, and one costs next to nothing."""
EXIT_FAULT = 3
"""Exit status after Failed was sent."""
REQUIRED_CODECS: tuple[tuple[str, Literal["r", "w"]], ...] = (("libx264", "w"), ("aac", "w"), ("h264", "r"))
"""Without the encoders there is no rendition; H.264 is what nearly every publisher sends."""
WARM_UP_PIXELS = 64
"""Width and height of the picture that warms the codecs up."""


class Channel:
    """The worker's end of the socket pair; encoders' threads send through it side by side."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._reader = WireReader()

    def send(self, message: Message) -> None:
        with self._lock:
            self._connection.sendall(encode_control(message.to_fields()))

    def send_packet(self, packet: Packet) -> None:
        header, payload = encode_media(packet)
        with self._lock:
            self._connection.sendall(header + payload)

    def received(self) -> Iterator[Message | Packet]:
        """What the node sends, until it hangs up. Raises WireError."""
        while data := self._connection.recv(READ_BYTES):
            for item in self._reader.feed(data):
                yield item if isinstance(item, Packet) else parse_message(item)


class Worker:
    """Obeys the node."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._engine: Engine | None = None
        """None while nothing is configured, or only sound."""
        self._sounds: Sounds | None = None
        self._packets_taken = 0
        self._taken_pts_ticks: int | None = None
        self._delivered_pts_ticks: int | None = None

    def beat(self) -> None:
        """Reports progress every second, until the node hangs up. For a thread of its own."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while True:
                self._channel.send(self._progress())
                time.sleep(HEARTBEAT_SECONDS)

    def _progress(self) -> Progress:
        return Progress(
            cpu_seconds=time.process_time(),
            resident_bytes=resident_bytes(),
            packets_taken=self._packets_taken,
            pictures_waiting=0 if self._engine is None else self._engine.pictures_waiting,
            taken_pts_ticks=self._taken_pts_ticks,
            delivered_pts_ticks=self._delivered_pts_ticks,
        )

    def run(self) -> None:
        """Returns when drained, or when the node has hung up. Raises TranscodeFault, WireError."""
        for item in self._channel.received():
            if isinstance(item, Drain):
                self._drain()
                return
            self._handle(item)

    def _handle(self, item: Message | Packet) -> None:
        if isinstance(item, Configure):
            self._configure(item)
        elif self._sounds is None:
            raise WireError("media before configuration")
        elif isinstance(item, Packet):
            self._write(item, self._sounds)
        elif isinstance(item, ForceIdr) and self._engine is not None:
            self._engine.force_idr_at(item.pts_ticks)
        elif isinstance(item, SelectRungs) and self._engine is not None:
            self._engine.select_rungs_at(item.pts_ticks, item.indices)

    def _configure(self, wanted: Configure) -> None:
        self._sounds = Sounds(wanted.sounds, self._channel.send_packet)
        if wanted.source is not None and wanted.rungs:
            opener = EncoderOpener(wanted.encoder)
            self._engine = Engine(wanted.source, wanted.rungs, self._events(opener), opener, hdr=wanted.hdr)

    def _write(self, packet: Packet, sounds: Sounds) -> None:
        if not sounds.write(packet) and self._engine is not None:
            self._engine.write(packet)
            self._taken_pts_ticks = _newest(self._taken_pts_ticks, packet.pts_ticks)
        self._packets_taken += 1

    def _deliver(self, packet: Packet) -> None:
        """From several threads at once: the newest time is exact enough without a lock."""
        self._channel.send_packet(packet)
        if packet.track_id != THUMBNAIL_TRACK_ID:
            self._delivered_pts_ticks = _newest(self._delivered_pts_ticks, packet.pts_ticks)

    def _drain(self) -> None:
        if self._engine is not None:
            self._engine.drain()
        if self._sounds is not None:
            self._sounds.drain()
        self._channel.send(Drained())

    def _events(self, opener: EncoderOpener) -> EngineEvents:
        return EngineEvents(
            on_opened=lambda configurations: self._channel.send(
                Opened(configurations, tuple(opener.opened), tuple(opener.notes))
            ),
            on_packet=self._deliver,
            on_paused=lambda index: self._channel.send(RungPaused(index)),
            on_fault=lambda fault: fail(self._channel, str(fault)),
        )


def _newest(known_ticks: int | None, pts_ticks: int) -> int:
    return pts_ticks if known_ticks is None else max(known_ticks, pts_ticks)


def resident_bytes() -> int:
    """Of this process (proc(5): the second number of ``statm`` counts pages)."""
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - not a file on a disk
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fail(channel: Channel, reason: str) -> None:
    """Tells the node why, and ends the process from whatever thread this is."""
    try:
        channel.send(Failed(reason))
    finally:
        os._exit(EXIT_FAULT)


def fail_with_any_thread(channel: Channel) -> None:
    """No thread is dispensable: what ends one ends the worker, which would only hang without it."""

    def end(arguments: threading.ExceptHookArgs) -> None:
        threading.__excepthook__(arguments)
        fail(channel, f"{arguments.exc_type.__name__} in {arguments.thread and arguments.thread.name}")

    threading.excepthook = end


def warm_up(sandbox: tuple[str, ...], encoder: str = Family.SOFTWARE) -> Hello:
    """Encodes and decodes a picture, and more with hardware encoders of that kind; says which codecs are missing, and
    what of the sandbox is in force."""
    missing_codecs = tuple(name for name, mode in REQUIRED_CODECS if not _has_codec(name, mode))
    if not missing_codecs:
        _encode_and_decode()
    decoders = (*DECODERS.values(), *SOUND_DECODERS.values())
    missing_decoders = tuple(name for name in decoders if not _has_codec(name, "r"))
    logging.set_libav_level(logging.PANIC)  # what does not work here is told in one line, not in FFmpeg's many
    hardware_encoders = usable_hardware(encoder)
    logging.set_libav_level(logging.WARNING)
    return Hello(missing_codecs, missing_decoders, sandbox, hardware_encoders)


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        CodecContext.create(name, mode)
    except UnknownCodecError:
        return False
    return True


def _encode_and_decode() -> None:
    encoder = CodecContext.create("libx264", "w")
    encoder.width = encoder.height = WARM_UP_PIXELS
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, VIDEO_TIMESCALE)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    decoder = CodecContext.create("h264", "r")
    for unit in encoder.encode(VideoFrame(WARM_UP_PIXELS, WARM_UP_PIXELS, "yuv420p")):
        decoder.decode(unit)


def let_ffmpeg_speak() -> None:
    """Its warnings go to standard error, by its own hand: PyAV's way through Python could lock threads up."""
    logging.restore_default_callback()
    logging.set_libav_level(logging.WARNING)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is for the node, which ends its workers itself
    sandbox = enter_sandbox()
    let_ffmpeg_speak()
    quieten_libraries()
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    fail_with_any_thread(channel)
    try:
        worker = Worker(channel)
        threading.Thread(target=worker.beat, name="heartbeat", daemon=True).start()
        channel.send(warm_up(sandbox, *sys.argv[2:3]))
        worker.run()
    except MemoryError:
        fail(channel, "out of memory")
    except (TranscodeFault, WireError) as error:
        fail(channel, str(error))
    except (BrokenPipeError, ConnectionResetError):
        return  # the node has gone


if __name__ == "__main__":
    main()
