"""Opus as publishers send it (see `pinkmedia.codecs.formats`).

The header is Ogg's (RFC 7845 §5.1), little-endian; MP4's ``dOps`` says the same, big-endian ("Encapsulation of Opus in
ISO Base Media File Format" §4.3.2). How long a packet lasts is in its first bytes (RFC 6716 §3.1 and §3.2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from pinkmedia.codecs.cursor import Cursor
from pinkmedia.errors import CodecError, UnsupportedCodec
from pinkmedia.media import AudioTrack, Codec

SAMPLE_RATE = 48_000
"""Opus always decodes to this, whatever was encoded (RFC 7845 §4)."""
MAX_PACKET_SAMPLES = 5760
"""120 ms (RFC 6716 §3.2.5)."""
MAX_CHANNELS = {0: 2, 1: 8}
"""By channel mapping family (RFC 7845 §5.1.1); the others have no loudspeaker layout."""

_MAGIC = b"OpusHead"
_PRE_SKIP = 0
"""A stream that is joined live has no beginning to skip to."""
_CHANNEL_MAPPINGS = {
    1: (1, 0, (0,)),
    2: (1, 1, (0, 1)),
    3: (2, 1, (0, 2, 1)),
    4: (2, 2, (0, 1, 2, 3)),
    5: (3, 2, (0, 4, 1, 2, 3)),
    6: (4, 2, (0, 4, 1, 2, 3, 5)),
    7: (4, 3, (0, 4, 1, 2, 3, 5, 6)),
    8: (5, 3, (0, 6, 1, 2, 3, 4, 5, 7)),
}
"""Streams, those of them in stereo, and the mapping, by number of channels (RFC 7845 §5.1.1.2, RFC 6716's pairing)."""
_SILK_SAMPLES = (480, 960, 1920, 2880)
_HYBRID_SAMPLES = (480, 960)
_CELT_SAMPLES = (120, 240, 480, 960)
_FRAME_SAMPLES = _SILK_SAMPLES * 3 + _HYBRID_SAMPLES * 2 + _CELT_SAMPLES * 4
"""By the TOC byte's configuration (RFC 6716, Table 2)."""


def identification_header(channel_configuration: int) -> bytes:
    """The header that an MPEG transport stream's channel_config_code stands for (Opus in MPEG-TS §3).

    Raises UnsupportedCodec.
    """
    if channel_configuration not in _CHANNEL_MAPPINGS:
        raise UnsupportedCodec(f"Opus channel configuration {channel_configuration} is not supported; send stereo")
    streams, coupled, mapping = _CHANNEL_MAPPINGS[channel_configuration]
    channels = len(mapping)
    fixed = struct.pack("<BBHIh", 1, channels, _PRE_SKIP, SAMPLE_RATE, 0)
    family = bytes((1, streams, coupled, *mapping)) if channels > MAX_CHANNELS[0] else bytes(1)
    return _MAGIC + fixed + family


@dataclass(frozen=True, slots=True)
class OpusFormat:
    """What an identification header and the first packet say."""

    configuration: bytes
    """The body of the ``dOps`` box."""
    channels: int
    samples_per_frame: int
    """Of the first packet."""

    @classmethod
    def parse(cls, header: bytes | memoryview, first_packet: bytes | memoryview) -> Self:
        """Raises CodecError."""
        cursor = Cursor(header, "Opus header")
        if cursor.take(8) != _MAGIC or cursor.unsigned(1) >> 4:  # the version's high bits are the incompatible ones
            raise CodecError("Opus header is not an OpusHead of version 1; update the encoder")
        channels = cursor.unsigned(1)
        pre_skip, input_rate, gain = (cursor.take(size)[::-1] for size in (2, 4, 2))
        family = cursor.unsigned(1)
        if not 1 <= channels <= MAX_CHANNELS.get(family, 0):
            raise CodecError(f"Opus channel mapping {family} with {channels} channels is not supported; send stereo")
        mapping = cursor.take(2 + channels) if family else b""
        _check_mapping(mapping, channels)
        version = bytes(1)
        return cls(
            configuration=b"".join(
                (version, bytes((channels,)), pre_skip, input_rate, gain, bytes((family,)), mapping)
            ),
            channels=channels,
            samples_per_frame=packet_samples(first_packet),
        )

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        return AudioTrack(
            track_id=track_id,
            codec=Codec.OPUS,
            configuration=self.configuration,
            sample_rate=SAMPLE_RATE,
            channels=self.channels,
            samples_per_frame=self.samples_per_frame,
            codec_string="opus",
            bit_rate_bps=bit_rate_bps,
        )

    def sample_count(self, data: bytes | memoryview) -> int:
        """A packet says itself how long it lasts. Raises CodecError."""
        return packet_samples(data)


def packet_samples(packet: bytes | memoryview) -> int:
    """Samples per channel in a packet: those of a frame, by its table of contents, times its frames.

    Raises CodecError when it has none, or lasts longer than 120 ms.
    """
    samples = _FRAME_SAMPLES[packet[0] >> 3] * _frame_count(packet) if len(packet) else 0
    if not 0 < samples <= MAX_PACKET_SAMPLES:
        raise CodecError("Opus packet that is empty or longer than 120 ms")
    return samples


def _frame_count(packet: bytes | memoryview) -> int:
    """RFC 6716 §3.2: one frame, two, or as many as the second byte says."""
    code = packet[0] & 3
    if code == 3:
        return packet[1] & 0x3F if len(packet) > 1 else 0
    return 2 if code else 1


def _check_mapping(mapping: bytes, channels: int) -> None:
    """RFC 7845 §5.1.1: streams, those of them in stereo, and for each channel the decoded one it plays."""
    if not mapping:
        return
    streams, coupled, *sources = mapping
    silent = 255
    if not 1 <= streams <= channels or coupled > streams or streams + coupled > channels:
        raise CodecError(f"Opus header has {streams} streams for {channels} channels; send stereo")
    if any(source >= streams + coupled and source != silent for source in sources):
        raise CodecError("Opus header plays channels that are in no stream; send stereo")
