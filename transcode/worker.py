"""The worker process: ``python -m transcode.worker FD``, with its end of a socket pair as file descriptor FD.

Strategy: it warms up first (libraries loaded, a picture encoded and decoded) and says hello; so a spare worker serves
a publisher at once. Then the main thread reads and decodes, the encoders' threads send. It ends when it was drained,
when it failed, or when the socket ends: the node is gone then, or wants no more.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE, Packet
from transcode.decoder import DECODERS
from transcode.engine import Engine, EngineEvents
from transcode.faults import TranscodeFault
from transcode.messages import Configure, Drain, Drained, Failed, ForceIdr, Hello, Message, Opened, parse_message
from transcode.sandbox import enter_sandbox
from transcode.sound_decoder import SOUND_DECODERS
from transcode.sound_threads import Sounds
from transcode.wire import WireError, WireReader, encode_control, encode_media

READ_BYTES = 256 * 1024
"""What is asked of the socket at once: more than it ever holds."""
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

    def run(self) -> None:
        """Returns when drained, or when the node has hung up. Raises TranscodeFault, WireError."""
        for item in self._channel.received():
            if isinstance(item, Drain):
                self._drain()
                return
            self._handle(item)

    def _handle(self, item: Message | Packet) -> None:
        if isinstance(item, Configure):
            self._sounds = Sounds(item.sounds, self._channel.send_packet)
            if item.source is not None and item.rungs:
                self._engine = Engine(item.source, item.rungs, self._events())
        elif self._sounds is None:
            raise WireError("media before configuration")
        elif isinstance(item, Packet):
            if not self._sounds.write(item) and self._engine is not None:
                self._engine.write(item)
        elif isinstance(item, ForceIdr) and self._engine is not None:
            self._engine.force_idr_at(item.pts_ticks)

    def _drain(self) -> None:
        if self._engine is not None:
            self._engine.drain()
        if self._sounds is not None:
            self._sounds.drain()
        self._channel.send(Drained())

    def _events(self) -> EngineEvents:
        return EngineEvents(
            on_opened=lambda configurations: self._channel.send(Opened(configurations)),
            on_packet=self._channel.send_packet,
            on_fault=lambda fault: fail(self._channel, str(fault)),
        )


def fail(channel: Channel, reason: str) -> None:
    """Tells the node why, and ends the process from whatever thread this is."""
    try:
        channel.send(Failed(reason))
    finally:
        os._exit(EXIT_FAULT)


def warm_up() -> Hello:
    """Encodes and decodes a picture; says which codecs are missing."""
    missing_codecs = tuple(name for name, mode in REQUIRED_CODECS if not _has_codec(name, mode))
    if not missing_codecs:
        _encode_and_decode()
    missing_decoders = tuple(
        name for name in (*DECODERS.values(), *SOUND_DECODERS.values()) if not _has_codec(name, "r")
    )
    return Hello(missing_codecs, missing_decoders)


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


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is for the node, which ends its workers itself
    enter_sandbox()
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        channel.send(warm_up())
        Worker(channel).run()
    except (TranscodeFault, WireError) as error:
        fail(channel, str(error))
    except (BrokenPipeError, ConnectionResetError):
        return  # the node has gone


if __name__ == "__main__":
    main()
