"""Interlaced pictures become progressive ones, one for one.

Strategy: nothing is done, and nothing held back, before the first interlaced picture. From there on FFmpeg's ``bwdif``
looks at each picture and its neighbours, so every picture waits for the next one; it leaves the progressive ones as
they are. Television's chains mix both.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as EndError
from av.error import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE
from transcode.faults import TranscodeFault

DEINTERLACER_ARGUMENTS = "mode=send_frame:parity=auto:deint=interlaced"
"""Both fields of a picture become one: twice the pictures would need encoders twice as fast."""
LEAST_SIDE = 8
"""In pixels; the filter needs neighbours, in the smaller planes too."""

Timed = tuple[VideoFrame, float]
"""A picture and when it was received, monotonic seconds."""


class Deinterlacer:
    """Of one source. Pictures are of one time base, VIDEO_TIMESCALE."""

    def __init__(self) -> None:
        self._graph: _Graph | None = None

    def write(self, frame: VideoFrame, received_at: float) -> Iterator[Timed]:
        """The pictures that can be shown with this one. Raises TranscodeFault."""
        if self._graph is not None and self._graph.kind != _kind(frame):
            yield from self.flush()
        if self._graph is None:
            if not frame.interlaced_frame or min(frame.width, frame.height) < LEAST_SIDE:
                yield frame, received_at
                return
            self._graph = _Graph(frame)
        yield from self._graph.write(frame, received_at)

    def flush(self) -> Iterator[Timed]:
        """The picture that was held back."""
        graph, self._graph = self._graph, None
        if graph is not None:
            yield from graph.flush()


class _Graph:
    def __init__(self, first: VideoFrame) -> None:
        self.kind = _kind(first)
        self._graph = Graph()
        self._graph.threads = 1
        self._arrivals: dict[int, float] = {}
        self._source = self._graph.add(
            "buffer",
            video_size=f"{first.width}x{first.height}",
            pix_fmt=first.format.name,
            time_base=str(Fraction(1, VIDEO_TIMESCALE)),
            range=str(int(first.color_range)),
        )
        self._sink = self._graph.add("buffersink")
        self._graph.link_nodes(self._source, self._graph.add("bwdif", DEINTERLACER_ARGUMENTS), self._sink)
        self._graph.configure()

    def write(self, frame: VideoFrame, received_at: float) -> Iterator[Timed]:
        if frame.pts is not None:
            self._arrivals[frame.pts] = received_at
        yield from self._run(frame)

    def flush(self) -> Iterator[Timed]:
        yield from self._run(None)

    def _run(self, frame: VideoFrame | None) -> Iterator[Timed]:
        try:
            self._source.push(frame)
            while True:
                picture = self._sink.pull()
                if isinstance(picture, VideoFrame) and picture.pts is not None:
                    picture.pts //= 2  # the filter counts in half ticks
                    picture.time_base = Fraction(1, VIDEO_TIMESCALE)
                    yield picture, self._arrivals.pop(picture.pts)
        except (NothingYetError, EndError):
            return
        except FFmpegError as error:
            raise TranscodeFault(f"picture cannot be deinterlaced: {error.strerror}") from None


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
