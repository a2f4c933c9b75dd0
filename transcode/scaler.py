"""A filter graph makes the rungs' pictures from the source's.

    buffer ─► crop, turn ─► scale ─► tone map ─► pad ─► split ─► sink 0
                                                          └────► scale ─► split ─► sink 1
                                                                            └────► scale ─► sink 2

Strategy: each rung is scaled from the one above it, which is cheaper than from the source (half the pixels to read)
and looks the same. What a picture does not need is not in its graph: a rung of a plain source's size has no filter at
all. There is a graph for each choice of rungs that want a picture, and all are built anew when the source's pictures
become others. Pictures are pulled in the rungs' order, largest first, so that the encoder with the most work starts
first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction

from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE
from transcode.colour import SCALABLE_MATRICES, UNSPECIFIED, ColourTags
from transcode.faults import TranscodeFault
from transcode.geometry import Shape, fitted
from transcode.picture_kind import PictureKind
from transcode.tone_mapping import HALD_FORMAT, HALD_LEVEL, hald_picture

PIXEL_FORMAT = "yuv420p"
"""8-bit 4:2:0: what every player decodes."""
SCALER_FLAGS = "bicubic"
"""Sharp enough for text; sharper kernels cost more than they show at these bit rates."""
SCALER_THREADS = 1
"""A picture takes a few milliseconds, and the encoders keep the other cores busy."""
TONE_MAPPING_THREADS = min(4, os.cpu_count() or 1)
"""It takes 30 ms of one core for each picture of 1280×720, longer than a picture may."""


class Scaler:
    """Makes pictures of fixed shapes and one kind of colours from whatever comes."""

    def __init__(self, canvases: Sequence[Shape], output: ColourTags) -> None:
        """The rungs' pictures, largest first."""
        self._canvases = tuple(canvases)
        self._output = output
        self._kind: PictureKind | None = None
        self._graphs: dict[tuple[int, ...], _ScalerGraph] = {}

    def scale(self, frame: VideoFrame, kind: PictureKind, wanted: tuple[int, ...]) -> Iterator[VideoFrame]:
        """The picture for each rung that wants it, by its index, in their order; it loses its colour tags.

        Raises TranscodeFault.
        """
        if kind is not self._kind:
            self._kind = kind
            self._graphs.clear()
        graph = self._graphs.get(wanted)
        if graph is None:
            canvases = [self._canvases[index] for index in wanted]
            graph = self._graphs[wanted] = _ScalerGraph(kind, canvases, self._output)
        yield from graph.scale(frame)


class _ScalerGraph:
    def __init__(self, kind: PictureKind, canvases: Sequence[Shape], output: ColourTags) -> None:
        self._kind = kind
        self._output = output
        self._graph = Graph()
        self._graph.threads = TONE_MAPPING_THREADS if kind.tags.is_hdr else SCALER_THREADS
        self._sinks: list[FilterContext] = []
        self._tables: list[FilterContext] = []
        try:
            self._source = self._tail = self._graph.add("buffer", **_buffer_parameters(kind))
            self._pad = 0
            self._build(canvases)
            self._graph.configure()
            self._push_tables()
        except FFmpegError as error:
            raise TranscodeFault(f"pictures cannot be scaled: {error.strerror}") from None

    def scale(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        self._untag(frame)
        try:
            self._source.push(frame)
            for sink in self._sinks:
                yield sink.pull()  # type: ignore[misc]  # a video sink has nothing but video frames
        except FFmpegError as error:
            raise TranscodeFault(f"picture cannot be scaled: {error.strerror}") from None

    def _untag(self, frame: VideoFrame) -> None:
        """Scaling does not look at light, and there are some kinds that it refuses. The encoders tell what it is."""
        frame.color_primaries = frame.color_trc = UNSPECIFIED
        frame.colorspace, frame.color_range = self._kind.matrix, self._kind.range

    def _build(self, canvases: Sequence[Shape]) -> None:
        self._bring_upright()
        self._fill(canvases[0])
        for canvas, above in zip(canvases, (None, *canvases), strict=False):
            if above is not None and (canvas.width, canvas.height) != (above.width, above.height):
                self._append("scale", _scaler_arguments(canvas))
            if canvas is not canvases[-1]:
                self._append("split", "2")
            self._add_sink()
            self._pad = 1

    def _bring_upright(self) -> None:
        even = self._kind.shape.even
        if even != self._kind.shape:
            self._append("crop", f"{even.width}:{even.height}:0:0")
        for name, arguments in self._kind.turn.value:
            self._append(name, arguments)

    def _fill(self, canvas: Shape) -> None:
        upright, kind = self._kind.upright, self._kind
        picture = fitted(upright, canvas)
        conversion = self._conversion()
        has_size = (picture.width, picture.height) == (upright.width, upright.height)
        if not has_size or kind.pixel_format != PIXEL_FORMAT or conversion:
            self._append("scale", _scaler_arguments(picture) + conversion)
        if kind.tags.is_hdr:
            self._map_tones()
        if picture != canvas:
            left, top = (canvas.width - picture.width) // 4 * 2, (canvas.height - picture.height) // 4 * 2
            self._append("format", PIXEL_FORMAT)
            self._append("pad", f"{canvas.width}:{canvas.height}:{left}:{top}")

    def _conversion(self) -> str:
        """Of colours, while scaling: to what the encoders were opened with."""
        kind, output = self._kind, self._output
        if kind.tags.is_hdr:
            return ""
        if kind.is_grey:  # which the scaler takes for full range, whatever it is told
            return ":in_range=full:out_range=full"
        is_same = (kind.tags.matrix, kind.tags.range) == (output.matrix, output.range)
        if (is_same and not kind.is_rgb) or not {kind.matrix, output.matrix} <= SCALABLE_MATRICES:
            return ""
        return f":out_color_matrix={output.matrix}:out_range={output.range}"

    def _map_tones(self) -> None:
        self._append("format", HALD_FORMAT)
        side = HALD_LEVEL**3
        table = self._graph.add(
            "buffer", video_size=f"{side}x{side}", pix_fmt=HALD_FORMAT, time_base=str(Fraction(1, VIDEO_TIMESCALE))
        )
        self._append("haldclut", "clut=first")
        table.link_to(self._tail, 0, 1)
        self._tables.append(table)
        self._append("scale", f"out_color_matrix={self._output.matrix}:out_range={self._output.range}")
        self._append("format", PIXEL_FORMAT)

    def _push_tables(self) -> None:
        for table in self._tables:
            table.push(hald_picture(self._kind.tags.transfer))
            table.push(None)

    def _append(self, name: str, arguments: str) -> None:
        node = self._graph.add(name, arguments)
        self._tail.link_to(node, self._pad, 0)
        self._tail, self._pad = node, 0

    def _add_sink(self) -> None:
        node, sink = self._graph.add("format", PIXEL_FORMAT), self._graph.add("buffersink")
        self._tail.link_to(node, self._pad, 0)
        node.link_to(sink)
        self._sinks.append(sink)


def _scaler_arguments(shape: Shape) -> str:
    return f"{shape.width}:{shape.height}:flags={SCALER_FLAGS}"


def _buffer_parameters(kind: PictureKind) -> dict[str, str]:
    return {
        "video_size": f"{kind.shape.width}x{kind.shape.height}",
        "pix_fmt": kind.pixel_format,
        "time_base": str(Fraction(1, VIDEO_TIMESCALE)),
        "colorspace": str(kind.matrix),
        "range": str(kind.range),
    }
