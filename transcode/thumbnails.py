"""Still pictures of the stream every few seconds, as JPEG: from pictures that are decoded and scaled anyway.

Each one is shown as it is, and pasted small into a sheet, which begins anew when it is full.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from pinkmedia.media import VIDEO_TIMESCALE, Packet, PictureSheet
from transcode.ladder import Rung
from transcode.stills import Stills
from transcode.wire import THUMBNAIL_TRACK_ID

THUMBNAIL_SECONDS = 5
"""Between two of them: lists of streams are looked at for longer, and one costs about as much as encoding a picture."""
LONGEST_SIDE = 640
"""In pixels: a card in a list of streams, on a screen of double density."""
TILE_LONGEST_SIDE = 160
"""In pixels: enough to recognise a scene over a seek bar."""
TILES_ACROSS = 5
"""And as many down: two minutes in a sheet of some 100 KB."""
QUALITY = 6
"""MJPEG's quantiser: some 40 KB, and nothing to be seen at this size."""
PIXEL_FORMAT = "yuv420p"
"""JPEG's, with the full range said beside it: FFmpeg warns of the format that means both."""


class Thumbnailer:
    """Makes them of one rung's pictures."""

    def __init__(self, rung: Rung) -> None:
        self._size = _fitted(rung, LONGEST_SIDE, 2)
        self._due_ticks: int | None = None
        self._encoder: VideoCodecContext | None = None
        self._sheet = _Sheet(*_fitted(rung, TILE_LONGEST_SIDE, 4))

    def offer(self, frame: VideoFrame, received_at: float) -> Packet | None:
        """The next picture in order of presentation; a packet (`transcode.stills`) when it is time for a still one."""
        pts_ticks = frame.pts
        if pts_ticks is None or (self._due_ticks is not None and pts_ticks < self._due_ticks):
            return None
        self._due_ticks = pts_ticks + THUMBNAIL_SECONDS * VIDEO_TIMESCALE
        try:
            stills = Stills(self._thumbnail(frame), self._sheet.paste(frame, pts_ticks))
        except FFmpegError:  # of a picture that is encoded all the same
            return None
        return Packet(THUMBNAIL_TRACK_ID, pts_ticks, pts_ticks, 0, True, stills.to_bytes(), received_at)

    def _thumbnail(self, frame: VideoFrame) -> bytes:
        if self._encoder is None:
            self._encoder = _open(*self._size)
        return _encoded(self._encoder, _reformatted(frame, *self._size))


class _Sheet:
    """The sheet in the making."""

    def __init__(self, tile_width: int, tile_height: int) -> None:
        self._tile_size = tile_width, tile_height
        self._frame = VideoFrame(TILES_ACROSS * tile_width, TILES_ACROSS * tile_height, PIXEL_FORMAT)
        self._frame.color_range = ColorRange.JPEG
        self._encoder: VideoCodecContext | None = None
        self._times_ticks: list[int] = []

    def paste(self, frame: VideoFrame, pts_ticks: int) -> PictureSheet:
        """The sheet with one more picture."""
        if len(self._times_ticks) == TILES_ACROSS**2:
            self._times_ticks.clear()
        if not self._times_ticks:
            self._blacken()
        self._paste_at(len(self._times_ticks), _reformatted(frame, *self._tile_size))
        self._times_ticks.append(pts_ticks)
        self._frame.pts = pts_ticks  # the encoder refuses one that does not rise
        if self._encoder is None:
            self._encoder = _open(self._frame.width, self._frame.height)
        jpeg = _encoded(self._encoder, self._frame)
        return PictureSheet(jpeg, *self._tile_size, TILES_ACROSS, tuple(self._times_ticks))

    def _blacken(self) -> None:
        for plane, value in zip(self._frame.planes, (0, 128, 128), strict=True):
            _pixels(plane)[:] = value

    def _paste_at(self, index: int, tile: VideoFrame) -> None:
        row, column = divmod(index, TILES_ACROSS)
        for target, source in zip(self._frame.planes, tile.planes, strict=True):
            top, left = row * source.height, column * source.width
            _pixels(target)[top : top + source.height, left : left + source.width] = _pixels(source)


def _fitted(rung: Rung, longest_side: int, multiple: int) -> tuple[int, int]:
    """Width and height: even, so that chroma has half of them; a tile's chroma is pasted, and so is even, too."""
    scale = min(Fraction(1), Fraction(longest_side, max(rung.width, rung.height)))
    width, height = (max(multiple, round(side * scale / multiple) * multiple) for side in (rung.width, rung.height))
    return width, height


def _reformatted(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    return frame.reformat(width, height, PIXEL_FORMAT, dst_color_range=ColorRange.JPEG)


def _pixels(plane: VideoPlane) -> NDArray[np.uint8]:
    """The plane's rows, without the padding behind them; writing to it writes to the plane."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _encoded(encoder: VideoCodecContext, frame: VideoFrame) -> bytes:
    return b"".join(bytes(unit) for unit in encoder.encode(frame))


def _open(width: int, height: int) -> VideoCodecContext:
    context = CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = width, height, PIXEL_FORMAT
    context.color_range = ColorRange.JPEG
    context.time_base = Fraction(1, VIDEO_TIMESCALE)
    context.qmin = context.qmax = QUALITY
    context.thread_count = 1
    return context
