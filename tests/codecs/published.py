"""Streams as FFmpeg publishes them: encoded, muxed to FLV and taken apart again; and what its MP4 muxer says of them.

One second each, 30 pictures or a tone: enough for a header and a key frame or two.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from ingest.flv.enhanced import TrackPacket, VideoPacketType, audio_packets, video_packets
from pinkmedia.codecs.ac3 import Ac3Format, Eac3Format
from pinkmedia.codecs.av1 import Av1Format
from pinkmedia.codecs.flac import FlacFormat
from pinkmedia.codecs.formats import AudioFormat, VideoFormat
from pinkmedia.codecs.hevc import HevcFormat
from pinkmedia.codecs.opus import OpusFormat
from pinkmedia.codecs.vp9 import Vp9Format
from pinkmedia.media import VIDEO_TIMESCALE, AudioTrack, Packet, VideoTrack

FRAME_RATE = 30
FRAME_TICKS = VIDEO_TIMESCALE // FRAME_RATE
WIDTH, HEIGHT = 320, 180
ORIGIN_TICKS = 900_000
"""Publishers' timelines begin anywhere."""

_FLV_HEADER_BYTES = 13
_TAG_HEADER_BYTES = 11
_AUDIO_TAG, _VIDEO_TAG = 8, 9


HDR10 = (9, 16, 9)
"""BT.2020 primaries, PQ, BT.2020 non-constant luminance."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """What FFmpeg encodes with."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    colour: tuple[int, int, int] = (2, 2, 2)
    """Primaries, transfer and matrix; 2 is unspecified."""
    color_range: int = 1
    layout: str = "stereo"
    sample_rate: int = 48_000

    def __repr__(self) -> str:
        return f"{self.name}-{self.pixel_format}-{self.layout}"


