"""FLV audio and video tag bodies (Adobe FLV 10.1, Annex E.4) with the codecs that browsers play: H.264 and AAC.

    video = frame type (4 bits) + codec id (4 bits) | AVC packet type | composition time (signed 24 bits, ms) | data
    audio = sound format (4 bits) + unused          | AAC packet type | data

A frame's payload is a view of the message wherever its NAL units are as the rest of pinkmedia wants them: 4-byte
lengths, no filler. Enhanced RTMP's other codecs are recognised in order to say what to change in the encoder.

    CodecError
    └── UnsupportedCodec    a codec that nobody could watch; the text names it and the setting
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from pinkmedia.codecs.aac import AudioSpecificConfig
from pinkmedia.codecs.h264 import LENGTH_SIZE, AvcConfiguration, NalType, length_prefixed, nal_type, split_annex_b
from pinkmedia.errors import CodecError

MAX_COMPOSITION_MS = 5_000
"""Between decoding and showing a picture: H.264 reorders 16 pictures at most, which is this long at 3 per second."""


class UnsupportedCodec(CodecError):
    """The publisher's encoder is set to a codec that is not served."""


@dataclass(frozen=True, slots=True)
class VideoSequenceHeader:
    """How the frames that follow decode."""

    configuration: AvcConfiguration


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One coded picture."""

    composition_ms: int
    """Presentation minus decode time; negative with some encoders."""
    is_sync: bool
    """It is an IDR picture, whatever the tag's frame type says."""
    payload: bytes | memoryview = field(repr=False)
    """NAL units with 4-byte lengths."""


@dataclass(frozen=True, slots=True)
class AudioSequenceHeader:
    """How the frames that follow decode."""

    configuration: AudioSpecificConfig


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One raw AAC frame."""

    payload: bytes | memoryview = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndOfSequence:
    """The encoder will send no more video, or a new sequence header."""


VideoTag: TypeAlias = VideoSequenceHeader | VideoFrame | EndOfSequence
AudioTag: TypeAlias = AudioSequenceHeader | AudioFrame


class _PacketType(IntEnum):
    """AVCPacketType, and AACPacketType up to 1."""

    SEQUENCE_HEADER = 0
    FRAME = 1
    END_OF_SEQUENCE = 2


_AVC = 7
_AAC = 10
_COMMAND_FRAME = 5
"""Frame type of a seek command; there is no picture in it."""
_ENHANCED_VIDEO = 0x80
_ENHANCED_AUDIO = 9
_ENHANCED_MEDIA = frozenset({0, 1, 3})
"""Packet types of the track that everybody plays: sequence start, coded frames with and without composition time."""
_VIDEO_CODECS = {2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6", 6: "Screen video", 12: "HEVC", 13: "AV1"}
_AUDIO_CODECS = {
    0: "PCM",
    1: "ADPCM",
    2: "MP3",
    3: "PCM",
    4: "Nellymoser",
    5: "Nellymoser",
    6: "Nellymoser",
    7: "G.711",
    8: "G.711",
    11: "Speex",
    13: "Opus",
    14: "MP3",
}
_FOUR_CC_NAMES = {
    b"hvc1": "HEVC",
    b"av01": "AV1",
    b"vp08": "VP8",
    b"vp09": "VP9",
    b"vvc1": "VVC",
    b"avc1": "enhanced-RTMP H.264",
    b"Opus": "Opus",
    b"fLaC": "FLAC",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b".mp3": "MP3",
    b"mp4a": "enhanced-RTMP AAC",
}


class TagReader:
    """Reads one publisher's tags in order; a sequence header says how long the NAL lengths of later frames are."""

    def __init__(self) -> None:
        self._length_size = LENGTH_SIZE

    def read_video(self, body: bytes) -> VideoTag | None:
        """A non-empty video tag body; None for one without a picture. Raises CodecError."""
        head = body[0]
        if head & 0x0F != _AVC or head & _ENHANCED_VIDEO:
            _refuse_video(body)
            return None
        if head >> 4 == _COMMAND_FRAME:
            return None
        if len(body) < 5:
            raise CodecError("FLV video tag is cut short")
        match body[1]:
            case _PacketType.FRAME:
                return self._frame(int.from_bytes(body[2:5], signed=True), memoryview(body)[5:])
            case _PacketType.SEQUENCE_HEADER:
                configuration = AvcConfiguration.parse(body[5:])
                self._length_size = configuration.length_size
                return VideoSequenceHeader(configuration)
            case _PacketType.END_OF_SEQUENCE:
                return EndOfSequence()
        raise CodecError(f"FLV video tag has AVC packet type {body[1]}; 0 to 2 exist")

    def read_audio(self, body: bytes) -> AudioTag | None:
        """A non-empty audio tag body; None for one without sound. Raises CodecError."""
        if body[0] >> 4 != _AAC:
            _refuse_audio(body)
            return None
        if len(body) < 2:
            raise CodecError("FLV audio tag is cut short")
        match body[1]:
            case _PacketType.FRAME:
                return AudioFrame(memoryview(body)[2:]) if len(body) > 2 else None
            case _PacketType.SEQUENCE_HEADER:
                return AudioSequenceHeader(AudioSpecificConfig.parse(body[2:]))
        raise CodecError(f"FLV audio tag has AAC packet type {body[1]}; 0 and 1 exist")

    def _frame(self, composition_ms: int, data: memoryview) -> VideoFrame | None:
        """The picture, or None when nothing of it is left."""
        if abs(composition_ms) > MAX_COMPOSITION_MS:
            raise CodecError(f"composition time of {composition_ms} ms: no encoder reorders so far")
        units = _split(data, self._length_size)
        is_as_wanted = units is not None and self._length_size == LENGTH_SIZE
        if units is None:
            units = _split_stray_annex_b(data)
        kinds = [nal_type(unit) for unit in units]
        if NalType.FILLER in kinds or not is_as_wanted:
            data = memoryview(length_prefixed([unit for unit in units if nal_type(unit) != NalType.FILLER]))
        return VideoFrame(composition_ms, NalType.IDR_SLICE in kinds, data) if data else None


