"""One rung's encoder, in a thread of its own.

Strategy: x264 without anything that looks ahead or reorders: a picture goes in, its access unit comes out. It makes
IDR pictures where it is told to and nowhere else, so that all rungs have theirs at the same pictures. The rate control
holds the bit rate within its buffer, because a player's buffer is not much longer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction

from av.codec.context import CodecContext, Flags
from av.error import FFmpegError
from av.packet import Packet as AvPacket
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE, Packet
from transcode.faults import TranscodeFault
from transcode.ladder import Rung
from transcode.scaler import PIXEL_FORMAT

FRAMES_WAITING = 4
"""Pictures between scaler and encoder: enough for an IDR picture's longer time, too few to hide a slow encoder."""
SLICED_ABOVE_PIXELS_PER_SECOND = 1280 * 720 * 60
"""From here on a picture's encoding takes so long that two slices at once are worth the bits they cost."""
LARGEST_RATE_DENOMINATOR = 1001
"""x264 keeps frame rates as 32-bit numbers; a measured rate may be an unwieldy fraction."""
X264_PARAMETERS = "annexb=0:scenecut=0:keyint=infinite:open-gop=0"
"""Length-prefixed output; IDR pictures only where they are forced."""


class RungEncoder:
    """Encodes one rung's pictures; what it makes is emitted from its thread."""

    def __init__(self, index: int, rung: Rung, first: VideoFrame, aspect_ratio: Fraction | None) -> None:
        """Opens the encoder, with the colour properties of the first picture. Raises TranscodeFault."""
        self.rung = rung
        self._track_id = index + 1
        self._frame_duration_ticks = round(VIDEO_TIMESCALE / rung.frame_rate)
        self._arrivals: dict[int, float] = {}
        self._waiting: queue.Queue[tuple[VideoFrame, float] | Callable[[], None] | None] = queue.Queue(FRAMES_WAITING)
        self._thread: threading.Thread | None = None
        self._context = _open_context(rung, first, aspect_ratio)

    @property
    def configuration(self) -> bytes:
        """The AVCDecoderConfigurationRecord of what it makes."""
        return self._context.extradata or b""

    @property
    def pictures_waiting(self) -> int:
        return self._waiting.qsize()

    def start(self, on_packet: Callable[[Packet], None], on_fault: Callable[[TranscodeFault], None]) -> None:
        """Begins to encode. Both are called in the encoder's thread; nothing follows a fault."""
        self._thread = threading.Thread(
            target=self._run, args=(on_packet, on_fault), name=f"encoder-{self.rung.name}", daemon=True
        )
        self._thread.start()

    def write(self, frame: VideoFrame, received_at: float) -> None:
        """One picture. Waits while FRAMES_WAITING are ahead of it."""
        self._waiting.put((frame, received_at))

    def when_idle(self, call: Callable[[], None]) -> None:
        """Calls it, from the encoder's thread, when everything written so far has been emitted."""
        self._waiting.put(call)

    def drain(self) -> None:
        """Returns when everything written has been emitted, and the thread has ended."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self, on_packet: Callable[[Packet], None], on_fault: Callable[[TranscodeFault], None]) -> None:
        try:
            while (item := self._waiting.get()) is not None:
                if callable(item):
                    item()
                else:
                    self._encode(*item, on_packet)
            self._emit(self._context.encode(None), on_packet)
        except FFmpegError as error:
            on_fault(TranscodeFault(f"{self.rung.name} cannot be encoded: {error.strerror}"))

    def _encode(self, frame: VideoFrame, received_at: float, on_packet: Callable[[Packet], None]) -> None:
        if frame.pts is not None:
            self._arrivals[frame.pts] = received_at
        self._emit(self._context.encode(frame), on_packet)

    def _emit(self, units: Sequence[AvPacket[Stream]], on_packet: Callable[[Packet], None]) -> None:
        for unit in units:
            if unit.pts is None or unit.dts is None:
                continue
            on_packet(
                Packet(
                    track_id=self._track_id,
                    dts_ticks=unit.dts,
                    pts_ticks=unit.pts,
                    duration_ticks=self._frame_duration_ticks,
                    is_sync=unit.is_keyframe,
                    payload=bytes(unit),
                    received_at=self._arrivals.pop(unit.pts),
                )
            )


def _open_context(rung: Rung, first: VideoFrame, aspect_ratio: Fraction | None) -> VideoCodecContext:
    context = CodecContext.create("libx264", "w")
    context.width, context.height = rung.width, rung.height
    context.pix_fmt = PIXEL_FORMAT
    context.time_base = Fraction(1, VIDEO_TIMESCALE)
    context.framerate = rung.frame_rate.limit_denominator(LARGEST_RATE_DENOMINATOR)
    if aspect_ratio:
        context.sample_aspect_ratio = aspect_ratio
    context.color_range, context.colorspace = first.color_range, first.colorspace
    context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
    context.thread_count = _threads(rung)
    context.bit_rate = rung.bit_rate_bps
    context.max_b_frames = 0
    context.flags |= Flags.global_header | Flags.closed_gop
    context.options = _options(rung)
    try:
        context.open()
    except FFmpegError as error:
        raise TranscodeFault(f"{rung.name} cannot be encoded: {error.strerror}") from None
    return context


def _threads(rung: Rung) -> int:
    pixels_per_second = rung.width * rung.height * rung.frame_rate
    return 2 if pixels_per_second > SLICED_ABOVE_PIXELS_PER_SECOND else 1


def _options(rung: Rung) -> dict[str, str]:
    max_bps = rung.max_bit_rate_bps or rung.bit_rate_bps
    return {
        "preset": rung.preset,
        "tune": "zerolatency",
        "profile": "high",
        "forced-idr": "1",
        "maxrate": str(max_bps),
        "bufsize": str(int(max_bps * rung.buffer_seconds)),
        "x264-params": X264_PARAMETERS,
    }
