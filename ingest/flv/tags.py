"""FLV audio and video tag bodies (Adobe FLV 10.1, Annex E.4; Enhanced RTMP v2) become headers and frames.

    body ─► legacy or enhanced packets, one per track ─► the track's format ─► sequence headers and frames

Each track of a kind has a number; legacy tags are of track 0. A track's frames are given out behind its header only,
and a header is given out when all that it must say is known: with some codecs that takes the first frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from ingest.elementary import (
    AudioFrame,
    AudioSequenceHeader,
    AudioTag,
    MediaKind,
    TrackAnnounced,
    TrackKey,
    VideoColour,
    VideoFrame,
    VideoSequenceHeader,
    VideoTag,
)
from ingest.flv.codec_table import (
    AUDIO_ADVICE,
    AUDIO_CODECS,
    UNSERVED_FOUR_CC,
    VIDEO_ADVICE,
    VIDEO_CODECS,
    FormatT,
    Opener,
)
from ingest.flv.colour_info import parse_colour_info
from ingest.flv.enhanced import (
    ENHANCED_AUDIO,
    ENHANCED_VIDEO,
    AudioPacketType,
    TrackPacket,
    VideoPacketType,
    audio_packets,
    video_packets,
)
from ingest.flv.legacy import legacy_audio_packets, legacy_video_packets
from ingest.flv.track_format import TrackFormat
from pinkmedia.codecs.formats import AudioFormat, VideoFormat
from pinkmedia.errors import CodecError, UnsupportedCodec

COMPOSITION_BYTES = 3
MAX_COMPOSITION_MS = 5_000
"""Between decoding and showing a picture: H.264 reorders 16 pictures at most, which is this long at 3 per second."""


class TagReader:
    """Reads one publisher's tags in order."""

    def __init__(self) -> None:
        self._videos: defaultdict[int, TrackFormat[VideoFormat]] = defaultdict(lambda: TrackFormat(VIDEO_CODECS))
        self._audios: defaultdict[int, TrackFormat[AudioFormat]] = defaultdict(lambda: TrackFormat(AUDIO_CODECS))

    def read_video(self, body: bytes) -> list[VideoTag]:
        """A non-empty video tag body. Raises CodecError."""
        packets = video_packets(memoryview(body)) if body[0] & ENHANCED_VIDEO else legacy_video_packets(body)
        return [tag for packet in packets for tag in self._read_video_packet(packet)]

    def read_audio(self, body: bytes) -> list[AudioTag]:
        """A non-empty audio tag body. Raises CodecError."""
        packets = audio_packets(memoryview(body)) if body[0] >> 4 == ENHANCED_AUDIO else legacy_audio_packets(body)
        return [tag for packet in packets for tag in self._read_audio_packet(packet)]

    def _read_video_packet(self, packet: TrackPacket) -> list[VideoTag]:
        match packet.packet_type:
            case VideoPacketType.CODED_FRAMES | VideoPacketType.CODED_FRAMES_X:
                return self._read_picture(packet)
            case VideoPacketType.SEQUENCE_START:
                _check_served(packet.four_cc, VIDEO_CODECS, "video", VIDEO_ADVICE)
                track = self._videos[packet.track_number]
                news = track.set_header(packet.four_cc, bytes(packet.body))
                if track.get(packet.four_cc) is None:
                    return [TrackAnnounced(TrackKey(MediaKind.VIDEO, packet.track_number))]
                return [VideoSequenceHeader(packet.track_number, news)] if news else []
            case VideoPacketType.METADATA:
                info = parse_colour_info(packet.body)
                return [VideoColour(packet.track_number, info)] if info else []
        return []  # the end of a sequence, or what a later version of the protocol brings

    def _read_picture(self, packet: TrackPacket) -> list[VideoTag]:
        number, four_cc, data, composition_ms = packet.track_number, packet.four_cc, packet.body, packet.offset_ms
        opener = _check_served(four_cc, VIDEO_CODECS, "video", VIDEO_ADVICE)
        if opener.has_composition and packet.packet_type == VideoPacketType.CODED_FRAMES:
            composition_ms += _composition_ms(data)
            data = data[COMPOSITION_BYTES:]
        track = self._videos[number]
        news = track.open_with(four_cc, data) if packet.is_key else None
        video_format = track.get(four_cc)
        unit = video_format.access_unit(data) if video_format and data else None
        tags: list[VideoTag] = [VideoSequenceHeader(number, news)] if news else []
        return [*tags, VideoFrame(number, composition_ms, unit.is_sync, unit.payload)] if unit else tags

    def _read_audio_packet(self, packet: TrackPacket) -> list[AudioTag]:
        number, four_cc, data = packet.track_number, packet.four_cc, packet.body
        if packet.packet_type not in (AudioPacketType.SEQUENCE_START, AudioPacketType.CODED_FRAMES):
            return []  # channel layouts are in the codecs' own headers
        _check_served(four_cc, AUDIO_CODECS, "audio", AUDIO_ADVICE)
        track = self._audios[number]
        if packet.packet_type == AudioPacketType.SEQUENCE_START:
            news = track.set_header(four_cc, bytes(data))
            if track.get(four_cc) is None:
                return [TrackAnnounced(TrackKey(MediaKind.AUDIO, number))]
            return [AudioSequenceHeader(number, news)] if news else []
        if not data:
            return []
        news = track.open_with(four_cc, data)
        audio_format = track.get(four_cc)
        tags: list[AudioTag] = [AudioSequenceHeader(number, news)] if news else []
        return [*tags, AudioFrame(number, audio_format.sample_count(data), data)] if audio_format else tags


def _check_served(four_cc: bytes, codecs: Mapping[bytes, Opener[FormatT]], kind: str, advice: str) -> Opener[FormatT]:
    opener = codecs.get(four_cc)
    if opener is None:
        raise UnsupportedCodec(f"{UNSERVED_FOUR_CC.get(four_cc, 'this')} {kind} is not supported; {advice}")
    return opener


def _composition_ms(data: memoryview) -> int:
    if len(data) < COMPOSITION_BYTES:
        raise CodecError("FLV video tag is cut short")
    composition_ms = int.from_bytes(data[:COMPOSITION_BYTES], signed=True)
    if abs(composition_ms) > MAX_COMPOSITION_MS:
        raise CodecError(f"composition time of {composition_ms} ms: no encoder reorders so far")
    return composition_ms
