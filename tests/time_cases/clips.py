"""Encoded media without an end: a short clip that begins again, as FLV tags at whatever times a test wants.

A clip is a closed group of pictures (or some AAC frames) encoded once by FFmpeg's libraries; repeated, it is a stream
of any length that decodes without errors. ``tags`` cuts a piece out of that stream and shifts its timestamps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from heapq import merge
from itertools import count

import av
import numpy as np
from av.codec.context import Flags

from ingest.rtmp.messages import MessageType
from pinkmedia.media import VIDEO_TIMESCALE
from tests.pictures import FRAME_TICKS, encoded_video

VIDEO_RATE = VIDEO_TIMESCALE // FRAME_TICKS
SAMPLES_PER_FRAME = 1024


@dataclass(frozen=True, slots=True)
class Tag:
    """An FLV tag to be sent."""

    type_id: MessageType
    time_ms: int
    """Unbounded; RTMP carries it modulo 2^32."""
    body: bytes

    def shifted(self, shift_ms: int) -> Tag:
        return Tag(self.type_id, self.time_ms + shift_ms, self.body)


@dataclass(frozen=True, slots=True)
class Clip:
    """One track."""

    type_id: MessageType
    header: bytes
    """The sequence header's tag body."""
    bodies: tuple[bytes, ...]
    """The frames' tag bodies in decode order."""
    frame_rate: Fraction

    def tags(self, begin_seconds: float, end_seconds: float, *, shift_ms: int = 0) -> Iterator[Tag]:
        """The frames whose time lies in this piece of the endless stream, with shifted timestamps."""
        first = -(-Fraction(begin_seconds) * self.frame_rate // 1)
        for index in count(int(first)):
            if index >= Fraction(end_seconds) * self.frame_rate:
                return
            time_ms = round(index * 1000 / self.frame_rate) + shift_ms
            yield Tag(self.type_id, time_ms, self.bodies[index % len(self.bodies)])

    def frame_count(self, begin_seconds: float, end_seconds: float) -> int:
        return sum(1 for _ in self.tags(begin_seconds, end_seconds))

    def header_tag(self, time_ms: int) -> Tag:
        return Tag(self.type_id, time_ms, self.header)


def interleaved(begin_seconds: float, end_seconds: float, *clips: Clip, shift_ms: int = 0) -> list[Tag]:
    """The same piece of several clips, in the order of time."""
    pieces = [clip.tags(begin_seconds, end_seconds, shift_ms=shift_ms) for clip in clips]
    return list(merge(*pieces, key=lambda tag: tag.time_ms))


def headers(*clips: Clip, time_ms: int = 0) -> list[Tag]:
    return [clip.header_tag(time_ms) for clip in clips]


@cache
def video_clip(
    *,
    width: int = 320,
    height: int = 180,
    key_every: int = 60,
    b_frames: int = 0,
    frame_rate: int = VIDEO_RATE,
    decode_delay_frames: int = 0,
    frames: int = 60,
) -> Clip:
    """Moving pictures: two seconds' worth at 30 per second, unless told otherwise.

    ``decode_delay_frames`` stamps frames as some encoders do: decode times so much later that they are after the
    presentation times of reordered frames, whose composition offsets become negative.
    """
    track, packets = encoded_video(frames, width=width, height=height, key_every=key_every, b_frames=b_frames)
    frame_ms = Fraction(1000, frame_rate)
    bodies = []
    for packet in packets:
        delay_frames = (packet.pts_ticks - packet.dts_ticks) // FRAME_TICKS - decode_delay_frames
        bodies.append(_video_body(bytes(packet.payload), round(delay_frames * frame_ms), is_sync=packet.is_sync))
    header = b"\x17\x00\x00\x00\x00" + track.configuration
    return Clip(MessageType.VIDEO, header, tuple(bodies), Fraction(frame_rate))


def _video_body(payload: bytes, composition_ms: int, *, is_sync: bool) -> bytes:
    """FLV 10.1 §E.4.3: frame type and codec, AVCPacketType, composition time, NAL units."""
    return (b"\x17\x01" if is_sync else b"\x27\x01") + composition_ms.to_bytes(3, signed=True) + payload


@cache
def audio_clip(*, sample_rate: int = 48_000, bit_rate_bps: int = 32_000) -> Clip:
    """About a second of a tone in AAC-LC."""
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = sample_rate, "mono", "fltp"
    context.time_base = Fraction(1, sample_rate)
    context.bit_rate = bit_rate_bps
    context.flags |= Flags.global_header
    bodies = []
    for index in range(sample_rate // SAMPLES_PER_FRAME + 1):
        phases = np.arange(index * SAMPLES_PER_FRAME, (index + 1) * SAMPLES_PER_FRAME) * (2 * np.pi * 440 / sample_rate)
        frame = av.AudioFrame.from_ndarray(
            np.sin(phases, dtype=np.float32)[np.newaxis] / 4, format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = sample_rate, index * SAMPLES_PER_FRAME
        bodies += [b"\xaf\x01" + bytes(packet) for packet in context.encode(frame)]
    assert context.extradata
    header = b"\xaf\x00" + context.extradata
    return Clip(MessageType.AUDIO, header, tuple(bodies), Fraction(sample_rate, SAMPLES_PER_FRAME))
