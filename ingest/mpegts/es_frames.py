"""How frames of sound are found in a byte stream: AAC in ADTS, AC-3, E-AC-3 and Opus; AAC in LATM is in `es_latm`.

Each reader remembers the format of the last header that it has seen, because headers are the same thousands of times.
"""

from __future__ import annotations

from dataclasses import replace

from ingest.mpegts.es_audio import Frame, NoFrame
from pinkmedia.codecs.aac import SAMPLE_RATES, AacFormat
from pinkmedia.codecs.ac3 import AC3_SAMPLES, FRAME_HEAD_BYTES, Ac3Format, Eac3Format, ac3_frame_bytes, eac3_frame_size
from pinkmedia.codecs.opus import SAMPLE_RATE as OPUS_SAMPLE_RATE
from pinkmedia.codecs.opus import OpusFormat
from pinkmedia.errors import CodecError

_ADTS_HEADER_BYTES = 7
_ADTS_CRC_BYTES = 2


class AdtsReader:
    """AAC with a header on each frame (ISO/IEC 13818-7 §6.2; ISO/IEC 14496-3 §1.A.2.2)."""

    sync = b"\xff"

    def __init__(self) -> None:
        self._header: tuple[int, int] | None = None
        self._format: AacFormat | None = None
        self._sample_rate = 0

    def read(self, data: bytes, position: int) -> Frame | None:
        if not _may_begin(data, position, 0xFFF0, 0xFFF6):  # sync word and layer 0
            raise NoFrame
        header = data[position : position + _ADTS_HEADER_BYTES]
        if len(header) < _ADTS_HEADER_BYTES:
            return None
        size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        head_bytes = _ADTS_HEADER_BYTES + (0 if header[1] & 1 else _ADTS_CRC_BYTES)
        if size <= head_bytes or header[6] & 3:  # several blocks in a frame: nobody sends them
            raise NoFrame
        if position + size > len(data):
            return None
        if not _may_begin(data, position + size, 0xFFF0, 0xFFF6):
            raise NoFrame
        audio = self._opened(header)
        return Frame(size, data[position + head_bytes : position + size], audio, self._sample_rate)

    def _opened(self, header: bytes) -> AacFormat:
        """The format of a header, from its profile, rate and channels."""
        fields = (header[2], header[3] & 0xC0)
        if self._format is None or fields != self._header:
            object_type, rate_index = (header[2] >> 6) + 1, header[2] >> 2 & 15
            channels = (header[2] & 1) << 2 | header[3] >> 6
            if rate_index >= len(SAMPLE_RATES):
                raise NoFrame
            configuration = object_type << 11 | rate_index << 7 | channels << 3
            self._format = AacFormat.parse(configuration.to_bytes(2))
            self._header, self._sample_rate = fields, SAMPLE_RATES[rate_index]
        return self._format


class Ac3Reader:
    """AC-3 (ETSI TS 102 366 §4.3.1)."""

    sync = b"\x0b"

    def read(self, data: bytes, position: int) -> Frame | None:
        if not _may_begin(data, position, 0x0B77, 0xFFFF):
            raise NoFrame
        head = data[position : position + FRAME_HEAD_BYTES]
        if len(head) < FRAME_HEAD_BYTES:
            return None
        try:
            size = ac3_frame_bytes(head)
        except CodecError:
            raise NoFrame from None
        if position + size > len(data):
            return None
        if not _may_begin(data, position + size, 0x0B77, 0xFFFF):
            raise NoFrame
        payload = data[position : position + size]
        audio = Ac3Format.parse(payload)
        return Frame(size, payload, audio, audio.sample_rate)


class Eac3Reader:
    """E-AC-3 (ETSI TS 102 366 §E.1): frames with fewer than six blocks are put together to make six."""

    sync = b"\x0b"

    def __init__(self) -> None:
        self._format: Eac3Format | None = None

    def read(self, data: bytes, position: int) -> Frame | None:
        size = samples = 0
        while samples < AC3_SAMPLES:
            start = position + size
            if not _may_begin(data, start, 0x0B77, 0xFFFF):
                raise NoFrame
            head = data[start : start + FRAME_HEAD_BYTES]
            if len(head) < FRAME_HEAD_BYTES:
                return None
            frame_bytes, frame_samples = eac3_frame_size(head)
            size, samples = size + frame_bytes, samples + frame_samples
            if position + size > len(data):
                return None
        payload = data[position : position + size]
        audio = self._opened(payload)
        return Frame(size, payload, audio, audio.sample_rate)

    def _opened(self, payload: bytes) -> Eac3Format:
        """The declared bit rate of a variable one changes all the time: that is no other format."""
        found = Eac3Format.parse(payload)
        if self._format is None or replace(found, configuration=b"") != replace(self._format, configuration=b""):
            self._format = found
        return self._format


class OpusReader:
    """Opus with a control header on each packet (Opus in MPEG-TS, §4); each PES packet holds whole ones."""

    sync = b"\x7f"

    def __init__(self, header: bytes) -> None:
        """``header`` is the identification header that the stream's descriptor stands for."""
        self._header = header
        self._format: OpusFormat | None = None

    def read(self, data: bytes, position: int) -> Frame | None:
        if not _may_begin(data, position, 0x7FE0, 0xFFE0):
            raise NoFrame
        start, size = _opus_control_header(data, position)
        end = start + size
        if end > len(data):
            return None
        payload = data[start:end]
        if self._format is None:
            self._format = OpusFormat.parse(self._header, payload)
        return Frame(end - position, payload, self._format, OPUS_SAMPLE_RATE)


def _may_begin(data: bytes, position: int, word: int, mask: int) -> bool:
    """Whether a frame may begin there, as far as the data goes."""
    head = data[position : position + 2]
    if len(head) == 2:
        return int.from_bytes(head) & mask == word
    return not head or head[0] & mask >> 8 == word >> 8


def _opus_control_header(data: bytes, position: int) -> tuple[int, int]:
    """Where the packet begins and how long it is; beyond the data when the header is cut short."""
    flags = data[position + 1] if position + 1 < len(data) else 0
    position += 2
    size = 0
    while True:
        byte = data[position] if position < len(data) else len(data)
        position += 1
        size += byte
        if byte != 0xFF:
            break
    start_trim, end_trim, extension = flags & 0x10, flags & 0x08, flags & 0x04
    position += 2 * bool(start_trim) + 2 * bool(end_trim)
    if extension:
        position += 1 + (data[position] if position < len(data) else len(data))
    return position, size
