"""Which elementary streams there are, by stream type and descriptors (ISO/IEC 13818-1 tables 2-34 and 2-45).

A stream of private data says in a descriptor what it is: a registration descriptor, or one of DVB's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ingest.elementary import MediaKind
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.es_audio import AudioStream, FrameReader
from ingest.mpegts.es_frames import Ac3Reader, AdtsReader, Eac3Reader, OpusReader
from ingest.mpegts.es_latm import LatmReader
from ingest.mpegts.es_video import H264, HEVC, NalCodec, VideoStream
from pinkmedia.codecs.opus import identification_header
from pinkmedia.errors import UnsupportedCodec

PRIVATE_DATA = 0x06
_REGISTRATION = 0x05
_DVB_EXTENSION = 0x7F
_OPUS_EXTENSION = 0x80
"""Of the DVB extension descriptor: Opus's channel configuration."""

_VIDEO = {0x1B: H264, 0x24: HEVC}
_AUDIO: dict[int, Callable[[], FrameReader]] = {0x0F: AdtsReader, 0x11: LatmReader, 0x81: Ac3Reader, 0x87: Eac3Reader}
_REGISTERED: dict[bytes, NalCodec | Callable[[], FrameReader]] = {
    b"HEVC": HEVC,
    b"AC-3": Ac3Reader,
    b"EAC3": Eac3Reader,
}
"""By format identifier, of private data."""
_DVB: dict[int, Callable[[], FrameReader]] = {0x6A: Ac3Reader, 0x7A: Eac3Reader}
"""By descriptor tag (ETSI EN 300 468 annex D), of private data."""
_VIDEO_ADVICE = "set the encoder to H.264 or HEVC"
_AUDIO_ADVICE = "set the encoder to AAC or Opus"
_UNSERVED_VIDEO = {0x01: "MPEG-1", 0x02: "MPEG-2", 0x10: "MPEG-4 part 2", 0x21: "JPEG 2000", 0x33: "VVC", 0xEA: "VC-1"}
_UNSERVED_AUDIO = {
    0x03: "MPEG (MP2, MP3)",
    0x04: "MPEG (MP2, MP3)",
    0x82: "DTS",
    0x85: "DTS",
    0x8A: "DTS",
    0x83: "TrueHD",
}
_UNSERVED_REGISTERED = {b"AV01": "AV1", b"VC-1": "VC-1"}
_OPUS_REGISTRATION = b"Opus"


class Descriptor(NamedTuple):
    """ISO/IEC 13818-1 §2.6."""

    tag: int
    body: bytes


def media_kind(stream_type: int, descriptors: bytes) -> MediaKind | None:
    """What a stream carries, also where it is not served; None for neither sound nor pictures."""
    if stream_type in _VIDEO or stream_type in _UNSERVED_VIDEO:
        return MediaKind.VIDEO
    if stream_type in _AUDIO or stream_type in _UNSERVED_AUDIO:
        return MediaKind.AUDIO
    if stream_type != PRIVATE_DATA:
        return None
    if _registration(descriptors) in (*_UNSERVED_REGISTERED, b"HEVC"):
        return MediaKind.VIDEO
    return MediaKind.AUDIO if _private_audio(descriptors) is not None else None


def elementary_stream(
    stream_type: int, descriptors: bytes, *, track_number: int, counters: TsCounters
) -> VideoStream | AudioStream | None:
    """What reads the stream; None for a type that is ignored. Raises UnsupportedCodec."""
    if stream_type in _UNSERVED_VIDEO:
        raise UnsupportedCodec(f"{_UNSERVED_VIDEO[stream_type]} video is not supported; {_VIDEO_ADVICE}")
    if stream_type in _UNSERVED_AUDIO:
        raise UnsupportedCodec(f"{_UNSERVED_AUDIO[stream_type]} audio is not supported; {_AUDIO_ADVICE}")
    codec = _VIDEO.get(stream_type)
    reader = _AUDIO.get(stream_type)
    if stream_type == PRIVATE_DATA:
        registration = _registration(descriptors)
        if registration in _UNSERVED_REGISTERED:
            name = _UNSERVED_REGISTERED[registration]
            raise UnsupportedCodec(f"{name} in a transport stream is not supported; {_VIDEO_ADVICE}")
        codec = HEVC if registration == b"HEVC" else None
        reader = _private_audio(descriptors)
    if codec is not None:
        return VideoStream(codec, track_number, counters)
    return None if reader is None else AudioStream(reader(), track_number, counters)


def _private_audio(descriptors: bytes) -> Callable[[], FrameReader] | None:
    registration = _registration(descriptors)
    if registration == _OPUS_REGISTRATION:
        channel_configuration = _opus_channels(descriptors)
        return lambda: OpusReader(identification_header(channel_configuration))
    registered = _REGISTERED.get(registration)
    if registered is not None and not isinstance(registered, NalCodec):
        return registered
    return next((_DVB[each.tag] for each in _split(descriptors) if each.tag in _DVB), None)


def _registration(descriptors: bytes) -> bytes:
    return next((each.body[:4] for each in _split(descriptors) if each.tag == _REGISTRATION), b"")


def _opus_channels(descriptors: bytes) -> int:
    """channel_config_code; stereo where nothing is said."""
    bodies = (each.body for each in _split(descriptors) if each.tag == _DVB_EXTENSION)
    return next((body[1] for body in bodies if len(body) >= 2 and body[0] == _OPUS_EXTENSION), 2)


def _split(descriptors: bytes) -> Iterator[Descriptor]:
    position = 0
    while position + 2 <= len(descriptors):
        tag, size = descriptors[position], descriptors[position + 1]
        yield Descriptor(tag, descriptors[position + 2 : position + 2 + size])
        position += 2 + size
