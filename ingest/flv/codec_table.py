"""Which codecs a tag may hold, by FourCC: how their formats are made, and what is said of those that are not served.

Legacy tags number their codecs; the numbers that are served are names for the same FourCCs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from pinkmedia.codecs.aac import AacFormat
from pinkmedia.codecs.ac3 import Ac3Format, Eac3Format
from pinkmedia.codecs.av1 import Av1Format
from pinkmedia.codecs.flac import FlacFormat
from pinkmedia.codecs.formats import AudioFormat, VideoFormat
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.codecs.hevc import HevcFormat
from pinkmedia.codecs.opus import OpusFormat
from pinkmedia.codecs.vp9 import Vp9Format

FormatT = TypeVar("FormatT")


class Opener(NamedTuple, Generic[FormatT]):
    """How a codec's format is made."""

    open: Callable[[bytes, memoryview], FormatT]
    """From the sequence header (empty where the codec has none) and the first frame. Raises CodecError."""
    has_header: bool = True
    needs_frame: bool = False
    """The header alone does not say all: the first (key) frame must be there."""
    has_composition: bool = False
    """Coded frames begin with a composition time."""


VIDEO_CODECS: dict[bytes, Opener[VideoFormat]] = {
    b"avc1": Opener(lambda header, _: H264Format.parse(header), has_composition=True),
    b"hvc1": Opener(lambda header, _: HevcFormat.parse(header), has_composition=True),
    b"av01": Opener(lambda header, _: Av1Format.parse(header)),
    b"vp09": Opener(lambda header, frame: Vp9Format.parse(header, frame), needs_frame=True),
}
AUDIO_CODECS: dict[bytes, Opener[AudioFormat]] = {
    b"mp4a": Opener(lambda header, _: AacFormat.parse(header)),
    b"Opus": Opener(lambda header, frame: OpusFormat.parse(header, frame), needs_frame=True),
    b"fLaC": Opener(lambda header, _: FlacFormat.parse(header)),
    b"ac-3": Opener(lambda _, frame: Ac3Format.parse(frame), has_header=False, needs_frame=True),
    b"ec-3": Opener(lambda _, frame: Eac3Format.parse(frame), has_header=False, needs_frame=True),
}

LEGACY_VIDEO = {7: b"avc1", 12: b"hvc1"}
"""By CodecID. 12 is no standard, but what many encoders sent for HEVC before there was enhanced RTMP."""
LEGACY_AAC = 10
"""SoundFormat."""

VIDEO_ADVICE = "set the encoder to H.264, HEVC or AV1"
AUDIO_ADVICE = "set the encoder to AAC or Opus"
UNSERVED_VIDEO = {2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6", 6: "Screen video", 13: "AV1", 14: "VVC"}
"""Names of legacy CodecIDs. The last two are private to some encoders, whose packets nobody else reads."""
UNSERVED_AUDIO = {
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
"""Names of legacy SoundFormats."""
UNSERVED_FOUR_CC = {b"vp08": "VP8", b"vvc1": "VVC", b".mp3": "MP3"}
