"""How fast does the protocol core parse RTMP? Bytes in memory, no sockets; run it by `benchmarks.rtmp_ingest`.

One 6 Mbit/s stream (1080p30 H.264 and AAC, frames of usual sizes) goes through a PublisherSession and, in the second
column, its media through a TagReader, too. Small reads are what a sender that keeps its pace brings; large ones come
after a stall.

Measured 2026-11-23 on one core of an AMD EPYC (Zen 5) in a nested virtual machine, Python 3.11, MB/s of CPU time:

    chunk   read   events   + tags
      128  65536     1723     1062
      128   1448      396      340
     4096  65536     1498      873
     4096   1448      592      486
    65536  65536     2516     1353
    65536   1448      766      607
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.rtmp_publishing import media_chunks, opening
from ingest.elementary import MediaKind
from ingest.flv.tags import TagReader
from ingest.rtmp.events import MediaReceived
from ingest.rtmp.messages import MessageType
from ingest.rtmp.session import PublisherSession

CORE_GOALS = {128: 60, 4096: 400, 65536: 700}
"""MB per second of CPU time, by chunk size."""
READ_SIZES = (64 * 1024, 1448)
"""uvloop's whole buffer, and one TCP segment of Ethernet: what a read brings from a sender that keeps its pace."""
CORE_SECONDS = 10
"""Of media in each round."""
CORE_ROUNDS = 9
KEY_FRAME_BYTES = 150_000
FRAME_BYTES = 22_000
AUDIO_FRAME_BYTES = 341
"""AAC at 128 kbit/s."""
AVC_CONFIGURATION = bytes.fromhex(
    "01640028ffe1001b67640028acd940780227e5c044000003000400000300f03c60c65801000468ef8fcbfdf8f800"
)
"""Of a 1080p30 stream in High profile, by x264."""
AAC_CONFIGURATION = bytes.fromhex("1190")
"""LC, 48 kHz, stereo."""
_KEY = "bench"


def run_core() -> None:
    print(f"{'chunk':>6} {'read':>6} {'events':>10} {'+ tags':>10} {'goal':>6}   MB/s of CPU time")
    for chunk_size, goal in CORE_GOALS.items():
        stream = synthetic_stream(chunk_size)
        for read_size in READ_SIZES:
            reads = [stream[start : start + read_size] for start in range(0, len(stream), read_size)]
            events, tags = (_megabytes_per_second(reads, chunk_size, reads_tags=choice) for choice in (False, True))
            verdict = "met" if events >= goal else "MISSED"
            print(f"{chunk_size:6} {read_size:6} {events:10.0f} {tags:10.0f} {goal:6}   {verdict}")


def synthetic_stream(chunk_size: int) -> bytes:
    """CORE_SECONDS of 1080p30 at 6 Mbit/s and AAC at 128 kbit/s, as a publisher sends them."""
    video = [(i * 1000 // 30, MessageType.VIDEO, _picture(is_key=i % 60 == 0)) for i in range(30 * CORE_SECONDS)]
    sound = b"\xaf\x01" + os.urandom(AUDIO_FRAME_BYTES)
    audio = [(i * 1024 // 48, MessageType.AUDIO, sound) for i in range(48_000 * CORE_SECONDS // 1024)]
    headers = [
        (0, MessageType.VIDEO, b"\x17\x00\x00\x00\x00" + AVC_CONFIGURATION),
        (0, MessageType.AUDIO, b"\xaf\x00" + AAC_CONFIGURATION),
    ]
    media = headers + sorted(video + audio)
    return b"".join(media_chunks(type_id, body, chunk_size, time_ms) for time_ms, type_id, body in media)


def _picture(*, is_key: bool) -> bytes:
    """A legacy AVC tag with one slice."""
    frame_type, nal_type, size = (0x17, 0x65, KEY_FRAME_BYTES) if is_key else (0x27, 0x41, FRAME_BYTES)
    return bytes((frame_type, 1, 0, 0, 0)) + size.to_bytes(4) + bytes((nal_type,)) + os.urandom(size - 1)


def _megabytes_per_second(reads: Sequence[bytes], chunk_size: int, *, reads_tags: bool) -> float:
    byte_count = sum(map(len, reads))
    rounds = [_round_seconds(reads, chunk_size, reads_tags=reads_tags) for _ in range(CORE_ROUNDS)]
    return byte_count / 1e6 / median(rounds)


def _round_seconds(reads: Sequence[bytes], chunk_size: int, *, reads_tags: bool) -> float:
    session, tags = PublisherSession(now=0.0), TagReader()
    session.receive_data(opening(_KEY, chunk_size), 0.0)
    session.accept_publish(0.0)
    frame_count, began = 0, time.process_time()
    for data in reads:
        for event in session.receive_data(data, 0.0):
            if isinstance(event, MediaReceived):
                frame_count += 1
                if reads_tags:
                    read = tags.read_video if event.kind is MediaKind.VIDEO else tags.read_audio
                    read(event.body)
    seconds = time.process_time() - began
    expected = 2 + 30 * CORE_SECONDS + 48_000 * CORE_SECONDS // 1024
    if frame_count != expected:
        raise SystemExit(f"{frame_count} messages came out of {expected}")
    return seconds
