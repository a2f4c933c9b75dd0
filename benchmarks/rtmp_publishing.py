"""A publisher's side of RTMP for load: a clip as ready-made messages, sent in real time by very little work.

Strategy: FFmpeg encodes a clip once, into FLV, whose tag bodies are RTMP's message bodies. Each frame is cut into
chunks once; what differs between publishers and rounds of the clip is the three bytes of its timestamp.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from ingest.rtmp.chunks import ChunkWriter
from ingest.rtmp.handshake import BLOB_BYTES, VERSION
from ingest.rtmp.messages import Command, Message, MessageType, control, split_aggregate

OBS_CHUNK_SIZE = 4096
FRAME_RATE = 30
GOP_SECONDS = 2
FRAMES_PER_GOP = FRAME_RATE * GOP_SECONDS
CLIP_SECONDS = 8
"""A whole number of GOPs and of AAC frames at 48 kHz, so that its rounds follow each other without a seam."""
AUDIO_FRAMES_PER_CLIP = CLIP_SECONDS * 48_000 // 1024
FLV_HEAD_BYTES = 13
"""File header and the first back pointer; what follows is laid out as an RTMP aggregate message is."""

_MEDIA_STREAM = 1
_CONTROL_CSID, _COMMAND_CSID, _AUDIO_CSID, _VIDEO_CSID = 2, 3, 4, 6
_TIMESTAMP = slice(1, 4)
"""Where a chunk's full header of one-byte csid has it (RTMP 1.0 §5.3.1.2.1)."""
_CODED_FRAME = 1
"""Packet type of a legacy tag's second byte; 0 is a sequence header."""


def opening(key: str, chunk_size: int) -> bytes:
    """All that a publisher says before its media, in one go: nothing of it depends on the answers."""
    writer = ChunkWriter()
    set_chunk_size = writer.write(_CONTROL_CSID, control(MessageType.SET_CHUNK_SIZE, chunk_size))
    writer.chunk_size = chunk_size
    commands = (
        Command("connect", 1.0, [{"app": "live", "type": "nonprivate", "tcUrl": "rtmp://127.0.0.1/live"}]),
        Command("createStream", 2.0, [None]),
        Command("publish", 3.0, [None, key, "live"], _MEDIA_STREAM),
    )
    said = [writer.write(_COMMAND_CSID, command.to_message()) for command in commands]
    return b"".join([bytes((VERSION,)), bytes(2 * BLOB_BYTES), set_chunk_size, *said])


def media_chunks(type_id: int, body: bytes, chunk_size: int, time_ms: int = 0) -> bytes:
    """One audio or video message."""
    writer = ChunkWriter()
    writer.chunk_size = chunk_size
    csid = _VIDEO_CSID if type_id == MessageType.VIDEO else _AUDIO_CSID
    return writer.write(csid, Message(type_id, _MEDIA_STREAM, time_ms, body))


class ClipFrame(NamedTuple):
    """One frame as it goes over the wire."""

    time_ms: int
    is_video: bool
    head: bytes
    """The chunk's bytes before its timestamp."""
    tail: bytes
    """The bytes behind it."""

    def chunks_at(self, time_ms: int) -> bytes:
        return b"".join((self.head, time_ms.to_bytes(3), self.tail))


@dataclass(frozen=True, slots=True)
class Clip:
    """720p30 H.264 at 2.5 Mbit/s with AAC at 128 kbit/s, to be sent again and again."""

    headers: bytes
    """Metadata and sequence headers in chunks."""
    frames: tuple[ClipFrame, ...]
    body_bytes: int
    """Of all frames' messages."""

    @classmethod
    def encode(cls, folder: Path) -> Self:
        """Takes some seconds, once."""
        path = folder / "clip.flv"
        command = (
            "ffmpeg -v error -f lavfi -i testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t,format=yuv420p"
            f" -f lavfi -i sine=sample_rate=48000 -t {CLIP_SECONDS} -c:v libx264 -preset veryfast -threads 1 -bf 2"
            f" -b:v 2500k -maxrate 2500k -bufsize 2500k -g {FRAMES_PER_GOP} -keyint_min {FRAMES_PER_GOP}"
            " -sc_threshold 0 -c:a aac -b:a 128k -f flv"
        )
        subprocess.run([*command.split(), path], check=True)
        return cls.from_flv(path.read_bytes())

    @classmethod
    def from_flv(cls, data: bytes) -> Self:
        tags = list(split_aggregate(Message(MessageType.AGGREGATE, _MEDIA_STREAM, 0, data[FLV_HEAD_BYTES:])))
        media = [tag for tag in tags if tag.type_id in (MessageType.AUDIO, MessageType.VIDEO)]
        coded = [tag for tag in media if tag.payload[1] == _CODED_FRAME]
        audio = [tag for tag in coded if tag.type_id == MessageType.AUDIO][:AUDIO_FRAMES_PER_CLIP]
        video = [tag for tag in coded if tag.type_id == MessageType.VIDEO]
        metadata = [tag for tag in tags if tag.type_id == MessageType.DATA_AMF0]
        headers = [*metadata, *(tag for tag in media if tag.payload[1] == 0)]
        return cls(
            headers=b"".join(media_chunks(tag.type_id, tag.payload, OBS_CHUNK_SIZE) for tag in headers),
            frames=tuple(sorted(_clip_frames(audio) + _clip_frames(video))),
            body_bytes=sum(len(tag.payload) for tag in audio + video),
        )

    @property
    def bit_rate_bps(self) -> float:
        return self.body_bytes * 8 / CLIP_SECONDS


def _clip_frames(tags: list[Message]) -> list[ClipFrame]:
    """The frames of one track, beginning at 0."""
    frames = []
    for tag in tags:
        chunks = media_chunks(tag.type_id, tag.payload, OBS_CHUNK_SIZE)
        time_ms = tag.timestamp_ms - tags[0].timestamp_ms
        head, tail = chunks[: _TIMESTAMP.start], chunks[_TIMESTAMP.stop :]
        frames.append(ClipFrame(time_ms, tag.type_id == MessageType.VIDEO, head, tail))
    return frames


@dataclass(slots=True)
class Publisher:
    """One stream that is published until its task is cancelled."""

    stream_name: str
    key: str = field(repr=False)
    source_address: str
    """The server limits connections per address."""
    begins_at: float
    """Monotonic seconds of its first frame: key frames of many publishers do not coincide."""
    sent_at: list[float] = field(default_factory=list)
    """Monotonic seconds just before each video frame was handed to the socket, in decode order."""

    async def run(self, port: int, clip: Clip) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(self.source_address, 0))
        try:
            writer.write(opening(self.key, OBS_CHUNK_SIZE))
            await reader.readuntil(b"NetStream.Publish.Start")
            writer.write(clip.headers)
            for first_ms in itertools.count(0, CLIP_SECONDS * 1000):
                await self._send(writer, clip.frames, first_ms)
        finally:
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, frames: Iterable[ClipFrame], first_ms: int) -> None:
        for frame in frames:
            time_ms = first_ms + frame.time_ms
            early_seconds = self.begins_at + time_ms / 1000 - time.monotonic()
            if early_seconds > 0:
                await asyncio.sleep(early_seconds)
            if frame.is_video:
                self.sent_at.append(time.monotonic())
            writer.write(frame.chunks_at(time_ms))

    def lags_seconds(self) -> list[float]:
        """How much later than it should each video frame was sent: the load generator's own fault."""
        return [at - self.begins_at - index / FRAME_RATE for index, at in enumerate(self.sent_at)]
