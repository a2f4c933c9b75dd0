"""Decode once, scale once, encode every rung: what a worker process does for its stream.

    packets ─► SourceDecoder ─► Scaler ─┬► RungEncoder (thread) ─► packets
                                        ├► RungEncoder (thread) ─► packets
                                        ├► …
                                        └► Thumbnailer ─► now and then, a still picture

Strategy: the caller's thread decodes and scales, each rung's encoder has a thread; PyAV lets the interpreter go while
FFmpeg works, so they run side by side. Encoders are opened with the first picture, which alone tells the colour
properties. Every access unit leaves as soon as it exists.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from av.video.frame import PictureType, VideoFrame

from pinkmedia.media import Packet, VideoTrack
from transcode.decoder import SourceDecoder
from transcode.encoder import RungEncoder
from transcode.encoder_context import EncoderOpener
from transcode.faults import TranscodeFault
from transcode.ladder import Rung
from transcode.scaler import Scaler
from transcode.thumbnails import Thumbnailer


@dataclass(frozen=True, slots=True)
class EngineEvents:
    """Who is told what. Packets and faults come from several threads at once."""

    on_opened: Callable[[tuple[bytes, ...]], None]
    """The encoders are open: a configuration record per rung. Before any packet."""
    on_packet: Callable[[Packet], None]
    """An encoded access unit; its track id is the rung's index + 1, its times are the source picture's. Or a still
    picture (`transcode.thumbnails`)."""
    on_fault: Callable[[TranscodeFault], None]
    """An encoder failed; the engine is of no use any more."""


class Engine:
    """Transcodes one source. Not for use by several threads."""

    def __init__(
        self, source: VideoTrack, rungs: Sequence[Rung], events: EngineEvents, opener: EncoderOpener | None = None
    ) -> None:
        """``opener`` opens the rungs' encoders; None: in software."""
        self._rungs = tuple(rungs)
        self._events = events
        self._opener = opener or EncoderOpener()
        self._decoder = SourceDecoder(source)
        self._scaler: Scaler | None = None
        self._encoders: list[RungEncoder] = []
        self._thumbnailer = Thumbnailer(self._rungs[-1])
        self._idr_pts_ticks: list[int] = []

    def force_idr_at(self, pts_ticks: int) -> None:
        """The first picture shown at or after this time becomes an IDR picture in every rung."""
        heapq.heappush(self._idr_pts_ticks, pts_ticks)

    def write(self, packet: Packet) -> None:
        """One access unit of the source. Waits while the encoders are behind.

        Raises TranscodeFault when the source has become another.
        """
        for frame, received_at in self._decoder.decode(packet):
            self._encode(frame, received_at)

    def drain(self) -> None:
        """Emits everything that is left; nothing may be written afterwards. Raises TranscodeFault."""
        for frame, received_at in self._decoder.flush():
            self._encode(frame, received_at)
        for encoder in self._encoders:
            encoder.drain()

    def _encode(self, frame: VideoFrame, received_at: float) -> None:
        frame.pict_type = PictureType.I if self._is_idr_due(frame) else PictureType.NONE
        scaler = self._scaler or self._open(frame)
        for encoder, picture in zip(self._encoders, scaler.scale(frame), strict=True):
            encoder.write(picture, received_at)
        still = self._thumbnailer.offer(picture, received_at)
        if still is not None:
            self._events.on_packet(still)

    def _is_idr_due(self, frame: VideoFrame) -> bool:
        is_due = False
        while self._idr_pts_ticks and frame.pts is not None and frame.pts >= self._idr_pts_ticks[0]:
            heapq.heappop(self._idr_pts_ticks)
            is_due = True
        return is_due

    def _open(self, first: VideoFrame) -> Scaler:
        self._scaler = Scaler(first, self._rungs)
        aspect_ratio = self._decoder.sample_aspect_ratio
        self._encoders = [
            RungEncoder(index, rung, first, aspect_ratio, self._opener) for index, rung in enumerate(self._rungs)
        ]
        self._events.on_opened(tuple(encoder.configuration for encoder in self._encoders))
        for encoder in self._encoders:
            encoder.start(self._events.on_packet, self._events.on_fault)
        return self._scaler
