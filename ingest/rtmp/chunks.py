"""The RTMP chunk stream (RTMP 1.0 §5.3): messages cut into chunks, several messages at once.

    chunk = basic header (1-3 bytes: fmt, csid) | message header (11, 7, 3 or 0) | extended timestamp (0 or 4) | payload

The reader is the hot path of ingest. What makes it fast is that a message's continuation chunks are all alike: one
header byte, then chunk-size bytes of payload. A whole run of them is found with one strided slice and stripped of its
headers with one strided deletion, so the cost is per read, not per chunk.

Payload is taken as it arrives, never allocated by its declared length; only a header may wait for its missing bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.rtmp.errors import ChunkError, LimitExceeded
from ingest.rtmp.messages import Message, MessageType

DEFAULT_CHUNK_SIZE = 128
"""In each direction until a Set Chunk Size (§5.4.1)."""
MIN_CHUNK_SIZE = 128
"""§5.4.1 asks for it; smaller ones cost a header for every few bytes and no encoder uses them."""
MAX_CHUNK_SIZE = 0xFFFFFF
"""Larger ones mean the same, as no message is longer (§5.4.1)."""
MAX_MEDIA_MESSAGE_BYTES = 8 * 1024 * 1024
"""Several times a 2160p key frame at 50 Mb/s."""
MAX_OTHER_MESSAGE_BYTES = 1024 * 1024
"""Metadata is a few hundred bytes; some encoders embed a document in it."""
MAX_PARTIAL_BYTES = 16 * 1024 * 1024
"""Of all unfinished messages together: two media messages of the longest kind."""
MAX_CHUNK_STREAMS = 32
"""Encoders use up to five."""

_EXTENDED = 0xFFFFFF
"""In a timestamp field: the value follows in 4 bytes (§5.3.1.3)."""
_HEADER_BYTES = (11, 7, 3, 0)
"""Of the message header, by fmt (§5.3.1.2)."""
_MEDIA_TYPES = frozenset({MessageType.AUDIO, MessageType.VIDEO, MessageType.AGGREGATE})
_U32 = 0xFFFFFFFF


@dataclass(slots=True)
class _ChunkStream:
    """What later chunks of one csid inherit, and its unfinished message."""

    basic_header: bytes
    """Of a continuation chunk: fmt 3 and the csid."""
    timestamp_ms: int = 0
    delta_ms: int = 0
    """What a fmt 3 chunk that begins a message adds; after fmt 0 the timestamp itself (§5.3.1.2.4)."""
    extended: bytes = b""
    """The extended timestamp of the last fmt 0, 1 or 2, or nothing."""
    length: int = 0
    type_id: int = 0
    stream_id: int = 0
    partial: bytearray = field(default_factory=bytearray)
    is_partial: bool = False


class ChunkReader:
    """Turns bytes into messages. Set Chunk Size and Abort take effect here and are not handed on."""

    def __init__(self) -> None:
        self._chunk_size = DEFAULT_CHUNK_SIZE
        self._streams: dict[int, _ChunkStream] = {}
        self._current: _ChunkStream | None = None
        """The stream whose chunk is cut by the end of the last read."""
        self._chunk_left = 0
        self._unread = b""
        """An unfinished header."""
        self._partial_bytes = 0
        self._messages: list[Message] = []

    def receive_data(self, data: bytes) -> list[Message]:
        """The messages completed by these bytes. Raises ChunkError or LimitExceeded; the reader is unusable then."""
        if self._unread:
            data = self._unread + data
        position, end = 0, len(data)
        while position < end:
            if self._current is None:
                payload_position = self._begin_chunk(data, position)
                if payload_position is None:
                    break
                position = payload_position
            position = self._take_payload(data, position)
        self._unread = data[position:]
        messages, self._messages = self._messages, []
        return messages

    def _begin_chunk(self, data: bytes, position: int) -> int | None:
        """Read a chunk's headers; returns where its payload begins, or None when they are cut short."""
        fmt, low = data[position] >> 6, data[position] & 0x3F
        fields = position + (1 if low > 1 else 2 + low)
        end = fields + _HEADER_BYTES[fmt]
        if end > len(data):
            return None
        # Forms of 2 and 3 bytes: 64 + a little-endian number (§5.3.1.1).
        csid = low if low > 1 else 64 + int.from_bytes(data[position + 1 : fields], "little")
        stream = self._streams.get(csid) or self._open_stream(csid, fmt, data[position:fields])
        extended_end = _end_of_extended(stream, fmt, data, fields, end)
        if extended_end is None:
            return None
        if fmt != 3 or not stream.is_partial:
            self._begin_message(stream, fmt, data[fields:end], data[end:extended_end])
        self._current = stream
        self._chunk_left = min(self._chunk_size, stream.length - len(stream.partial))
        return extended_end

    def _open_stream(self, csid: int, fmt: int, basic_header: bytes) -> _ChunkStream:
        if fmt > 1:  # fmt 1 on a fresh csid happens: librtmp's ping
            raise ChunkError(f"chunk stream {csid} begins with a header that inherits from nothing")
        if len(self._streams) >= MAX_CHUNK_STREAMS:
            raise LimitExceeded(f"more than {MAX_CHUNK_STREAMS} chunk streams")
        stream = _ChunkStream(bytes((basic_header[0] | 0xC0,)) + basic_header[1:])
        self._streams[csid] = stream
        return stream

    def _begin_message(self, stream: _ChunkStream, fmt: int, fields: bytes, extended: bytes) -> None:
        if stream.is_partial:
            raise ChunkError("a message begins before the last one on its chunk stream is complete")
        if fmt < 3:
            stream.extended = extended
            stream.delta_ms = int.from_bytes(extended or fields[:3])
        if fmt < 2:
            stream.length, stream.type_id = int.from_bytes(fields[3:6]), fields[6]
            _check_length(stream)
        if fmt == 0:
            stream.stream_id, stream.timestamp_ms = int.from_bytes(fields[7:11], "little"), 0
        stream.timestamp_ms = (stream.timestamp_ms + stream.delta_ms) & _U32
        stream.is_partial = True

    def _take_payload(self, data: bytes, position: int) -> int:
        """Take what this read holds of the current chunk, and of those that continue it; returns where it ends."""
        stream = self._current
        if stream is None:
            return position
        taken = data[position : position + self._chunk_left]
        position += len(taken)
        self._chunk_left -= len(taken)
        if len(taken) == stream.length:  # the usual case for audio: one chunk, one read
            self._finish(stream, taken)
            return position
        self._append(stream, taken)
        if self._chunk_left:
            return position
        self._current = None
        position = self._take_run(stream, data, position)
        if len(stream.partial) == stream.length:
            self._partial_bytes -= stream.length
            payload, stream.partial = bytes(stream.partial), bytearray()
            self._finish(stream, payload)
        return position

    def _take_run(self, stream: _ChunkStream, data: bytes, position: int) -> int:
        """Take the run of complete, uninterrupted continuation chunks at ``position``; returns where it ends."""
        if stream.extended or len(stream.basic_header) > 1:
            return position
        stride, missing, available = 1 + self._chunk_size, stream.length - len(stream.partial), len(data) - position
        to_the_end = missing + -(-missing // self._chunk_size)  # the message's last chunk may be shorter
        end = position + (to_the_end if to_the_end <= available else available // stride * stride)
        headers = data[position:end:stride]
        if foreign := headers.lstrip(stream.basic_header):  # another stream's chunk ends the run
            end = position + (len(headers) - len(foreign)) * stride
        if end > position:
            run = bytearray(data[position:end])
            del run[::stride]
            self._append(stream, run)
        return end

    def _append(self, stream: _ChunkStream, payload: bytes | bytearray) -> None:
        stream.partial += payload
        self._partial_bytes += len(payload)
        if self._partial_bytes > MAX_PARTIAL_BYTES:
            raise LimitExceeded(f"unfinished messages hold more than {MAX_PARTIAL_BYTES} bytes")

    def _finish(self, stream: _ChunkStream, payload: bytes) -> None:
        self._current = None
        stream.is_partial = False
        if stream.type_id == MessageType.SET_CHUNK_SIZE:
            self._chunk_size = _chunk_size(payload)
        elif stream.type_id == MessageType.ABORT:
            self._abort(int.from_bytes(payload[:4]))
        else:
            self._messages.append(Message(stream.type_id, stream.stream_id, stream.timestamp_ms, payload))

    def _abort(self, csid: int) -> None:
        """Drop the csid's unfinished message; its headers stay (§5.4.2)."""
        stream = self._streams.get(csid)
        if stream is not None:
            self._partial_bytes -= len(stream.partial)
            stream.partial = bytearray()
            stream.is_partial = False


class ChunkWriter:
    """Turns messages into bytes.

    Always full headers and no extended timestamp: a server says little, and OBS does not read the latter in fmt 3.
    """

    def __init__(self) -> None:
        self.chunk_size = DEFAULT_CHUNK_SIZE
        """Bytes of payload per chunk; tell the peer before it grows."""

    def write(self, csid: int, message: Message) -> bytes:
        """The message in chunks. ``csid`` is 2 to 63, the message's timestamp below 0xFFFFFF."""
        payload, size = message.payload, self.chunk_size
        head = b"".join(
            (
                bytes((csid,)),
                message.timestamp_ms.to_bytes(3),
                len(payload).to_bytes(3),
                bytes((message.type_id,)),
                message.stream_id.to_bytes(4, "little"),
            )
        )
        chunks = [payload[position : position + size] for position in range(0, len(payload), size)]
        return head + bytes((0xC0 | csid,)).join(chunks)


def _end_of_extended(stream: _ChunkStream, fmt: int, data: bytes, fields: int, end: int) -> int | None:
    """Where the extended timestamp ends, if there is one (else ``end``); None when it is cut short.

    Continuations repeat it (§5.3.1.3), but old librtmp and its kin do not: it is taken there only if it is the same.
    """
    available = data[end : end + 4]
    if fmt == 3:
        if not stream.extended:
            return end
        if stream.is_partial and not stream.extended.startswith(available):
            return end
    elif int.from_bytes(data[fields : fields + 3]) != _EXTENDED:
        return end
    return end + 4 if len(available) == 4 else None


def _check_length(stream: _ChunkStream) -> None:
    limit = MAX_MEDIA_MESSAGE_BYTES if stream.type_id in _MEDIA_TYPES else MAX_OTHER_MESSAGE_BYTES
    if stream.length > limit:
        raise LimitExceeded(f"a message of type {stream.type_id} has {stream.length} bytes; the limit is {limit}")


def _chunk_size(payload: bytes) -> int:
    """§5.4.1: 31 bits."""
    size = int.from_bytes(payload[:4])
    if len(payload) < 4 or size >> 31:
        raise ChunkError("malformed Set Chunk Size")
    if size < MIN_CHUNK_SIZE:
        raise LimitExceeded(f"chunk size {size}; at least {MIN_CHUNK_SIZE} is required")
    return min(size, MAX_CHUNK_SIZE)
