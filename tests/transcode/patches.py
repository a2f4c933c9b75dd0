"""Pictures of one colour, or of any luma, and what the engine makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext, Flags
from av.packet import Packet as AvPacket
from av.video.frame import PictureType, VideoFrame

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.media import VIDEO_TIMESCALE, Packet, VideoTrack
from tests.transcode.sources import FRAME_RATE, ORIGIN_TICKS, _packet, decoded
from transcode.engine import Engine, EngineEvents
from transcode.ladder import HdrHandling, Rung
from transcode.wire import THUMBNAIL_TRACK_ID


@dataclass(frozen=True)
class Tags:
    """As FFmpeg numbers them; 2 is unspecified, and 0 for the range."""

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    range: int = 0


def flat(codes: tuple[int, ...], width: int, height: int, pixel_format: str = "yuv420p") -> VideoFrame:
    """Every plane full of its number."""
    frame = VideoFrame(width, height, pixel_format)
    kind = np.uint16 if "10" in pixel_format else np.uint8
    for plane, code in zip(frame.planes, codes, strict=True):
        plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, code, kind).tobytes())
    return frame


def with_luma(luma: np.ndarray) -> VideoFrame:
    """A grey picture of these numbers."""
    height, width = luma.shape
    frame = flat((0, 128, 128), width, height)
    rows = np.zeros((height, frame.planes[0].line_size), np.uint8)
    rows[:, :width] = luma
    frame.planes[0].update(rows.tobytes())
    return frame


def encoded(
    frames: Iterable[VideoFrame],
    *,
    tags: Tags | None = None,
    pixel_aspect: Fraction | None = None,
    options: Mapping[str, str] | None = None,
    parameters: str = "",
    frame_rate: int = FRAME_RATE,
    interlaced: bool = False,
) -> tuple[VideoTrack, list[Packet]]:
    """In H.264 with next to no loss, a key picture every 15."""
    frames, tags = list(frames), tags or Tags()
    context = CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
    context.time_base, context.framerate = Fraction(1, VIDEO_TIMESCALE), Fraction(frame_rate)
    context.gop_size, context.max_b_frames = 15, 0
    context.colorspace, context.color_primaries, context.color_trc = tags.matrix, tags.primaries, tags.transfer
    context.color_range = tags.range
    if pixel_aspect:
        context.sample_aspect_ratio = pixel_aspect
    context.flags |= Flags.global_header | Flags.closed_gop | (Flags.interlaced_dct if interlaced else 0)
    x264 = f"annexb=0:scenecut=0:{parameters}"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "4", "x264-params": x264, **(options or {})}
    packets: list[Packet] = []
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = ORIGIN_TICKS + index * VIDEO_TIMESCALE // frame_rate, context.time_base
        frame.pict_type = PictureType.NONE
        frame.colorspace, frame.color_primaries = tags.matrix, tags.primaries
        frame.color_trc, frame.color_range = tags.transfer, tags.range
        packets += [_packet(unit) for unit in context.encode(frame)]
    packets += [_packet(unit) for unit in context.encode(None)]
    configuration = AvcConfiguration.parse(context.extradata or b"")
    return video_track(configuration, track_id=1, frame_rate=Fraction(frame_rate)), packets


def rung(width: int, height: int, frame_rate: int = FRAME_RATE) -> Rung:
    """With bits enough for any picture."""
    return Rung(f"{width}x{height}@{frame_rate}", width, height, Fraction(frame_rate), 8_000_000)


class Transcoded:
    """What the engine makes of packets, rung by rung."""

    def __init__(
        self,
        source: VideoTrack,
        packets: Iterable[Packet],
        rungs: tuple[Rung, ...],
        *,
        hdr: HdrHandling = "tone_map",
        idr_at: Iterable[int] = (),
    ) -> None:
        """Raises TranscodeFault as the engine does."""
        self.configurations: tuple[bytes, ...] = ()
        self.packets: list[list[Packet]] = [[] for _ in rungs]
        events = EngineEvents(self._on_opened, self._on_packet, lambda index: None, self._on_fault)
        engine = Engine(source, rungs, events, hdr=hdr)
        for pts_ticks in idr_at:
            engine.force_idr_at(pts_ticks)
        for packet in packets:
            engine.write(packet)
        engine.drain()

    def times(self, index: int) -> list[int]:
        return [packet.pts_ticks for packet in self.packets[index]]

    def sync_times(self, index: int) -> list[int]:
        return [packet.pts_ticks for packet in self.packets[index] if packet.is_sync]

    def frames(self, index: int) -> list[VideoFrame]:
        return decoded(self.track(index), self.packets[index])

    def track(self, index: int) -> VideoTrack:
        configuration = AvcConfiguration.parse(self.configurations[index])
        return video_track(configuration, track_id=index + 1, frame_rate=Fraction(FRAME_RATE))

    def pixel_aspect(self, index: int) -> Fraction | None:
        context = CodecContext.create("h264", "r")
        context.extradata = self.configurations[index]
        context.decode(AvPacket(bytes(self.packets[index][0].payload)))
        return context.sample_aspect_ratio

    def _on_opened(self, configurations: tuple[bytes, ...]) -> None:
        self.configurations = configurations

    def _on_packet(self, packet: Packet) -> None:
        if packet.track_id != THUMBNAIL_TRACK_ID:
            self.packets[packet.track_id - 1].append(packet)

    def _on_fault(self, fault: Exception) -> None:
        raise fault


def middle(frame: VideoFrame) -> tuple[int, ...]:
    """The numbers in the middle of each plane."""
    return tuple(bytes(plane)[plane.height // 2 * plane.line_size + plane.width // 2] for plane in frame.planes)
