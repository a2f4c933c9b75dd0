"""Decode once, scale once, encode every rung: what a worker process does for its stream.

    packets ─► SourceDecoder ─► Deinterlacer ─► FramePacers ─► Scaler ─┬► RungEncoder (thread) ─► packets
                                                                       ├► RungEncoder (thread) ─► packets
                                                                       ├► …
                                                                       └► Thumbnailer ─► now and then, a still picture

Strategy: the caller's thread decodes and scales, each rung's encoder has a thread; PyAV lets the interpreter go while
FFmpeg works, so they run side by side. Encoders are opened with the first picture, which alone tells the colour
properties. Every access unit leaves as soon as it exists.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import cast

from av.video.frame import PictureType, VideoFrame

from pinkmedia.media import Packet, VideoTrack
from transcode.colour import SDR, ColourTags
from transcode.decoder import SourceDecoder
from transcode.deinterlacing import Deinterlacer, Timed
from transcode.encoder import RungEncoder
from transcode.encoder_context import EncoderOpener
from transcode.faults import TranscodeFault
from transcode.frame_pacing import FramePacer
from transcode.geometry import Shape, Turn, remaining_pixel_aspect
from transcode.ladder import HdrHandling, Rung
from transcode.picture_kind import PictureKind, PictureKinds
from transcode.rung_selection import RungSelection
from transcode.scaler import Scaler
from transcode.thumbnails import Thumbnailer


@dataclass(frozen=True, slots=True)
class EngineEvents:
    """Who is told what. Packets and faults come from several threads at once."""

    on_opened: Callable[[tuple[bytes, ...]], None]
    """The encoders are open: a configuration record per rung. Before any packet."""
    on_packet: Callable[[Packet], None]
    """An encoded access unit; its track id is the rung's index + 1, its times are the source picture's. Or still
    pictures (`transcode.stills`)."""
    on_paused: Callable[[int], None]
    """Nothing more comes of the rung of this index, unless it is selected again."""
    on_fault: Callable[[TranscodeFault], None]
    """An encoder failed; the engine is of no use any more."""


class Engine:
    """Transcodes one source. Not for use by several threads."""

    def __init__(
        self,
        source: VideoTrack,
        rungs: Sequence[Rung],
        events: EngineEvents,
        opener: EncoderOpener | None = None,
        *,
        hdr: HdrHandling = "tone_map",
    ) -> None:
        """``opener`` opens the rungs' encoders; None: in software. Raises TranscodeFault when the source cannot be
        decoded."""
        self._source = source
        self._rungs = tuple(rungs)
        self._events = events
        self._opener = opener or EncoderOpener()
        self._hdr = hdr
        self._decoder = SourceDecoder(source)
        self._deinterlacer = Deinterlacer()
        self._pacers = [FramePacer(source.frame_rate, rung.frame_rate) for rung in self._rungs]
        self._kinds = PictureKinds()
        self._scaler: Scaler | None = None
        self._encoders: list[RungEncoder] = []
        self._thumbnailer: Thumbnailer | None = None
        self._idr_pts_ticks: list[int] = []
        self._selection = RungSelection(len(self._rungs))

    def force_idr_at(self, pts_ticks: int) -> None:
        """The first picture shown at or after this time becomes an IDR picture in every rung."""
        heapq.heappush(self._idr_pts_ticks, pts_ticks)

    def select_rungs_at(self, pts_ticks: int, indices: Iterable[int]) -> None:
        """Only these rungs are encoded from the first picture on that is shown at or after this time.

        It must become an IDR picture.
        """
        self._selection.select_at(pts_ticks, indices)

    def write(self, packet: Packet) -> None:
        """One access unit of the source. Waits while the encoders are behind.

        Raises TranscodeFault when it cannot be decoded, or made a picture of.
        """
        if not self._selection.indices and not self._wakes(packet):
            return
        self._encode_all(self._decoder.decode(packet))

    @property
    def pictures_waiting(self) -> int:
        """In front of the encoders; may be asked by any thread."""
        return sum(encoder.pictures_waiting for encoder in self._encoders)

    def drain(self) -> None:
        """Emits everything that is left; nothing may be written afterwards. Raises TranscodeFault."""
        self._encode_all(self._decoder.flush())
        for frame, received_at in self._deinterlacer.flush():
            self._encode(frame, received_at)
        for encoder in self._encoders:
            encoder.drain()

    def _encode_all(self, decoded: Iterable[Timed]) -> None:
        for timed in decoded:
            for frame, received_at in self._deinterlacer.write(*timed):
                self._encode(frame, received_at)

    def _wakes(self, packet: Packet) -> bool:
        """While no rung is selected nothing is decoded; the first picture of a new selection is a key frame."""
        if packet.is_sync:
            self._selection.reach(packet.pts_ticks)
            self._decoder.begin_anew()
        while self._idr_pts_ticks and self._idr_pts_ticks[0] < packet.pts_ticks:
            heapq.heappop(self._idr_pts_ticks)
        return bool(self._selection.indices)

    def _encode(self, frame: VideoFrame, received_at: float) -> None:
        pts_ticks, is_idr = cast(int, frame.pts), self._is_idr_due(frame)
        for index in self._selection.reach(pts_ticks):
            self._pause(index)
        wanted = self._wanting(pts_ticks, is_idr=is_idr)
        if not wanted:
            return
        frame.pict_type = PictureType.I if is_idr else PictureType.NONE
        kind = self._kind(frame)
        scaler = self._scaler or self._prepare(kind)
        pictures: Iterable[VideoFrame] = scaler.scale(frame, kind, wanted)
        if not self._encoders:
            pictures = self._open_encoders(list(pictures), kind)
        for index, picture in zip(wanted, pictures, strict=True):
            if index in self._selection.indices:
                self._encoders[index].write(picture, received_at)
            if index == wanted[-1]:
                self._offer_still(picture, received_at)

    def _pause(self, index: int) -> None:
        """Behind what its encoder still has to do, if it has begun at all."""
        if self._encoders:
            self._encoders[index].when_idle(partial(self._events.on_paused, index))
        else:
            self._events.on_paused(index)

    def _wanting(self, pts_ticks: int, *, is_idr: bool) -> tuple[int, ...]:
        """The rungs, by their indices, that this picture is for; the first is for all, because it opens them."""
        taken = [pacer.takes(pts_ticks, is_idr=is_idr) for pacer in self._pacers]
        chosen = self._selection.indices if self._encoders else range(len(self._rungs))
        return tuple(index for index, is_taken in enumerate(taken) if is_taken and index in chosen)

    def _kind(self, frame: VideoFrame) -> PictureKind:
        kind = self._kinds.kind_of(frame, self._decoder.sample_aspect_ratio)
        if kind.tags.is_hdr and self._hdr == "refuse":
            raise TranscodeFault("source is HDR (PQ or HLG): send SDR in BT.709, or let HDR be tone-mapped")
        return kind

    def _offer_still(self, picture: VideoFrame, received_at: float) -> None:
        if self._thumbnailer is not None:
            still = self._thumbnailer.offer(picture, received_at)
            if still is not None:
                self._events.on_packet(still)

    def _is_idr_due(self, frame: VideoFrame) -> bool:
        is_due = False
        while self._idr_pts_ticks and frame.pts is not None and frame.pts >= self._idr_pts_ticks[0]:
            heapq.heappop(self._idr_pts_ticks)
            is_due = True
        return is_due

    def _prepare(self, kind: PictureKind) -> Scaler:
        """What becomes of the first picture decides how the rungs look from now on."""
        self._rungs = tuple(_upright(rung, self._source, kind.turn) for rung in self._rungs)
        self._thumbnailer = Thumbnailer(self._rungs[-1])
        canvases = [Shape(rung.width, rung.height, self._pixel_aspect(rung, kind)) for rung in self._rungs]
        self._scaler = Scaler(canvases, _output_tags(kind))
        return self._scaler

    def _open_encoders(self, pictures: list[VideoFrame], kind: PictureKind) -> list[VideoFrame]:
        """By their first pictures, which are given back."""
        for index, (rung, picture) in enumerate(zip(self._rungs, pictures, strict=True)):
            _output_tags(kind).put_on(picture)
            self._encoders.append(RungEncoder(index, rung, picture, self._pixel_aspect(rung, kind), self._opener))
        self._events.on_opened(tuple(encoder.configuration for encoder in self._encoders))
        for encoder in self._encoders:
            encoder.start(self._events.on_packet, self._events.on_fault)
        return pictures

    def _pixel_aspect(self, rung: Rung, kind: PictureKind) -> Fraction:
        planned = Shape(self._source.width, self._source.height, kind.shape.pixel_aspect).turned(kind.turn)
        return remaining_pixel_aspect(planned, rung.width, rung.height)


def _upright(rung: Rung, source: VideoTrack, turn: Turn) -> Rung:
    """Rungs are planned without knowing that the picture lies on its side."""
    lies_as_coded = (rung.width > rung.height) == (source.width > source.height)
    if turn.swaps_sides and lies_as_coded:
        return replace(rung, width=rung.height, height=rung.width)
    return rung


def _output_tags(kind: PictureKind) -> ColourTags:
    return SDR if kind.tags.is_hdr else kind.tags
