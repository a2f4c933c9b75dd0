"""AC-3 and E-AC-3 as publishers send them (see `pinkmedia.codecs.formats`; ETSI TS 102 366 v1.4.1).

Neither has a header of its own: each frame begins with all that a decoder needs (§4.3 and §E.1.2). MP4 wants some of it
in the sample entry (§F.4 and §F.6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from pinkmedia.codecs.bits import BitReader
from pinkmedia.errors import CodecError
from pinkmedia.media import AudioTrack, Codec

AC3_SAMPLES = 1536
BLOCK_SAMPLES = 256
"""Of an audio block; AC-3 frames have six, E-AC-3 frames up to six."""
MAX_FRAMES = 6
"""Of an E-AC-3 packet: frames of one block each that make up the six of a full one."""
SAMPLE_RATES = (48_000, 44_100, 32_000)
"""By fscod (Table 4.1)."""
CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
"""By acmod (Table 4.3), without the low-frequency effects channel."""

FRAME_HEAD_BYTES = 6
"""What tells a frame's length, and that it can be served."""
BIT_RATES_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
"""By frmsizecod, halved (Table 4.13)."""

_PADDED_RATE = 44_100
"""Whose frames are not whole words: every other one is longer."""
_SYNC_WORD = 0x0B77
_HEADER_BYTES = 8
"""What of a frame is read at most."""
_MAX_FRAME_SIZE_CODE = 37
"""frmsizecod (Table 4.13)."""
_MAX_AC3_BSID = 8
_EAC3_BSIDS = range(11, 17)
_BLOCKS = (1, 2, 3, 6)
"""By numblkscod (Table E.1.4)."""
_INDEPENDENT = 0
"""strmtyp (Table E.1.1)."""


def ac3_frame_bytes(head: bytes) -> int:
    """The length of the AC-3 frame that begins with these FRAME_HEAD_BYTES (§4.4.1.4). Raises CodecError."""
    rate_code, size_code = head[4] >> 6, head[4] & 0x3F
    if rate_code >= len(SAMPLE_RATES) or size_code > _MAX_FRAME_SIZE_CODE:
        raise CodecError("AC-3 frame of a reserved size")
    words = BIT_RATES_KBPS[size_code >> 1] * 1000 * AC3_SAMPLES // (SAMPLE_RATES[rate_code] * 16)
    is_padded = SAMPLE_RATES[rate_code] == _PADDED_RATE and size_code & 1
    return 2 * (words + 1 if is_padded else words)


def eac3_frame_size(head: bytes) -> tuple[int, int]:
    """Bytes and samples of the E-AC-3 frame that begins with these FRAME_HEAD_BYTES. Raises CodecError."""
    frame = _eac3_frame(head)
    return frame.size, frame.samples


@dataclass(frozen=True, slots=True)
class Ac3Format:
    """What an AC-3 frame says."""

    configuration: bytes
    """The body of the ``dac3`` box."""
    sample_rate: int
    channels: int

    @classmethod
    def parse(cls, first_frame: bytes | memoryview) -> Self:
        """Raises CodecError."""
        bits = _synchronised(first_frame)
        bits.read(16)  # crc1
        rate_code, size_code, bsid, bsmod = bits.read(2), bits.read(6), bits.read(5), bits.read(3)
        if rate_code >= len(SAMPLE_RATES) or size_code > _MAX_FRAME_SIZE_CODE or bsid > _MAX_AC3_BSID:
            raise CodecError("AC-3 frame of a variant that is not supported; send AC-3 at 48000 Hz")
        acmod = bits.read(3)
        bits.read(_mix_level_bits(acmod))
        has_lfe = bits.read(1)
        bit_rate_code = size_code >> 1
        fields = ((rate_code, 2), (bsid, 5), (bsmod, 3), (acmod, 3), (has_lfe, 1), (bit_rate_code, 5), (0, 5))
        return cls(_packed(fields), SAMPLE_RATES[rate_code], CHANNELS[acmod] + has_lfe)

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        return AudioTrack(
            track_id=track_id,
            codec=Codec.AC3,
            configuration=self.configuration,
            sample_rate=self.sample_rate,
            channels=self.channels,
            samples_per_frame=AC3_SAMPLES,
            codec_string="ac-3",
            bit_rate_bps=bit_rate_bps,
        )

    def sample_count(self, data: bytes | memoryview) -> int:
        """Raises CodecError when it is no frame."""
        _synchronised(data)
        return AC3_SAMPLES