X265 = Encoder("libx265", {"preset": "ultrafast", "g": "15", "x265-params": "log-level=none:bframes=0:pools=1"})
X265_OPEN_GOP = Encoder(
    "libx265",
    {"preset": "ultrafast", "g": "15", "x265-params": "log-level=none:bframes=2:open-gop=1:scenecut=0:pools=1"},
)
X265_10_BIT = Encoder("libx265", X265.options, pixel_format="yuv420p10le", colour=HDR10)
SVT_AV1 = Encoder("libsvtav1", {"preset": "12", "g": "15", "svtav1-params": "pred-struct=1:lp=1"})
SVT_AV1_10_BIT = Encoder("libsvtav1", SVT_AV1.options, pixel_format="yuv420p10le", colour=HDR10)
VPX_VP9 = Encoder("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "15"})
"""In PyAV's wheel libvpx has no more than 8 bits."""
VIDEO_ENCODERS = (X265, X265_OPEN_GOP, X265_10_BIT, SVT_AV1, SVT_AV1_10_BIT, VPX_VP9)
OPUS = Encoder("libopus")
OPUS_5_1 = Encoder("libopus", layout="5.1")
FLAC = Encoder("flac")
FLAC_96_KHZ = Encoder("flac", sample_rate=96_000)
AC3 = Encoder("ac3")
AC3_5_1 = Encoder("ac3", layout="5.1", sample_rate=44_100)
EAC3 = Encoder("eac3")
EAC3_5_1 = Encoder("eac3", layout="5.1")
AUDIO_ENCODERS = (OPUS, OPUS_5_1, FLAC, FLAC_96_KHZ, AC3, AC3_5_1, EAC3, EAC3_5_1)


@dataclass(frozen=True)
class Published:
    """What a server gets of a stream."""

    header: bytes
    """The sequence header; empty where the codec has none."""
    frames: tuple[bytes, ...]
    times_ms: tuple[int, ...]
    """When they are shown."""


@lru_cache
def published(encoder: Encoder) -> Published:
    """The stream as FFmpeg publishes it by enhanced RTMP."""
    header, frames, times_ms = b"", [], []
    for packet, time_ms in _tag_packets(muxed(encoder, "flv")):
        body, kind = bytes(packet.body), packet.packet_type
        if kind == VideoPacketType.SEQUENCE_START:
            header = header or body
        elif kind in (VideoPacketType.CODED_FRAMES, VideoPacketType.CODED_FRAMES_X) and body:
            has_composition = packet.four_cc == b"hvc1" and kind == VideoPacketType.CODED_FRAMES
            frames.append(body[3:] if has_composition else body)
            times_ms.append(time_ms + (int.from_bytes(body[:3], signed=True) if has_composition else 0))
    return Published(header, tuple(frames), tuple(times_ms))


VIDEO_FORMATS: dict[str, Callable[[bytes, bytes], VideoFormat]] = {
    "libx265": lambda header, _: HevcFormat.parse(header),
    "libsvtav1": lambda header, _: Av1Format.parse(header),
    "libvpx-vp9": Vp9Format.parse,
}
AUDIO_FORMATS: dict[str, Callable[[bytes, bytes], AudioFormat]] = {
    "libopus": OpusFormat.parse,
    "flac": lambda header, _: FlacFormat.parse(header),
    "ac3": lambda _, frame: Ac3Format.parse(frame),
    "eac3": lambda _, frame: Eac3Format.parse(frame),
}
"""By encoder: from the header and the first frame."""


def video_format(encoder: Encoder) -> VideoFormat:
    stream = published(encoder)
    return VIDEO_FORMATS[encoder.name](stream.header, stream.frames[0])


def audio_format(encoder: Encoder) -> AudioFormat:
    stream = published(encoder)
    return AUDIO_FORMATS[encoder.name](stream.header, stream.frames[0])


def video_source(encoder: Encoder) -> tuple[VideoTrack, list[Packet]]:
    """The track and its packets, in decode order, on the frame rate's grid."""
    source, stream = video_format(encoder), published(encoder)
    packets = []
    for number, (frame, time_ms) in enumerate(zip(stream.frames, stream.times_ms, strict=True)):
        unit = source.access_unit(memoryview(frame))
        assert unit is not None
        dts_ticks = ORIGIN_TICKS + number * FRAME_TICKS
        pts_ticks = ORIGIN_TICKS + round(time_ms * FRAME_RATE / 1000) * FRAME_TICKS
        packets.append(Packet(1, dts_ticks, pts_ticks, FRAME_TICKS, unit.is_sync, unit.payload, float(number)))
    return source.track(track_id=1, frame_rate=Fraction(FRAME_RATE)), packets


def audio_source(encoder: Encoder) -> tuple[AudioTrack, list[Packet]]:
    """The track and its packets."""
    source = audio_format(encoder)
    packets, ticks = [], ORIGIN_TICKS
    for number, frame in enumerate(published(encoder).frames):
        duration_ticks = source.sample_count(frame)
        packets.append(Packet(2, ticks, ticks, duration_ticks, True, frame, float(number)))
        ticks += duration_ticks
    return source.track(track_id=2), packets


def configuration_box(encoder: Encoder, kind: bytes) -> bytes:
    """The body of that box as FFmpeg's MP4 muxer writes it."""
    data = muxed(encoder, "mp4")
    start = data.index(kind, data.index(b"stsd"))
    return data[start + 4 : start - 4 + int.from_bytes(data[start - 4 : start])]


@lru_cache
def muxed(encoder: Encoder, container_format: str) -> bytes:
    """One second of it in that container."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream, frames = _video(container, encoder) if encoder in VIDEO_ENCODERS else _audio(container, encoder)
        for frame in (*frames, None):
            container.mux(stream.encode(frame))
    return buffer.getvalue()


def _video(container: OutputContainer, encoder: Encoder) -> tuple[VideoStream, list[VideoFrame]]:
    stream = cast(VideoStream, container.add_stream(encoder.name, rate=FRAME_RATE, options=dict(encoder.options)))
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, encoder.pixel_format
    context = stream.codec_context
    context.color_primaries, context.color_trc, context.colorspace = encoder.colour
    context.color_range = encoder.color_range
    if encoder.name == "libx265":
        context.codec_tag = "hvc1" if container.format.name == "mp4" else context.codec_tag
    graph = Graph()
    source = graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FRAME_RATE}")
    graph.link_nodes(source, graph.add("format", encoder.pixel_format), graph.add("buffersink")).configure()
    frames = [graph.vpull() for _ in range(FRAME_RATE)]
    for frame in frames:
        frame.pict_type = PictureType.NONE  # the filter says I, which would make every picture a key frame
    return stream, frames


def _audio(container: OutputContainer, encoder: Encoder) -> tuple[AudioStream, list[AudioFrame]]:
    options = {"strict": "-2", **encoder.options}  # MP4 muxers called some of these experimental
    stream = cast(
        AudioStream,
        container.add_stream(encoder.name, rate=encoder.sample_rate, options=options, layout=encoder.layout),
    )
    context = stream.codec_context
    context.open()
    graph = Graph()
    source = graph.add(
        "sine", f"frequency=440:sample_rate={encoder.sample_rate}:samples_per_frame={context.frame_size}"
    )
    target = graph.add("aformat", f"sample_fmts={context.format.name}:channel_layouts={encoder.layout}")
    graph.link_nodes(source, target, graph.add("abuffersink")).configure()
    frames = [cast(AudioFrame, graph.pull()) for _ in range(encoder.sample_rate // context.frame_size)]
    return stream, frames


def _tag_packets(data: bytes) -> Iterator[tuple[TrackPacket, int]]:
    """The enhanced packets of an FLV file, and their tags' timestamps in milliseconds."""
    position = _FLV_HEADER_BYTES
    while position < len(data):
        kind, size = data[position], int.from_bytes(data[position + 1 : position + 4])
        time_ms = int.from_bytes(data[position + 4 : position + 7])
        body = memoryview(data)[position + _TAG_HEADER_BYTES : position + _TAG_HEADER_BYTES + size]
        if kind in (_AUDIO_TAG, _VIDEO_TAG):
            for packet in video_packets(body) if kind == _VIDEO_TAG else audio_packets(body):
                yield packet, time_ms
        position += _TAG_HEADER_BYTES + size + 4