def _split(data: memoryview, length_size: int) -> Sequence[bytes | memoryview] | None:
    """Views of the NAL units; None when their lengths do not add up."""
    units, position = [], 0
    while position < len(data):
        start = position + length_size
        position = start + int.from_bytes(data[position:start])
        units.append(data[start:position])
        if position == start or position > len(data):
            return None
    return units


def _split_stray_annex_b(data: memoryview) -> Sequence[bytes | memoryview]:
    """Some encoders send start codes instead of lengths."""
    try:
        return split_annex_b(data)
    except CodecError as error:
        raise CodecError("H.264 frame whose NAL unit lengths do not add up") from error


def _refuse_video(body: bytes) -> None:
    """Raises UnsupportedCodec, unless an enhanced tag holds metadata or an additional track."""
    is_enhanced = bool(body[0] & _ENHANCED_VIDEO)
    if not is_enhanced or body[0] & 0x0F in _ENHANCED_MEDIA:
        name = _FOUR_CC_NAMES.get(body[1:5]) if is_enhanced else _VIDEO_CODECS.get(body[0] & 0x0F)
        raise UnsupportedCodec(f"{name or 'this'} video is not supported; set the encoder to plain H.264")


def _refuse_audio(body: bytes) -> None:
    """Raises UnsupportedCodec, unless an enhanced tag describes channels or holds an additional track."""
    is_enhanced = body[0] >> 4 == _ENHANCED_AUDIO
    if not is_enhanced or body[0] & 0x0F in _ENHANCED_MEDIA:
        name = _FOUR_CC_NAMES.get(body[1:5]) if is_enhanced else _AUDIO_CODECS.get(body[0] >> 4)
        raise UnsupportedCodec(f"{name or 'this'} audio is not supported; set the encoder to plain AAC")
