"""One rung's encoder, in a thread of its own: a picture goes in, its access unit comes out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction

from av.error import FFmpegError
from av.packet import Packet as AvPacket
from av.stream import Stream
from av.video.frame import VideoFrame

from pinkmedia.errors import CodecError
from pinkmedia.media import VIDEO_TIMESCALE, Packet
from transcode.encoder_context import EncoderOpener
from transcode.faults import TranscodeFault
from transcode.ladder import Rung

FRAMES_WAITING = 4
"""Pictures between scaler and encoder: enough for an IDR picture's longer time, too few to hide a slow encoder."""


class RungEncoder:
    """Encodes one rung's pictures; what it makes is emitted from its thread."""

    def __init__(
        self, index: int, rung: Rung, first: VideoFrame, aspect_ratio: Fraction | None, opener: EncoderOpener
    ) -> None:
        """Opens the encoder, with the colour properties of the first picture. Raises TranscodeFault."""
        self.rung = rung
        self._track_id = index + 1
        self._frame_duration_ticks = round(VIDEO_TIMESCALE / rung.frame_rate)
        self._arrivals: dict[int, float] = {}
        self._waiting: queue.Queue[tuple[VideoFrame, float] | Callable[[], None] | None] = queue.Queue(FRAMES_WAITING)
        self._thread: threading.Thread | None = None
        self._encoder = opener.open(rung, first, aspect_ratio)

    @property
    def configuration(self) -> bytes:
        """The configuration record of what it makes."""
        return self._encoder.output.configuration

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
            self._emit(self._encoder.context.encode(None), on_packet)
        except FFmpegError as error:
            on_fault(self._fault(str(error.strerror)))
        except CodecError as error:
            on_fault(self._fault(str(error)))

    def _encode(self, frame: VideoFrame, received_at: float, on_packet: Callable[[Packet], None]) -> None:
        if frame.pts is not None:
            self._arrivals[frame.pts] = received_at
        self._emit(self._encoder.context.encode(frame), on_packet)

    def _emit(self, units: Sequence[AvPacket[Stream]], on_packet: Callable[[Packet], None]) -> None:
        for unit in units:
            if unit.pts is None or unit.dts is None:
                continue
            picture = self._encoder.output.access_unit(bytes(unit))
            on_packet(
                Packet(
                    track_id=self._track_id,
                    dts_ticks=unit.dts,
                    pts_ticks=unit.pts,
                    duration_ticks=self._frame_duration_ticks,
                    is_sync=picture.is_sync,
                    payload=picture.payload,
                    received_at=self._arrivals.pop(unit.pts),
                )
            )

    def _fault(self, reason: str) -> TranscodeFault:
        return TranscodeFault(f"{self.rung.name} cannot be encoded by {self._encoder.kind.name}: {reason}")
