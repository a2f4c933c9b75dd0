"""An RTMP publisher that stamps its media with any times, and knows when the server has taken it.

A ping behind the media is answered when everything before it was handled, because the server handles messages in
order: so tests look at a state that has been reached, and wait for nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import encode_values
from ingest.rtmp.chunks import ChunkReader
from ingest.rtmp.messages import Message, MessageType, UserControlEvent
from tests.ingest.rtmp.peer import HELLO, chunks, command, connect, message
from tests.time_cases.clips import Tag

ANSWER_SECONDS = 20.0
"""For an answer of a server on the same machine; a busy one may need some of it."""
CHUNK_SIZE = 4096
SMALL_CHUNK_SIZE = 128
"""RTMP's initial one: frames become many chunks, most of them without a header of their own."""
HANDSHAKE_ANSWER_BYTES = 1 + 2 * 1536
"""S0, S1 and S2."""
_CSIDS = {MessageType.AUDIO: 4, MessageType.VIDEO: 6}


class Rejected(Exception):
    """The server has closed the connection."""


class TimedPublisher:
    """One connection that publishes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chunks = ChunkReader()
        self._inbox: list[Message] = []
        self._chunk_size = SMALL_CHUNK_SIZE
        self._repeats_extended = True
        self._ping_count = 0

    async def begin(self, app: str, key: str) -> None:
        self._writer.write(HELLO + connect(app) + command("createStream", 2, None))
        await self._reader.readexactly(HANDSHAKE_ANSWER_BYTES)
        self._writer.write(command("publish", 3, None, key, "live", stream_id=1))
        await self._until(lambda answer: b"NetStream.Publish.Start" in answer.payload)

    def use_chunks(self, size: int, *, repeats_extended: bool) -> None:
        """From now on; ``repeats_extended``: extended timestamps are repeated in chunks without a header."""
        self._writer.write(message(size.to_bytes(4), type_id=MessageType.SET_CHUNK_SIZE, csid=2, stream_id=0))
        self._chunk_size, self._repeats_extended = size, repeats_extended

    def send_metadata(self, properties: Mapping[str, AmfValue]) -> None:
        body = encode_values(["@setDataFrame", "onMetaData", dict(properties)])
        self._writer.write(b"".join(chunks(body, type_id=MessageType.DATA_AMF0, csid=4, size=self._chunk_size)))

    async def send(self, tags: Iterable[Tag]) -> None:
        """Returns when the server has handled them. Raises Rejected when it has closed the connection."""
        for tag in tags:
            pieces = chunks(
                tag.body,
                type_id=tag.type_id,
                csid=_CSIDS[tag.type_id],
                time_ms=tag.time_ms % (1 << 32),
                size=self._chunk_size,
                repeats_extended=self._repeats_extended,
            )
            self._writer.write(b"".join(pieces))
        await self._settle()

    async def goodbye(self) -> None:
        """Unpublishes, and returns when the server has closed the connection."""
        self._writer.write(command("deleteStream", 5, None, 1.0))
        self._writer.write_eof()
        async with asyncio.timeout(ANSWER_SECONDS):
            while await self._reader.read(1 << 16):
                pass

    async def _settle(self) -> None:
        self._ping_count += 1
        ping = UserControlEvent.PING_REQUEST.to_bytes(2) + self._ping_count.to_bytes(4)
        pong = UserControlEvent.PING_RESPONSE.to_bytes(2) + self._ping_count.to_bytes(4)
        self._writer.write(message(ping, type_id=MessageType.USER_CONTROL, csid=2, stream_id=0))
        await self._writer.drain()
        await self._until(lambda answer: answer.payload == pong)

    async def _until(self, is_wanted: Callable[[Message], bool]) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            while not any(is_wanted(answer) for answer in self._inbox):
                data = await self._reader.read(1 << 16)
                if not data:
                    raise Rejected(repr([answer.payload for answer in self._inbox]))
                self._inbox += self._chunks.receive_data(data)
        self._inbox.clear()


@asynccontextmanager
async def publishing(rtmp_url: str, key: str) -> AsyncIterator[TimedPublisher]:
    """A publisher that has been let in."""
    url = urlsplit(rtmp_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        publisher = TimedPublisher(reader, writer)
        await publisher.begin(url.path.strip("/"), key)
        publisher.use_chunks(CHUNK_SIZE, repeats_extended=True)
        yield publisher
    finally:
        writer.close()
