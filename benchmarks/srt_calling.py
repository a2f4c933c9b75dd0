"""A caller's side of SRT for load: one clip, encrypted once, sent in real time by very little work.

All callers use the same stream key and sequence numbers, so that a packet differs between them in its last header word
alone.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ingest.srt.packets import HEADER_BYTES, ControlPacket, ControlType, DataPacket, parse_packet
from tests.ingest.srt.caller import FIRST_SEQUENCE, Caller, CallerKeys, data_packet

BIT_RATE_BPS = 6_000_000
PAYLOAD_BYTES = 7 * 188
PACKETS_PER_SECOND = BIT_RATE_BPS // 8 // PAYLOAD_BYTES
FRAMES_PER_SECOND = 30


@dataclass(frozen=True, slots=True)
class Clip:
    """A transport stream of constant bit rate."""

    keys: CallerKeys | None
    datagrams: list[bytes]
    """For the socket id 0."""
    packets_per_second: float
    payload_bytes: float
    """Of a packet, on average."""

    @classmethod
    def encode(cls, folder: Path, seconds: float, keys: CallerKeys | None) -> Self:
        data = encode_ts(folder / "clip.ts", seconds).read_bytes()
        payloads = [data[start : start + PAYLOAD_BYTES] for start in range(0, len(data), PAYLOAD_BYTES)]
        datagrams = [data_packet(FIRST_SEQUENCE + index, payload, 0, keys) for index, payload in enumerate(payloads)]
        return cls(keys, datagrams, len(payloads) / seconds, len(data) / len(payloads))


def encode_ts(path: Path, seconds: float) -> Path:
    """720p30 H.264 and AAC, 6 Mbit/s in all."""
    command = (
        "ffmpeg -v error -y -f lavfi -i testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t,format=yuv420p"
        f" -f lavfi -i sine=sample_rate=48000 -t {seconds} -c:v libx264 -preset ultrafast -g 60 -sc_threshold 0"
        " -b:v 5600k -maxrate 5600k -bufsize 1400k -x264-params nal-hrd=cbr -c:a aac -b:a 128k"
        f" -f mpegts -muxrate {BIT_RATE_BPS}"
    )
    subprocess.run([*command.split(), path], check=True)
    return path


class LoadCaller(Caller):
    """Publishes the clip once."""

    def __init__(self, number: int, key: str, port: int, clip: Clip, begins_at: float) -> None:
        super().__init__(port, socket_id=number + 1, source_address=f"127.0.1.{number + 1}")
        self._key = key
        self._clip = clip
        self._begins_at = begins_at + number / FRAMES_PER_SECOND / 20
        self.lag_seconds = 0.0
        """How late the latest of the frames was sent: the load generator's own fault."""

    async def run(self) -> None:
        async with self:
            await self.call(self._key, keys=self._clip.keys)
            answering = asyncio.create_task(self._answer())
            await self._send()
            answering.cancel()

    async def _send(self) -> None:
        """A frame's packets at once, as encoders do."""
        clip, socket_id = self._clip, self.listener_id.to_bytes(4)
        packets_per_frame = clip.packets_per_second / FRAMES_PER_SECOND
        frame, sent = 0, 0
        while sent < len(clip.datagrams):
            due_at = self._begins_at + frame / FRAMES_PER_SECOND
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            self.lag_seconds = max(self.lag_seconds, time.monotonic() - due_at)
            frame += 1
            for datagram in clip.datagrams[sent : int(frame * packets_per_frame)]:
                self.send(datagram[: HEADER_BYTES - 4] + socket_id + datagram[HEADER_BYTES:])
            sent = int(frame * packets_per_frame)

    async def _answer(self) -> None:
        """ACKACK, without which acknowledgements would be repeated."""
        while True:
            packet = parse_packet(await self.received())
            if packet is not None and not isinstance(packet, DataPacket) and packet.type_id == ControlType.ACK:
                answer = ControlPacket(ControlType.ACKACK, 0, packet.information, 0, self.listener_id)
                self.send(answer.serialise())
