"""AV1 as publishers send it (see `pinkmedia.codecs.formats`).

A temporal unit is a row of OBUs (AV1 bitstream specification §5.3). In MP4 it has no temporal delimiters (AV1 Codec
ISO Media File Format Binding §2.4), so those are cut off, which for a usual temporal unit takes no copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple, Self

from pinkmedia.codecs.av1_sequence import Av1SequenceHeader, parse_sequence_header
from pinkmedia.codecs.cursor import Cursor
from pinkmedia.codecs.formats import AccessUnit
from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, Colour, VideoTrack

MAX_LEB128_BYTES = 8
"""Of an OBU's size (§4.10.5)."""
MAX_OBUS = 1024
"""Of one temporal unit: far more than the tile groups and layers of any level."""

_RECORD_HEAD_BYTES = 4
_MARKER_AND_VERSION = 0x81
_HAS_EXTENSION, _HAS_SIZE = 0x04, 0x02
_BT709 = Colour(1, 1, 1, False)


class ObuType(IntEnum):
    """``obu_type`` (§6.2.2); only what pinkmedia looks at."""

    SEQUENCE_HEADER = 1
    TEMPORAL_DELIMITER = 2
    FRAME_HEADER = 3
    METADATA = 5
    FRAME = 6
    TILE_LIST = 8
    PADDING = 15


_NOT_IN_MP4 = frozenset({ObuType.TEMPORAL_DELIMITER, ObuType.TILE_LIST, ObuType.PADDING})
_FRAMES = frozenset({ObuType.FRAME_HEADER, ObuType.FRAME})


class Obu(NamedTuple):
    """One OBU, with its header."""

    kind: int
    data: memoryview
    header_size: int
    """Bytes before the payload."""
    has_size: bool

    @property
    def payload(self) -> memoryview:
        return self.data[self.header_size :]

    def with_size(self) -> bytes | memoryview:
        """Its bytes, with a size field."""
        if self.has_size:
            return self.data
        head = bytes((self.data[0] | _HAS_SIZE, *self.data[1 : self.header_size]))
        return b"".join((head, _leb128(len(self.payload)), self.payload))


