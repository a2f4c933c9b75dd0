"""Enhanced RTMP tag bodies (Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video"), as one packet per track.

    video = 1 + frame type (3 bits) + packet type (4 bits)  | ModEx* | Multitrack? | FourCC | body
    audio = 9 (4 bits)              + packet type (4 bits)  | ModEx* | Multitrack? | FourCC | body

    ModEx      = size - 1 | data | type (4 bits) + next packet type (4 bits)
    Multitrack = kind (4 bits) + packet type of each track (4 bits) | FourCC, unless each track has its own
                 | { FourCC? | track id | size, unless there is one track | body } …

Nothing here knows a codec: `ingest.flv.tags` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from pinkmedia.errors import CodecError

ENHANCED_VIDEO = 0x80
"""Bit of a video tag's first byte: the tag is an enhanced one."""
ENHANCED_AUDIO = 9
"""Sound format of an audio tag: the tag is an enhanced one."""
MAX_MOD_EX = 8
"""Extensions in front of one packet; one is defined."""
MAX_TRACKS = 16
"""Of each kind in one message; encoders send up to six."""
COMMAND_FRAME = 5
"""Frame type of a seek command; there is no picture in it."""
KEY_FRAME = 1

_ESCAPED_SIZE = 256
_NANOSECONDS = 0
"""ModEx type: an offset to the presentation time."""
_NANOSECONDS_PER_MS = 1_000_000


class VideoPacketType(IntEnum):
    """Enhanced RTMP v2, VideoPacketType."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    CODED_FRAMES_X = 3
    METADATA = 4
    MPEG2TS_SEQUENCE_START = 5
    MULTITRACK = 6
    MOD_EX = 7


class AudioPacketType(IntEnum):
    """Enhanced RTMP v2, AudioPacketType."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    MULTICHANNEL_CONFIG = 4
    MULTITRACK = 5
    MOD_EX = 7


class _MultitrackType(IntEnum):
    ONE_TRACK = 0
    MANY_TRACKS = 1
    MANY_TRACKS_MANY_CODECS = 2


class TrackPacket(NamedTuple):
    """What a tag says of one track."""

    track_number: int
    """0 is the track that everybody plays."""
    four_cc: bytes
    packet_type: int
    """A VideoPacketType or AudioPacketType that is neither Multitrack nor ModEx; or a reserved number."""
    is_key: bool
    """Of video: the sender calls it a key frame."""
    offset_ms: float
    """To be added to the presentation time: less than a millisecond."""
    body: memoryview


def video_packets(tag: memoryview) -> Iterator[TrackPacket]:
    """The packets of an enhanced video tag. Raises CodecError."""
    frame_type = tag[0] >> 4 & 7
    reader = _Reader(tag)
    packet_type, offset_ms = reader.pass_over_mod_ex(tag[0] & 0x0F, VideoPacketType.MOD_EX)
    if frame_type == COMMAND_FRAME and packet_type != VideoPacketType.METADATA:
        return iter(())
    return reader.packets(packet_type, VideoPacketType.MULTITRACK, frame_type == KEY_FRAME, offset_ms)


def audio_packets(tag: memoryview) -> Iterator[TrackPacket]:
    """The packets of an enhanced audio tag. Raises CodecError."""
    reader = _Reader(tag)
    packet_type, offset_ms = reader.pass_over_mod_ex(tag[0] & 0x0F, AudioPacketType.MOD_EX)
    return reader.packets(packet_type, AudioPacketType.MULTITRACK, is_key=True, offset_ms=offset_ms)


class _Reader:
    """Takes fields off a tag, from behind its first byte."""

    def __init__(self, tag: memoryview) -> None:
        self._tag = tag
        self._position = 1

    def pass_over_mod_ex(self, packet_type: int, mod_ex: int) -> tuple[int, float]:
        """The packet type behind all extensions, and the offset in milliseconds that they add up to."""
        offset_ms, count = 0.0, 0
        while packet_type == mod_ex:
            count += 1
            if count > MAX_MOD_EX:
                raise CodecError(f"enhanced RTMP tag with more than {MAX_MOD_EX} extensions")
            size = self._unsigned(1) + 1
            data = self._take(self._unsigned(2) + 1 if size == _ESCAPED_SIZE else size)
            kind, packet_type = divmod(self._unsigned(1), 16)
            if kind == _NANOSECONDS and len(data) >= 3:
                offset_ms += min(int.from_bytes(data[:3]), _NANOSECONDS_PER_MS - 1) / _NANOSECONDS_PER_MS
        return packet_type, offset_ms

    def packets(self, packet_type: int, multitrack: int, is_key: bool, offset_ms: float) -> Iterator[TrackPacket]:
        if packet_type != multitrack:
            four_cc = bytes(self._take(4))
            yield TrackPacket(0, four_cc, packet_type, is_key, offset_ms, self._rest())
            return
        kind, inner_type = divmod(self._unsigned(1), 16)
        if inner_type == multitrack or kind > _MultitrackType.MANY_TRACKS_MANY_CODECS:
            raise CodecError("malformed multitrack tag")
        for number, four_cc, body in self._tracks(kind):
            yield TrackPacket(number, four_cc, inner_type, is_key, offset_ms, body)

    def _tracks(self, kind: int) -> Iterator[tuple[int, bytes, memoryview]]:
        has_own_four_cc = kind == _MultitrackType.MANY_TRACKS_MANY_CODECS
        four_cc = b"" if has_own_four_cc else bytes(self._take(4))
        seen: set[int] = set()
        while self._position < len(self._tag):
            if has_own_four_cc:
                four_cc = bytes(self._take(4))
            number = self._unsigned(1)
            if number in seen or len(seen) >= MAX_TRACKS:
                raise CodecError(f"multitrack tag with a track twice, or more than {MAX_TRACKS} tracks")
            seen.add(number)
            yield number, four_cc, self._rest() if kind == _MultitrackType.ONE_TRACK else self._take(self._unsigned(3))

    def _take(self, count: int) -> memoryview:
        taken = self._tag[self._position : self._position + count]
        if len(taken) < count:
            raise CodecError("enhanced RTMP tag is cut short")
        self._position += count
        return taken

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self._take(size))

    def _rest(self) -> memoryview:
        return self._take(len(self._tag) - self._position)