class _Eac3Frame(NamedTuple):
    """The head of an E-AC-3 frame (§E.1.2.2)."""

    stream_type: int
    substream: int
    size: int
    """Bytes."""
    rate_code: int
    samples: int
    acmod: int
    has_lfe: int
    bsid: int


@dataclass(frozen=True, slots=True)
class Eac3Format:
    """What the first packet's frames say."""

    configuration: bytes
    """The body of the ``dec3`` box."""
    sample_rate: int
    channels: int
    samples_per_frame: int

    @classmethod
    def parse(cls, first_frame: bytes | memoryview) -> Self:
        """Raises CodecError, also for several programmes or more than 5.1 channels."""
        frames = list(_eac3_frames(first_frame))
        first = frames[0]
        sample_rate, samples = SAMPLE_RATES[first.rate_code], sum(frame.samples for frame in frames)
        bit_rate_kbps = sum(frame.size for frame in frames) * 8 * sample_rate // (samples * 1000)
        independent_substreams, bsmod_and_flags, reserved_and_dependent_substreams = (0, 3), (0, 5), (0, 8)
        fields = (
            *((bit_rate_kbps, 13), independent_substreams, (first.rate_code, 2), (first.bsid, 5)),
            *(bsmod_and_flags, (first.acmod, 3), (first.has_lfe, 1), reserved_and_dependent_substreams),
        )
        return cls(_packed(fields), sample_rate, CHANNELS[first.acmod] + first.has_lfe, samples)

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        return AudioTrack(
            track_id=track_id,
            codec=Codec.EAC3,
            configuration=self.configuration,
            sample_rate=self.sample_rate,
            channels=self.channels,
            samples_per_frame=self.samples_per_frame,
            codec_string="ec-3",
            bit_rate_bps=bit_rate_bps,
        )

    def sample_count(self, data: bytes | memoryview) -> int:
        """Of all frames in the packet. Raises CodecError."""
        return sum(frame.samples for frame in _eac3_frames(data))


def _synchronised(frame: bytes | memoryview) -> BitReader:
    """Reads a frame from behind its sync word."""
    bits = BitReader(bytes(frame[:_HEADER_BYTES]))
    if bits.read(16) != _SYNC_WORD:
        raise CodecError("AC-3 frame without sync word")
    return bits


def _mix_level_bits(acmod: int) -> int:
    """cmixlev, surmixlev and dsurmod, which only some layouts have (§4.3.2)."""
    has_centre_beside_others, has_surround, is_stereo = bool(acmod & 1 and acmod != 1), bool(acmod & 4), acmod == 2
    return 2 * (has_centre_beside_others + has_surround + is_stereo)


def _eac3_frames(packet: bytes | memoryview) -> Iterator[_Eac3Frame]:
    """The frames of a packet, at least one. Raises CodecError."""
    position, count = 0, 0
    while position < len(packet) or not count:
        frame = _eac3_frame(packet[position:])
        count += 1
        position += frame.size
        if position > len(packet) or count > MAX_FRAMES:
            raise CodecError(f"E-AC-3 packet that is cut short or has more than {MAX_FRAMES} frames")
        yield frame


def _eac3_frame(data: bytes | memoryview) -> _Eac3Frame:
    bits = _synchronised(data)
    stream_type, substream, size = bits.read(2), bits.read(3), 2 * (bits.read(11) + 1)
    rate_code, block_code = bits.read(2), bits.read(2)
    frame = _Eac3Frame(
        stream_type=stream_type,
        substream=substream,
        size=size,
        rate_code=rate_code,
        samples=BLOCK_SAMPLES * _BLOCKS[block_code],
        acmod=bits.read(3),
        has_lfe=bits.read(1),
        bsid=bits.read(5),
    )
    if (stream_type, substream) != (_INDEPENDENT, 0):
        raise CodecError("E-AC-3 with several substreams is not supported; send one programme with at most 5.1")
    if rate_code >= len(SAMPLE_RATES) or frame.bsid not in _EAC3_BSIDS:
        raise CodecError("E-AC-3 frame of a variant that is not supported; send E-AC-3 at 48000 Hz")
    return frame


def _packed(fields: tuple[tuple[int, int], ...]) -> bytes:
    """Values of given bits one after another; together they fill bytes."""
    value = size = 0
    for field, field_bits in fields:
        value, size = value << field_bits | field, size + field_bits
    return value.to_bytes(size // 8)
