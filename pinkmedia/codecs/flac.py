"""FLAC as publishers send it (see `pinkmedia.codecs.formats`; RFC 9639).

Only STREAMINFO (§8.2) of the header is kept. What it says of the whole stream (frame sizes, length, checksum) is set to
"unknown": of a live stream it is, and encoders send the header again when they learn it, which must not look like
another stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pinkmedia.codecs.bits import BitReader
from pinkmedia.codecs.cursor import Cursor
from pinkmedia.errors import CodecError
from pinkmedia.media import AudioTrack, Codec

STREAM_INFO_BYTES = 34
MIN_BLOCK_SAMPLES = 16
"""Of all blocks but the last (§8.2)."""
MIN_SAMPLE_RATE = 8_000
MAX_SAMPLE_RATE = 192_000
"""Between telephony and what audio interfaces and browsers go up to."""

_MARKER = b"fLaC"
_STREAM_INFO_HEADER = bytes((0x80, 0, 0, STREAM_INFO_BYTES))
"""Of the last metadata block, of type 0 (§8.1)."""
_BLOCK_SIZE_8_BITS, _BLOCK_SIZE_16_BITS = 6, 7
_FRAME_SYNC = 0x7FFC
"""15 bits: the sync code, and a reserved bit that is 0 (§9.1)."""


@dataclass(frozen=True, slots=True)
class FlacFormat:
    """What STREAMINFO says."""

    configuration: bytes
    """The body of the ``dfLa`` box, without version and flags: a metadata block with STREAMINFO."""
    sample_rate: int
    channels: int
    samples_per_frame: int

    @classmethod
    def parse(cls, header: bytes | memoryview) -> Self:
        """From ``fLaC`` and metadata blocks, from the blocks alone, or from STREAMINFO alone, which FFmpeg sends.

        Raises CodecError, also for a stream whose blocks are of various sizes.
        """
        info = _stream_info(bytes(header))
        bits = BitReader(info)
        smallest, largest = bits.read(16), bits.read(16)
        if smallest != largest or smallest < MIN_BLOCK_SAMPLES:
            raise CodecError(f"FLAC blocks of {smallest} to {largest} samples; set the encoder to a fixed block size")
        frame_size_bits = 48
        bits.read(frame_size_bits)
        sample_rate, channels = bits.read(20), bits.read(3) + 1
        if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
            raise CodecError(f"FLAC sample rate of {sample_rate} Hz; send 44100 or 48000")
        return cls(_STREAM_INFO_HEADER + _of_live_stream(info), sample_rate, channels, smallest)

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        return AudioTrack(
            track_id=track_id,
            codec=Codec.FLAC,
            configuration=self.configuration,
            sample_rate=self.sample_rate,
            channels=self.channels,
            samples_per_frame=self.samples_per_frame,
            codec_string="fLaC",
            bit_rate_bps=bit_rate_bps,
        )

    def sample_count(self, data: bytes | memoryview) -> int:
        """From the frame's header; the last frame of a stream may be shorter. Raises CodecError."""
        bits = BitReader(bytes(data[:16]))
        if bits.read(15) != _FRAME_SYNC:
            raise CodecError("FLAC frame without sync code")
        bits.flag()  # blocking strategy
        code = bits.read(4)
        bits.read(12)  # sample rate, channels, sample size, a reserved bit
        samples = _block_samples(bits, code)
        if samples > self.samples_per_frame:
            raise CodecError(f"FLAC frame of {samples} samples; its header promises {self.samples_per_frame}")
        return samples


def _stream_info(header: bytes) -> bytes:
    if len(header) == STREAM_INFO_BYTES:
        return header
    cursor = Cursor(header.removeprefix(_MARKER), "FLAC header")
    kind, size = cursor.unsigned(1) & 0x7F, cursor.unsigned(3)
    if kind or size != STREAM_INFO_BYTES:
        raise CodecError("FLAC header does not begin with STREAMINFO")
    return cursor.take(size)


def _of_live_stream(info: bytes) -> bytes:
    """STREAMINFO with nothing but block sizes, sample rate, channels and bits per sample."""
    block_sizes, rate_channels_and_bits = info[:4], info[10:14]
    last = rate_channels_and_bits[3] & 0xF0  # its low bits begin the number of samples
    return block_sizes + bytes(6) + rate_channels_and_bits[:3] + bytes((last,)) + bytes(4 + 16)


def _block_samples(bits: BitReader, code: int) -> int:
    """Table 14; sizes that the table does not have follow the frame's number (§9.1.1, §9.1.6)."""
    if code == 0:
        raise CodecError("FLAC frame with a reserved block size")
    if code == 1:
        return 192
    if code in (_BLOCK_SIZE_8_BITS, _BLOCK_SIZE_16_BITS):
        _skip_coded_number(bits)
        return bits.read(8 if code == _BLOCK_SIZE_8_BITS else 16) + 1
    return 144 << code if code < _BLOCK_SIZE_8_BITS else 1 << code


def _skip_coded_number(bits: BitReader) -> None:
    """Up to 7 bytes, as UTF-8 extends them: as many as the first one has leading ones, or one (§9.1.5)."""
    first = bits.read(8)
    leading_ones = 8 - (first ^ 0xFF).bit_length()
    if leading_ones == 1 or leading_ones > 7:
        raise CodecError("FLAC frame with a malformed number")
    bits.read(8 * max(leading_ones - 1, 0))
