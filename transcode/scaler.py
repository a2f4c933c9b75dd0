"""One filter graph makes every rung's picture from the source's.

    buffer ─► scale ─► split ─► sink 0
                         └────► scale ─► split ─► sink 1
                                           └────► scale ─► sink 2

Strategy: each rung is scaled from the one above it, which is cheaper than from the source (half the pixels to read)
and looks the same. A rung of the source's size has no scaler. Pictures are pulled in the rungs' order, largest first,
so that the encoder with the most work starts first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE
from transcode.faults import TranscodeFault
from transcode.ladder import Rung

PIXEL_FORMAT = "yuv420p"
"""8-bit 4:2:0: what every player decodes."""
SCALER_FLAGS = "bicubic"
"""Sharp enough for text; sharper kernels cost more than they show at these bit rates."""
SCALABLE_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
"""Colour matrices (ITU-T H.273) that the scaler knows; of the others it would refuse the pictures."""
SCALER_THREADS = 1
"""A picture takes a few milliseconds, and the encoders keep the other cores busy."""

_UNSPECIFIED = 2


class Scaler:
    """Built for pictures like the first one."""

    def __init__(self, first: VideoFrame, rungs: Sequence[Rung]) -> None:
        """Raises TranscodeFault when pictures of this format cannot be scaled."""
        self._graph = Graph()
        self._graph.threads = SCALER_THREADS
        try:
            self._source, self._sinks = self._build(first, rungs)
            self._graph.configure()
        except FFmpegError as error:
            raise TranscodeFault(f"pictures cannot be scaled: {error.strerror}") from None

    def scale(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The picture in every rung's size, in the rungs' order; it loses its colour tags. Raises TranscodeFault."""
        _untag(frame)
        try:
            self._source.push(frame)
            for sink in self._sinks:
                yield sink.pull()  # type: ignore[misc]  # a video sink has nothing but video frames
        except FFmpegError as error:
            raise TranscodeFault(f"picture cannot be scaled: {error.strerror}") from None

    def _build(self, first: VideoFrame, rungs: Sequence[Rung]) -> tuple[FilterContext, list[FilterContext]]:
        source = self._graph.add("buffer", **_buffer_parameters(first))
        tail, pad, size = source, 0, (first.width, first.height)
        sinks = []
        for rung in rungs:
            if (rung.width, rung.height) != size or first.format.name != PIXEL_FORMAT:
                tail, pad = self._append(tail, pad, "scale", f"{rung.width}:{rung.height}:flags={SCALER_FLAGS}"), 0
            size = (rung.width, rung.height)
            if rung is not rungs[-1]:
                tail, pad = self._append(tail, pad, "split", "2"), 1
            sinks.append(self._sink(tail, 0))
        return source, sinks

    def _append(self, tail: FilterContext, pad: int, name: str, arguments: str) -> FilterContext:
        node = self._graph.add(name, arguments)
        tail.link_to(node, pad, 0)
        return node

    def _sink(self, tail: FilterContext, pad: int) -> FilterContext:
        sink = self._graph.add("buffersink")
        self._append(tail, pad, "format", PIXEL_FORMAT).link_to(sink)
        return sink


def _untag(frame: VideoFrame) -> None:
    """Scaling keeps the colours, so it need not know them, and there are some that it refuses. What they are is told by
    the encoders, who have it from the first picture."""
    frame.color_primaries = frame.color_trc = _UNSPECIFIED
    frame.colorspace = _matrix(frame)


def _matrix(frame: VideoFrame) -> int:
    return int(frame.colorspace) if frame.colorspace in SCALABLE_MATRICES else _UNSPECIFIED


def _buffer_parameters(first: VideoFrame) -> dict[str, str]:
    return {
        "video_size": f"{first.width}x{first.height}",
        "pix_fmt": first.format.name,
        "time_base": str(Fraction(1, VIDEO_TIMESCALE)),
        "colorspace": str(_matrix(first)),
        "range": str(int(first.color_range)),
    }
