"""AAC in LATM, transported by LOAS (ISO/IEC 14496-3 §1.7): frames whose configuration stands among the bits.

Only what encoders send is read: one programme with one layer, one frame in each multiplex. The payload is cut out of
the bits, wherever in a byte it begins.
"""

from __future__ import annotations

from ingest.mpegts.es_audio import Frame, NoFrame
from pinkmedia.codecs.aac import AacFormat
from pinkmedia.codecs.bits import BitReader
from pinkmedia.errors import CodecError, UnsupportedCodec

_SYNC_HEAD = 0x56E0
"""11 bits of sync word (2B7); 13 bits of length follow (§1.7.2.1)."""
_SYNC_MASK = 0xFFE0
_HEADER_BYTES = 3


class LatmReader:
    """A `FrameReader`."""

    sync = b"\x56"

    def __init__(self) -> None:
        self._format: AacFormat | None = None

    def read(self, data: bytes, position: int) -> Frame | None:
        header = data[position : position + _HEADER_BYTES]
        word = int.from_bytes(header[:2].ljust(2, b"\xff" if len(header) > 1 else b"\xe0"))
        if word & _SYNC_MASK != _SYNC_HEAD:
            raise NoFrame
        if len(header) < _HEADER_BYTES:
            return None
        size = _HEADER_BYTES + ((header[1] & 0x1F) << 8 | header[2])
        if position + size > len(data):
            return None
        payload, audio = self._read_multiplex(BitReader(data[position + _HEADER_BYTES : position + size]))
        return Frame(size, payload, audio, audio.configuration.sample_rate)

    def _read_multiplex(self, bits: BitReader) -> tuple[bytes, AacFormat]:
        """AudioMuxElement(1) (table 1.41). Raises NoFrame, UnsupportedCodec."""
        try:
            is_same = bits.flag()  # useSameStreamMux
            if not is_same:
                self._format = _stream_mux_config(bits)
            if self._format is None:  # the configuration is yet to come
                raise NoFrame
            return _payload(bits), self._format
        except UnsupportedCodec:
            raise
        except CodecError:
            raise NoFrame from None


def _stream_mux_config(bits: BitReader) -> AacFormat:
    """StreamMuxConfig (table 1.42)."""
    version = bits.read(1)
    if version and bits.read(1):  # audioMuxVersionA
        raise UnsupportedCodec("LATM of a reserved version is not supported; send AAC in ADTS")
    if version:
        _latm_value(bits)  # taraBufferFullness
    bits.flag()  # allStreamsSameTimeFraming
    sub_frames, programs, layers = bits.read(6), bits.read(4), bits.read(3)
    if sub_frames or programs or layers:
        raise UnsupportedCodec("LATM with several programmes, layers or frames is not supported; send AAC in ADTS")
    config_bits = _latm_value(bits) if version else None
    audio = _audio_specific_config(bits, config_bits)
    if bits.read(3):  # frameLengthType
        raise UnsupportedCodec("LATM with frames of fixed length is not supported; send AAC in ADTS")
    bits.read(8)  # latmBufferFullness
    if bits.flag():  # otherDataPresent
        raise UnsupportedCodec("LATM with other data is not supported; send AAC in ADTS")
    if bits.flag():  # crcCheckPresent
        bits.read(8)
    return audio


def _audio_specific_config(bits: BitReader, size_bits: int | None) -> AacFormat:
    """Of the given length; without one, as long as it turns out to be."""
    if size_bits is None:
        ahead = bits.copy()
        audio = AacFormat.parse(ahead.read_bytes(ahead.remaining_bits))
        size_bits = audio.configuration.used_bits
    return AacFormat.parse(bits.read_bytes(size_bits))


def _latm_value(bits: BitReader) -> int:
    """LatmGetValue (table 1.43)."""
    return bits.read(8 * (bits.read(2) + 1))


def _payload(bits: BitReader) -> bytes:
    """PayloadLengthInfo and PayloadMux of a single layer (tables 1.44 and 1.45)."""
    size = 0
    while (byte := bits.read(8)) == 0xFF:
        size += byte
    size += byte
    if not size:
        raise NoFrame
    return bits.read_bytes(8 * size)
