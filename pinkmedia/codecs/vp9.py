"""VP9 as publishers send it (see `pinkmedia.codecs.formats`).

The VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding) tells how pixels are stored, but not how many
there are: the size is in the first key frame's uncompressed header (VP9 bitstream specification §6.2). A superframe,
which is a shown frame and the hidden ones before it, stays whole: it is what decoders take.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pinkmedia.codecs.bits import BitReader
from pinkmedia.codecs.cursor import Cursor
from pinkmedia.codecs.formats import AccessUnit
from pinkmedia.codecs.pictures import check_size, told_colour
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, Colour, VideoTrack

LEVELS = frozenset({10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 52, 60, 61, 62})
"""Ten times the level (bitstream specification, Annex A)."""
BIT_DEPTHS = {0: (8,), 1: (8,), 2: (10, 12), 3: (10, 12)}
"""By profile."""
MAX_CHROMA_SUBSAMPLING = 3
"""0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4."""

_VERSION_AND_FLAGS = b"\x01\x00\x00\x00"
"""Of the box: FFmpeg sends them in front of the record, other encoders do not. No record begins like this, because
its third byte says the bit depth."""
_KEY_FRAME_BYTES = 16
"""What of a key frame is read at most."""
_FRAME_MARKER = 0b10
_SYNC_CODE = 0x498342
_RGB = 7
_BT709 = Colour(1, 1, 1, False)


@dataclass(frozen=True, slots=True)
class Vp9Format:
    """What a VPCodecConfigurationRecord and the first key frame say."""

    configuration: bytes
    """The record as MP4 gets it, without the box's version and flags."""
    profile: int
    level: int
    """Ten times the level: 41 is level 4.1."""
    bit_depth: int
    chroma_subsampling: int
    """0 and 1 are 4:2:0, 2 is 4:2:2, 3 is 4:4:4."""
    colour: Colour | None
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @classmethod
    def parse(cls, record: bytes | memoryview, first_frame: bytes | memoryview) -> Self:
        """Raises CodecError, also when the first frame is no key frame."""
        cursor = Cursor(bytes(record).removeprefix(_VERSION_AND_FLAGS), "VP9 configuration")
        configuration = cursor.take(8)
        profile, level, pixels, primaries, transfer, matrix = configuration[:6]
        bit_depth, chroma_subsampling, is_full_range = pixels >> 4, pixels >> 1 & 7, bool(pixels & 1)
        if level not in LEVELS or bit_depth not in BIT_DEPTHS.get(profile, ()):
            raise CodecError(f"VP9 has no profile {profile} with level {level} and {bit_depth} bits; set profile 0")
        if chroma_subsampling > MAX_CHROMA_SUBSAMPLING:
            raise CodecError(f"VP9 has no chroma subsampling {chroma_subsampling}; set the encoder to 4:2:0")
        width, height = _key_frame_size(bytes(first_frame[:_KEY_FRAME_BYTES]), profile)
        return cls(
            configuration=configuration[:6] + bytes(2),  # codecInitializationDataSize: VP9 has none
            profile=profile,
            level=level,
            bit_depth=bit_depth,
            chroma_subsampling=chroma_subsampling,
            colour=told_colour(primaries, transfer, matrix, is_full_range=is_full_range),
            width=width,
            height=height,
        )

    @property
    def frame_rate(self) -> Fraction | None:
        """VP9 has no clock of its own."""
        return None

    def track(self, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
        return VideoTrack(
            track_id=track_id,
            codec=Codec.VP9,
            configuration=self.configuration,
            width=self.width,
            height=self.height,
            codec_string=self._codec_string(),
            frame_rate=frame_rate,
            colour=self.colour,
        )

    def access_unit(self, data: memoryview) -> AccessUnit | None:
        """A (super)frame that begins with a key frame is a sync sample. Raises CodecError for what is no frame."""
        if not len(data):
            return None
        if data[0] >> 6 != _FRAME_MARKER:
            raise CodecError("VP9 frame without frame marker")
        return AccessUnit(data, _is_key_frame(data[0]))

    def _codec_string(self) -> str:
        """Binding, "Codecs Parameter String": what follows the bit depth is told only where it is not the default."""
        short = f"vp09.{self.profile:02}.{self.level:02}.{self.bit_depth:02}"
        if self.chroma_subsampling <= 1 and self.colour in (None, _BT709):
            return short
        told = self.colour or _BT709
        points = f"{told.primaries:02}.{told.transfer:02}.{told.matrix:02}.{told.is_full_range:02}"
        return f"{short}.{self.chroma_subsampling:02}.{points}"


def _is_key_frame(first: int) -> bool:
    """uncompressed_header's first byte: marker, profile (and a reserved bit in profile 3), show_existing_frame,
    frame_type."""
    is_profile_3 = first & 0b0011_0000 == 0b0011_0000
    return (first >> (1 if is_profile_3 else 2)) & 0b11 == 0


def _key_frame_size(frame: bytes, profile: int) -> tuple[int, int]:
    bits = BitReader(frame)
    if bits.read(2) != _FRAME_MARKER or not _is_key_frame(frame[0]):
        raise CodecError("VP9 stream does not begin with a key frame")
    low, high = bits.read(1), bits.read(1)
    if high << 1 | low != profile:
        raise CodecError(f"VP9 frame has profile {high << 1 | low}, its configuration {profile}; update the encoder")
    # reserved_zero of profile 3; show_existing_frame, frame_type, show_frame, error_resilient_mode
    bits.read(5 if profile == 3 else 4)
    if bits.read(24) != _SYNC_CODE:
        raise CodecError("VP9 key frame without sync code")
    _skip_colour_config(bits, profile)
    width, height = bits.read(16) + 1, bits.read(16) + 1
    check_size(width, height, "VP9 key frame")
    return width, height


def _skip_colour_config(bits: BitReader, profile: int) -> None:
    """color_config (§6.2.2): the record tells the same."""
    if profile >= 2:
        bits.flag()  # ten_or_twelve_bit
    is_rgb = bits.read(3) == _RGB  # color_space
    if not is_rgb:
        bits.flag()  # color_range
    if profile in (1, 3):
        bits.read(1 if is_rgb else 3)  # subsampling_x and _y, reserved_zero
