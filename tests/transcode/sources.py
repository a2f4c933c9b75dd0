"""Real H.264 to transcode: FFmpeg's moving test picture, encoded as a publisher would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext, Flags
from av.filter import Graph
from av.packet import Packet as AvPacket
from av.video.frame import PictureType, VideoFrame

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.media import VIDEO_TIMESCALE, Packet, VideoTrack
from transcode.landscape import Plane

FRAME_RATE = 30
FRAME_TICKS = VIDEO_TIMESCALE // FRAME_RATE
ORIGIN_TICKS = 900_000
"""Publishers' timelines begin anywhere."""


def encoded_source(
    frame_count: int,
    *,
    width: int = 640,
    height: int = 360,
    b_frames: int = 0,
    gop_frames: int = 30,
    pixel_format: str = "yuv420p",
    color_range: int = 0,
    color: int = 0,
) -> tuple[VideoTrack, list[Packet]]:
    """The track and its packets, in decode order. ``color`` is matrix, primaries and transfer, all the same number."""
    context = CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, pixel_format
    context.time_base, context.framerate = Fraction(1, VIDEO_TIMESCALE), Fraction(FRAME_RATE)
    context.gop_size, context.max_b_frames = gop_frames, b_frames
    context.color_range = color_range
    context.colorspace = context.color_primaries = context.color_trc = color
    context.flags |= Flags.global_header | Flags.closed_gop
    tune = {} if b_frames else {"tune": "zerolatency"}
    context.options = {"preset": "ultrafast", "x264-params": "annexb=0:scenecut=0", "forced-idr": "1", **tune}
    packets = []
    for index, frame in enumerate(moving_pictures(frame_count, width, height, pixel_format)):
        frame.pts = ORIGIN_TICKS + index * FRAME_TICKS
        frame.time_base = context.time_base
        frame.pict_type = PictureType.NONE
        packets += [_packet(unit) for unit in context.encode(frame)]
    packets += [_packet(unit) for unit in context.encode(None)]
    configuration = AvcConfiguration.parse(context.extradata or b"")
    return video_track(configuration, track_id=1, frame_rate=Fraction(FRAME_RATE)), packets


def with_parameter_sets(track: VideoTrack, packets: list[Packet]) -> list[Packet]:
    """The first access unit carries its parameter sets itself."""
    configuration = AvcConfiguration.parse(track.configuration)
    sets = b"".join(len(unit).to_bytes(4) + unit for unit in (*configuration.sps, *configuration.pps))
    return [replace(packets[0], payload=sets + packets[0].payload), *packets[1:]]


def moving_pictures(count: int, width: int, height: int, pixel_format: str = "yuv420p") -> Iterable[VideoFrame]:
    graph = Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate={FRAME_RATE}")
    graph.link_nodes(source, graph.add("format", pixel_format), graph.add("buffersink")).configure()
    return [graph.vpull() for _ in range(count)]


def decoded(track: VideoTrack, packets: Iterable[Packet]) -> list[VideoFrame]:
    """What a player sees. Raises when anything cannot be decoded."""
    context = CodecContext.create("h264", "r")
    context.extradata = track.configuration
    frames: list[VideoFrame] = []
    for packet in packets:
        unit = AvPacket(bytes(packet.payload))
        unit.pts, unit.dts = packet.pts_ticks, packet.dts_ticks
        frames += context.decode(unit)
    return frames + context.decode(None)


def luma_plane(frame: VideoFrame) -> Plane:
    """A copy of it."""
    plane = frame.planes[0]
    rows: Plane = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


def _packet(unit: AvPacket) -> Packet:  # type: ignore[type-arg]
    assert unit.pts is not None
    assert unit.dts is not None
    return Packet(
        track_id=1,
        dts_ticks=unit.dts,
        pts_ticks=unit.pts,
        duration_ticks=FRAME_TICKS,
        is_sync=unit.is_keyframe,
        payload=bytes(unit),
        received_at=unit.pts / VIDEO_TIMESCALE,
    )
