"""A still picture of the stream every few seconds, as JPEG: from pictures that are decoded and scaled anyway."""

from __future__ import annotations

from fractions import Fraction

from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from pinkmedia.media import VIDEO_TIMESCALE, Packet
from transcode.ladder import Rung
from transcode.wire import THUMBNAIL_TRACK_ID

THUMBNAIL_SECONDS = 5
"""Between two of them: lists of streams are looked at for longer, and one costs about as much as encoding a picture."""
LONGEST_SIDE = 640
"""In pixels: a card in a list of streams, on a screen of double density."""
QUALITY = 6
"""MJPEG's quantiser: some 40 KB, and nothing to be seen at this size."""
PIXEL_FORMAT = "yuv420p"
"""JPEG's, with the full range said beside it: FFmpeg warns of the format that means both."""


class Thumbnailer:
    """Makes them of one rung's pictures."""

    def __init__(self, rung: Rung) -> None:
        scale = min(Fraction(1), Fraction(LONGEST_SIDE, max(rung.width, rung.height)))
        self._width, self._height = round(rung.width * scale / 2) * 2, round(rung.height * scale / 2) * 2
        self._due_ticks: int | None = None
        self._context: VideoCodecContext | None = None

    def offer(self, frame: VideoFrame, received_at: float) -> Packet | None:
        """The next picture in order of presentation; a packet when it is time for a still one."""
        pts_ticks = frame.pts
        if pts_ticks is None or (self._due_ticks is not None and pts_ticks < self._due_ticks):
            return None
        self._due_ticks = pts_ticks + THUMBNAIL_SECONDS * VIDEO_TIMESCALE
        try:
            picture = self._encode(frame)
        except FFmpegError:  # of a picture that is encoded all the same
            return None
        return Packet(THUMBNAIL_TRACK_ID, pts_ticks, pts_ticks, 0, True, picture, received_at)

    def _encode(self, frame: VideoFrame) -> bytes:
        still = frame.reformat(self._width, self._height, PIXEL_FORMAT, dst_color_range=ColorRange.JPEG)
        if self._context is None:
            self._context = self._open()
        return b"".join(bytes(unit) for unit in self._context.encode(still))

    def _open(self) -> VideoCodecContext:
        context = CodecContext.create("mjpeg", "w")
        context.width, context.height, context.pix_fmt = self._width, self._height, PIXEL_FORMAT
        context.color_range = ColorRange.JPEG
        context.time_base = Fraction(1, VIDEO_TIMESCALE)
        context.qmin = context.qmax = QUALITY
        context.thread_count = 1
        return context
