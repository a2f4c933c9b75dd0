"""FLV tag bodies as they were before enhanced RTMP (Adobe FLV 10.1, Annex E.4.2 and E.4.3), as packets of track 0.

video = frame type (4 bits) + codec id (4 bits) | AVC packet type | composition time (signed 24 bits, ms) | data
audio = sound format (4 bits) + unused          | AAC packet type | data
"""

from __future__ import annotations

from ingest.flv.codec_table import (
    AUDIO_ADVICE,
    LEGACY_AAC,
    LEGACY_VIDEO,
    UNSERVED_AUDIO,
    UNSERVED_VIDEO,
    VIDEO_ADVICE,
)
from ingest.flv.enhanced import COMMAND_FRAME, KEY_FRAME, AudioPacketType, TrackPacket, VideoPacketType
from pinkmedia.errors import CodecError, UnsupportedCodec

_VIDEO_HEAD_BYTES = 5
_AUDIO_HEAD_BYTES = 2
_LAST_AVC_PACKET_TYPE = VideoPacketType.SEQUENCE_END
_LAST_AAC_PACKET_TYPE = AudioPacketType.CODED_FRAMES


def legacy_video_packets(body: bytes) -> tuple[TrackPacket, ...]:
    """At most one. Raises CodecError."""
    frame_type, codec_id = divmod(body[0], 16)
    four_cc = LEGACY_VIDEO.get(codec_id)
    if four_cc is None:
        name = UNSERVED_VIDEO.get(codec_id, "this")
        raise UnsupportedCodec(f"{name} video is not supported as it was sent; {VIDEO_ADVICE}")
    if frame_type == COMMAND_FRAME:
        return ()
    if len(body) < _VIDEO_HEAD_BYTES:
        raise CodecError("FLV video tag is cut short")
    packet_type = body[1]
    if packet_type > _LAST_AVC_PACKET_TYPE:
        raise CodecError(f"FLV video tag has AVC packet type {packet_type}; 0 to 2 exist")
    # Its packet types and coded frames are those of an enhanced tag; a header has a composition time of no meaning.
    start = 2 if packet_type == VideoPacketType.CODED_FRAMES else _VIDEO_HEAD_BYTES
    return (TrackPacket(0, four_cc, packet_type, frame_type == KEY_FRAME, 0, memoryview(body)[start:]),)


def legacy_audio_packets(body: bytes) -> tuple[TrackPacket, ...]:
    """One. Raises CodecError."""
    sound_format = body[0] >> 4
    if sound_format != LEGACY_AAC:
        name = UNSERVED_AUDIO.get(sound_format, "this")
        raise UnsupportedCodec(f"{name} audio is not supported as it was sent; {AUDIO_ADVICE}")
    if len(body) < _AUDIO_HEAD_BYTES:
        raise CodecError("FLV audio tag is cut short")
    packet_type = body[1]
    if packet_type > _LAST_AAC_PACKET_TYPE:
        raise CodecError(f"FLV audio tag has AAC packet type {packet_type}; 0 and 1 exist")
    return (TrackPacket(0, b"mp4a", packet_type, True, 0, memoryview(body)[_AUDIO_HEAD_BYTES:]),)
