"""Real H.264 for tests: moving pictures from libx264."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.filter
import numpy as np
from av.codec.context import Flags
from av.stream import Stream
from av.video.frame import PictureType

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.codecs.nal_units import annex_b_to_length_prefixed
from pinkmedia.media import Packet, VideoTrack

FRAME_TICKS = 3000
"""30 frames per second."""
FIRST_TICKS = 90_000


def encoded_video(
    frames: int,
    *,
    width: int = 320,
    height: int = 180,
    key_every: int = 30,
    b_frames: int = 0,
    flash_every: int | None = None,
) -> tuple[VideoTrack, list[Packet]]:
    """FFmpeg's moving test picture, the first at FIRST_TICKS; ``received_at`` counts the packets.

    With ``flash_every``, black pictures instead, and a white one in the middle of every so many.
    """
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 90_000), Fraction(30)
    context.flags |= Flags.global_header
    options = {"preset": "ultrafast", "bf": str(b_frames), "g": str(key_every), "sc_threshold": "0"}
    context.options = options if b_frames else {**options, "tune": "zerolatency"}
    packets = []
    pictures = _flashes(frames, width, height, flash_every) if flash_every else _pictures(frames, width, height)
    for number, frame in enumerate(pictures):
        frame.pts, frame.time_base = FIRST_TICKS + number * FRAME_TICKS, Fraction(1, 90_000)
        packets += context.encode(frame)
    packets += context.encode(None)
    assert context.extradata
    track = video_track(AvcConfiguration.from_annex_b(context.extradata), track_id=1, frame_rate=Fraction(30))
    return track, [_packet(number, packet) for number, packet in enumerate(packets)]


def _pictures(count: int, width: int, height: int) -> Iterator[av.VideoFrame]:
    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate=30")
    pixels = graph.add("format", "yuv420p")
    sink = graph.add("buffersink")
    source.link_to(pixels)
    pixels.link_to(sink)
    graph.configure()
    for _ in range(count):
        frame = graph.pull()
        assert isinstance(frame, av.VideoFrame)
        frame.pict_type = PictureType.NONE  # the filter says I, which would make every picture a key frame
        yield frame


def _flashes(count: int, width: int, height: int, every: int) -> Iterator[av.VideoFrame]:
    for number in range(count):
        luma = 235 if number % every == every // 2 else 16
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = luma
        yield av.VideoFrame.from_ndarray(planes, format="yuv420p")


def _packet(number: int, packet: av.Packet[Stream]) -> Packet:
    assert packet.dts is not None
    assert packet.pts is not None
    payload = annex_b_to_length_prefixed(bytes(packet))
    return Packet(1, packet.dts, packet.pts, FRAME_TICKS, packet.is_keyframe, payload, float(number))
