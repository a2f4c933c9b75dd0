"""The vocabulary every stage speaks: tracks, packets, renditions, and what the packager makes.

This module imports nothing of the project, so that every package may import it.

Time is counted in integer ticks of a track's timescale: video 90 000 per second, audio its sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

VIDEO_TIMESCALE = 90_000
"""Ticks per second of every video track: divides 24, 25, 30, 50, 60 and the 1001 rates' frame durations well."""


class Codec(StrEnum):
    """What an elementary stream is coded in."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    VP9 = "vp9"
    AAC = "aac"
    OPUS = "opus"
    FLAC = "flac"
    AC3 = "ac3"
    EAC3 = "eac3"


@dataclass(frozen=True, slots=True)
class Colour:
    """How numbers in a picture mean colours: code points of ITU-T H.273, as in the ``colr`` box (``nclx``)."""

    primaries: int
    """1 is BT.709, 9 BT.2020, 2 unspecified."""
    transfer: int
    """1 is BT.709, 16 PQ, 18 HLG, 2 unspecified."""
    matrix: int
    """1 is BT.709, 9 BT.2020 non-constant luminance, 2 unspecified."""
    is_full_range: bool


HDR_TRANSFERS = frozenset({16, 18})
"""PQ and HLG."""


@dataclass(frozen=True, slots=True)
class HdrMetadata:
    """What an HDR display must know of the mastering; bodies of the ISO/IEC 14496-12 §12.1.6 and .7 boxes."""

    mastering_display: bytes | None = None
    """Of the ``mdcv`` box: 24 bytes."""
    content_light_level: bytes | None = None
    """Of the ``clli`` box: 4 bytes."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A video elementary stream, as its parameter sets describe it."""

    track_id: int
    """Unique in its source; 1 is the first video track."""
    codec: Codec
    configuration: bytes
    """The codec's configuration record as MP4 has it: the body of the ``avcC``, ``hvcC``, ``av1C`` or ``vpcC`` box
    (without version and flags)."""
    width: int
    """In samples, after cropping."""
    height: int
    """In samples, after cropping."""
    codec_string: str
    """RFC 6381 name, such as ``avc1.640028``."""
    frame_rate: Fraction
    """Nominal frames per second. Ingest always fills it in: from the sender's metadata, the parameter sets, or by
    measuring the first frames."""
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a sample by its height."""
    colour: Colour | None = None
    """None where the stream does not say."""
    hdr: HdrMetadata | None = None

    @property
    def timescale(self) -> int:
        return VIDEO_TIMESCALE

    @property
    def display_width(self) -> int:
        """In square pixels, of which there are as many in a column as samples."""
        return round(self.width * self.sample_aspect_ratio)

    @property
    def frame_duration_ticks(self) -> int:
        """Nominal duration of one frame."""
        return round(VIDEO_TIMESCALE / self.frame_rate)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio elementary stream, as its configuration describes it."""

    track_id: int
    """Unique in its source; 2 is the first audio track."""
    codec: Codec
    configuration: bytes
    """For AAC the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); for the others the body of the ``dOps``, ``dfLa``
    (without version and flags), ``dac3`` or ``dec3`` box."""
    sample_rate: int
    channels: int
    samples_per_frame: int
    """Of a usual frame: 1024 for AAC-LC, at the output rate 2048 for HE-AAC, 960 for Opus, 1536 for AC-3."""
    codec_string: str
    """RFC 6381 name, such as ``mp4a.40.2``."""
    bit_rate_bps: int | None = None
    """As the sender declares it; None when it does not."""

    @property
    def timescale(self) -> int:
        return self.sample_rate

    @property
    def frame_duration_ticks(self) -> int:
        return self.samples_per_frame


Track: TypeAlias = VideoTrack | AudioTrack


@dataclass(slots=True)
class Packet:
    """One access unit of one track.

    The stage that holds a packet owns it and may change its times in place; the payload is never changed.
    """

    track_id: int
    dts_ticks: int
    pts_ticks: int
    duration_ticks: int
    """Nominal: from the frame rate, or samples per frame; the true one is known only when the next packet arrives."""
    is_sync: bool
    """A decoder can start here: an IDR picture or a random access point that leads nothing; every audio frame."""
    payload: bytes | memoryview
    """For H.264 and HEVC length-prefixed (4 bytes) NAL units, for AV1 a temporal unit without delimiters, for VP9 a
    (super)frame; one raw frame for audio."""
    received_at: float
    """Monotonic seconds when its last byte came in; it travels along so that latency is measured, not guessed."""


SCTE35_SCHEME = "urn:scte:scte35:2013:bin"
"""ANSI/SCTE 214-3 §7.2.2."""
ID3_SCHEME = "https://aomedia.org/emsg/ID3"
"""AOM's Carriage of ID3 Timed Metadata in CMAF §2."""


@dataclass(frozen=True, slots=True)
class TimedMetadata:
    """What belongs to a moment of a stream and is neither picture nor sound: players get it as it is."""

    scheme: str
    """URI that says what the payload is, as event messages have it."""
    pts_ticks: int
    """On the same timeline as the packets that it comes between, at VIDEO_TIMESCALE."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class PictureSheet:
    """Small still pictures in one image, row by row from the top left: what a player shows over its seek bar."""

    jpeg: bytes
    tile_width: int
    """In pixels."""
    tile_height: int
    """In pixels."""
    columns: int
    """Tiles in a row."""
    times_ticks: tuple[int, ...]
    """Of each tile's picture: its presentation time at VIDEO_TIMESCALE, rising."""


AUDIO_GROUP = "audio"
"""Of the best sound there is. It is the name of its first track's rendition, too."""


def audio_group(bit_rate_bps: int | None) -> str:
    """The group of sound that is encoded to a bit rate of its own: ``audio-96k``. None: the best there is."""
    return AUDIO_GROUP if bit_rate_bps is None else f"{AUDIO_GROUP}-{bit_rate_bps // 1000}k"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One entry of the adaptive ladder, or the audio beside it."""

    name: str
    """Unique in its stream and fit for a URL: ``1080p``, ``720p``, ``audio``."""
    track: Track
    bit_rate_bps: int
    """Declared or configured; what is published later is measured."""
    is_passthrough: bool
    """True when the publisher's own access units are served, untouched."""
    audio_group: str = AUDIO_GROUP
    """Of audio: which it belongs to, as one of several tracks of one quality. Of a picture: which is heard beside it,
    where there is that group; otherwise the first."""
    stands_alone: bool = False
    """Audio that is offered without a picture, too."""

    @property
    def label(self) -> str:
        """Of audio: the track's own, the same in every group."""
        return self.name.removesuffix(self.audio_group.removeprefix(AUDIO_GROUP))


@dataclass(frozen=True, slots=True)
class InitSegment:
    """The CMAF header of a rendition: what a decoder needs before any part."""

    uri: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One published CMAF chunk: immutable."""

    uri: str
    data: bytes
    duration_seconds: float
    is_independent: bool
    """It holds a sync sample (it begins with one, for video made here)."""
    last_received_at: float
    """``Packet.received_at`` of its last access unit."""
    published_at: float
    """Monotonic seconds when it became readable."""
