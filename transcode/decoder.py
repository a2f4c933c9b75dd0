"""The source's access units become pictures, in presentation order and without delay.

Strategy: no frame threading, which would hold back a picture per thread. What cannot be decoded is logged and passed
over up to the next sync sample: a publisher's broken picture must not end its renditions. A damaged picture is shown as
FFmpeg conceals it, from the pictures before, which is close to right; but not a damaged key picture, which has none
before it. What encoders and packager rely on is made sure here: times rise from picture to picture.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import cast

from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext, Flags, ThreadType
from av.error import FFmpegError
from av.packet import Packet as AvPacket
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import Codec, Packet, VideoTrack
from transcode.faults import TranscodeFault

DECODERS = {
    Codec.H264: "h264",
    Codec.HEVC: "hevc",
    Codec.AV1: "libdav1d",
    Codec.VP9: "vp9",
}
"""FFmpeg's names. Its own decoder of AV1 needs a graphics card."""
DECODER_THREADS = 2
"""Slices (or rows, or tiles) decoded at once, where the publisher's encoder cuts its pictures so."""
CONCEALED_PIXELS_PER_SECOND = 3840 * 2160 * 30
"""H.264 up to here is decoded by one thread, which is fast enough: with another one FFmpeg conceals nothing and shows
what the memory held before."""
LARGEST_PIXELS = 8192 * 4320
"""Of a picture: the largest that H.264's and HEVC's levels know. A decoder keeps up to 17 of them, 53 MB each."""
LARGEST_CODED_PIXELS = 8192 * 4352
"""The same in whole blocks of 64, as decoders count it."""
FAILURES_ENDURED = 8
"""Sync samples in a row from which no picture comes: then it is the stream that is broken, not a picture."""
ARRIVALS_KEPT = 256
"""Pictures whose arrival is remembered while they are in the decoder: more than it ever reorders."""
ERRORS_LOGGED = 20
"""Decode errors of one source that are logged one by one; a publisher must not fill the log."""


class SourceDecoder:
    """Decodes one configured source."""

    def __init__(self, source: VideoTrack) -> None:
        """Raises TranscodeFault when FFmpeg has no decoder for it, or its pictures are too large."""
        _check_size(source)
        self._context = _open(source)
        self._arrivals: dict[int, float] = {}
        self._needs_sync = True
        self._last_pts_ticks: int | None = None
        self._error_count = 0
        self._failed_syncs = 0

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel by its height, once a picture was decoded; None when the source does not say."""
        return self._context.sample_aspect_ratio

    def decode(self, packet: Packet) -> Iterator[tuple[VideoFrame, float]]:
        """The pictures that are complete with this packet, and when each was received.

        Raises TranscodeFault when nothing of the source can be decoded.
        """
        if not packet.payload or (self._needs_sync and not packet.is_sync):  # FFmpeg takes an empty one for the end
            return
        self._needs_sync = False
        self._remember_arrival(packet)
        try:
            frames = self._context.decode(_to_av(packet))
        except FFmpegError as error:
            self._skip_to_sync(packet.pts_ticks, str(error.strerror))
            if packet.is_sync:
                self._endure_failure(str(error.strerror))
            return
        yield from self._usable(frames)

    def begin_anew(self) -> None:
        """Forgets everything: the next packet has nothing to do with those before."""
        self._context.flush_buffers()
        self._arrivals.clear()
        self._needs_sync = True

    def flush(self) -> Iterator[tuple[VideoFrame, float]]:
        """The pictures still held back for reordering. The decoder is of no use afterwards."""
        try:
            frames = self._context.decode(None)
        except FFmpegError:  # what is left is broken; there is nothing to skip to
            return
        yield from self._usable(frames)

    def _remember_arrival(self, packet: Packet) -> None:
        self._arrivals[packet.pts_ticks] = packet.received_at
        if len(self._arrivals) > ARRIVALS_KEPT:
            del self._arrivals[next(iter(self._arrivals))]

    def _skip_to_sync(self, pts_ticks: int, reason: str) -> None:
        self._needs_sync = True
        self._error_count += 1
        if self._error_count <= ERRORS_LOGGED:
            sys.stderr.write(f"access unit at {pts_ticks} skipped: {reason}\n")

    def _endure_failure(self, reason: str) -> None:
        self._failed_syncs += 1
        if self._failed_syncs >= FAILURES_ENDURED:
            raise TranscodeFault(f"{self._failed_syncs} key pictures in a row cannot be decoded: {reason}")

    def _usable(self, frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
        for frame in frames:
            if frame.pts is None:
                continue
            received_at = self._arrivals.pop(frame.pts, None)
            if received_at is None or (self._last_pts_ticks is not None and frame.pts <= self._last_pts_ticks):
                continue
            if frame.key_frame and frame.is_corrupt:
                self._skip_damaged(frame.pts)
                return
            self._last_pts_ticks = frame.pts
            self._failed_syncs = 0
            yield frame, received_at

    def _skip_damaged(self, pts_ticks: int) -> None:
        self._context.flush_buffers()  # what is held back was made from it
        self._skip_to_sync(pts_ticks, "key picture is damaged")
        self._endure_failure("damaged")


def _check_size(source: VideoTrack) -> None:
    if source.width * source.height > LARGEST_PIXELS:
        raise TranscodeFault(
            f"pictures of {source.width}×{source.height} are too large: send at most {LARGEST_PIXELS} pixels, 8192×4320"
        )


def _open(source: VideoTrack) -> VideoCodecContext:
    try:
        context = cast(VideoCodecContext, CodecContext.create(DECODERS[source.codec], "r"))
    except UnknownCodecError:
        raise TranscodeFault(
            f"FFmpeg lacks {DECODERS[source.codec]}, the decoder of {source.codec}: install PyAV's own wheel"
        ) from None
    if source.codec != Codec.VP9:  # vpcC tells nothing that its frames do not
        context.extradata = source.configuration
    context.thread_type = ThreadType.SLICE
    context.thread_count = _threads(source)
    context.options = {"max_pixels": str(LARGEST_CODED_PIXELS)}
    if source.codec == Codec.AV1:
        context.flags |= Flags.low_delay  # otherwise dav1d works on several pictures at once
    return context


def _threads(source: VideoTrack) -> int:
    pixels_per_second = source.width * source.height * source.frame_rate
    is_concealed = source.codec == Codec.H264 and pixels_per_second <= CONCEALED_PIXELS_PER_SECOND
    return 1 if is_concealed else DECODER_THREADS


def _to_av(packet: Packet) -> AvPacket[Stream]:
    unit = AvPacket(bytes(packet.payload))
    unit.pts = packet.pts_ticks
    unit.dts = packet.dts_ticks
    unit.is_keyframe = packet.is_sync
    return unit