@dataclass(frozen=True, slots=True)
class Av1Format:
    """What an AV1CodecConfigurationRecord (binding §2.3) and the sequence header in it say."""

    configuration: bytes
    """The record as MP4 gets it."""
    header: Av1SequenceHeader

    @classmethod
    def parse(cls, record: bytes | memoryview) -> Self:
        """Raises CodecError, also for a record without a sequence header: it has all that matters here."""
        cursor = Cursor(record, "AV1 configuration")
        head = cursor.take(_RECORD_HEAD_BYTES)
        if head[0] != _MARKER_AND_VERSION:
            raise CodecError("AV1 configuration does not begin with marker and version 1")
        obus = list(split_obus(memoryview(cursor.rest())))
        sequence_header = next((obu for obu in obus if obu.kind == ObuType.SEQUENCE_HEADER), None)
        if sequence_header is None:
            raise CodecError("AV1 configuration holds no sequence header; update the encoder")
        header = parse_sequence_header(bytes(sequence_header.payload))
        described = [sequence_header, *(obu for obu in obus if obu.kind == ObuType.METADATA)]
        return cls(_record_head(header, head[3]) + b"".join(obu.with_size() for obu in described), header)

    @property
    def frame_rate(self) -> Fraction | None:
        return self.header.frame_rate

    def track(self, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
        return VideoTrack(
            track_id=track_id,
            codec=Codec.AV1,
            configuration=self.configuration,
            width=self.header.width,
            height=self.header.height,
            codec_string=av1_codec_string(self.header),
            frame_rate=frame_rate,
            colour=self.header.pixels.colour,
        )

    def access_unit(self, data: memoryview) -> AccessUnit | None:
        """A sync sample holds a sequence header, and its first frame is a key frame that is shown (binding §2.5)."""
        kept, start = [], 0
        for obu in split_obus(data):
            if obu.kind not in _NOT_IN_MP4:
                kept.append(obu)
            elif not kept:
                start += len(obu.data)
        return AccessUnit(_joined(data[start:], kept), self._is_sync(kept)) if kept else None

    def _is_sync(self, obus: list[Obu]) -> bool:
        first = next((obu for obu in obus if obu.kind in _FRAMES), None)
        if first is None or all(obu.kind != ObuType.SEQUENCE_HEADER for obu in obus):
            return False
        return self.header.is_reduced_still_picture or _is_shown_key_frame(first.payload)


def split_obus(data: memoryview) -> Iterator[Obu]:
    """The OBUs one after another; only the last may lack a size. Raises CodecError."""
    position, count = 0, 0
    while position < len(data):
        count += 1
        if count > MAX_OBUS:
            raise CodecError(f"AV1 frame with more than {MAX_OBUS} OBUs")
        obu = _first_obu(data[position:])
        yield obu
        position += len(obu.data)


def av1_codec_string(header: Av1SequenceHeader) -> str:
    """Binding §5: profile, level, tier and bit depth; the rest, all of it, where one field is not its default."""
    pixels, colour = header.pixels, header.pixels.colour
    tier = "H" if header.tier else "M"
    short = f"av01.{header.profile}.{header.level:02}{tier}.{pixels.bit_depth:02}"
    chroma = f"{pixels.subsampling[0]:d}{pixels.subsampling[1]:d}{pixels.chroma_sample_position}"
    if not pixels.is_monochrome and chroma == "110" and colour in (None, _BT709):
        return short
    told = colour or _BT709
    points = f"{told.primaries:02}.{told.transfer:02}.{told.matrix:02}.{told.is_full_range:d}"
    return f"{short}.{pixels.is_monochrome:d}.{chroma}.{points}"


def _record_head(header: Av1SequenceHeader, presentation_delay: int) -> bytes:
    """The record's first bytes, as the sequence header has them; only the delay is told by the record alone."""
    pixels = header.pixels
    flags = (header.tier, pixels.bit_depth > 8, pixels.bit_depth == 12, pixels.is_monochrome, *pixels.subsampling)
    packed = int("".join(str(int(flag)) for flag in flags), 2) << 2 | pixels.chroma_sample_position
    return bytes((_MARKER_AND_VERSION, header.profile << 5 | header.level, packed, presentation_delay & 0x1F))


def _joined(data: memoryview, obus: list[Obu]) -> bytes | memoryview:
    """The OBUs with their sizes: the data itself, where it is just that."""
    if obus[-1].has_size and sum(len(obu.data) for obu in obus) == len(data):
        return data
    return b"".join(obu.with_size() for obu in obus)


def _first_obu(data: memoryview) -> Obu:
    header_size = 2 if data[0] & _HAS_EXTENSION else 1
    kind = data[0] >> 3 & 0x0F
    if data[0] & 0x80 or len(data) < header_size:
        raise CodecError("AV1 frame does not consist of OBUs")
    if not data[0] & _HAS_SIZE:
        return Obu(kind, data, header_size, has_size=False)
    size, size_bytes = _read_leb128(data[header_size : header_size + MAX_LEB128_BYTES])
    end = header_size + size_bytes + size
    if end > len(data):
        raise CodecError("AV1 frame whose OBU sizes do not add up")
    return Obu(kind, data[:end], header_size + size_bytes, has_size=True)


def _read_leb128(data: memoryview) -> tuple[int, int]:
    """The number (§4.10.5), and the bytes it takes."""
    value = 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, index + 1
    raise CodecError("AV1 frame whose OBU sizes do not add up")


def _leb128(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def _is_shown_key_frame(frame_header: memoryview) -> bool:
    """uncompressed_header (§5.9.2) begins: show_existing_frame 0, frame_type 00 (KEY_FRAME), show_frame 1."""
    return len(frame_header) > 0 and frame_header[0] >> 4 == 0b0001
