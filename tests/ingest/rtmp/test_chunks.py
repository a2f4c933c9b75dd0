"""Chunk streams as bytes: every header form, every way to be cut, every limit."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp import chunks as limits
from ingest.rtmp.chunks import ChunkReader, ChunkWriter
from ingest.rtmp.errors import ChunkError, LimitExceeded
from ingest.rtmp.messages import Message
from tests.ingest.rtmp.peer import chunks, message

BODY = bytes(range(251)) * 2
SET_CHUNK_SIZE_4096 = message(b"\x00\x00\x10\x00", type_id=1, csid=2, stream_id=0)


def read(*reads: bytes) -> list[Message]:
    reader = ChunkReader()
    return [received for data in reads for received in reader.receive_data(data)]


def times(*reads: bytes) -> list[int]:
    return [received.timestamp_ms for received in read(*reads)]


STREAM = b"".join(
    (
        message(BODY, time_ms=1000),
        message(b"\xaf\x01sound", type_id=8, csid=4, time_ms=990),
        message(BODY[:300], fmt=1, time_ms=40),
        SET_CHUNK_SIZE_4096,
        message(BODY, fmt=1, time_ms=40, size=4096),
        message(b"", type_id=8, csid=4, fmt=1, time_ms=23),
        message(BODY, csid=300, time_ms=0x1000000, size=4096),
    )
)
MESSAGES = [
    Message(9, 1, 1000, BODY),
    Message(8, 1, 990, b"\xaf\x01sound"),
    Message(9, 1, 1040, BODY[:300]),
    Message(9, 1, 1080, BODY),
    Message(8, 1, 1013, b""),
    Message(9, 1, 0x1000000, BODY),
]


def test_whole() -> None:
    assert read(STREAM) == MESSAGES


def test_byte_by_byte() -> None:
    assert read(*(STREAM[index : index + 1] for index in range(len(STREAM)))) == MESSAGES


def test_split_in_two() -> None:
    for split in range(1, len(STREAM)):
        assert read(STREAM[:split], STREAM[split:]) == MESSAGES, split


@pytest.mark.parametrize("csid", [2, 3, 63, 64, 319, 320, 65_599])
def test_chunk_stream_ids(csid: int) -> None:
    assert read(message(BODY, csid=csid)) == [Message(9, 1, 0, BODY)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"fmt": 0, "time_ms": 0}, {"fmt": 3}, [0, 0]),
        ({"fmt": 0, "time_ms": 1000}, {"fmt": 3}, [1000, 2000]),  # §5.3.1.2.4
        ({"fmt": 1, "time_ms": 40}, {"fmt": 3}, [40, 80]),
        ({"fmt": 0, "time_ms": 1000}, {"fmt": 2, "time_ms": 33}, [1000, 1033]),
        ({"fmt": 0, "time_ms": 1000}, {"fmt": 0, "time_ms": 500}, [1000, 500]),
        ({"fmt": 0, "time_ms": 0xFFFFFFF0}, {"fmt": 1, "time_ms": 0x20}, [0xFFFFFFF0, 0x10]),
        ({"fmt": 0, "time_ms": 0xFFFFFF}, {"fmt": 1, "time_ms": 1}, [0xFFFFFF, 0x1000000]),
        ({"fmt": 0, "time_ms": 0xFFFFFE}, {"fmt": 1, "time_ms": 0x1000000}, [0xFFFFFE, 0x1FFFFFE]),
    ],
)
def test_timestamps(first: dict[str, int], second: dict[str, int], expected: list[int]) -> None:
    assert times(message(b"x", **first) + message(b"x", **second)) == expected


@pytest.mark.parametrize("repeats_extended", [True, False])
def test_extended_timestamp_in_continuations(repeats_extended: bool) -> None:
    stream = b"".join(chunks(BODY, time_ms=0x01020304, repeats_extended=repeats_extended))
    expected = [Message(9, 1, 0x01020304, BODY)]
    assert read(stream) == expected
    assert read(*(stream[index : index + 1] for index in range(len(stream)))) == expected


def test_interleaved_messages() -> None:
    video, audio = chunks(BODY), chunks(BODY[::-1], type_id=8, csid=4)
    interleaved = b"".join(chunk for pair in zip(video, audio, strict=True) for chunk in pair)
    assert read(interleaved) == [Message(9, 1, 0, BODY), Message(8, 1, 0, BODY[::-1])]


def test_chunk_size_changes_inside_a_message() -> None:
    stream = b"".join((chunks(BODY)[0], SET_CHUNK_SIZE_4096, b"\xc6", BODY[128:]))
    assert read(stream) == [Message(9, 1, 0, BODY)]


@pytest.mark.parametrize(
    ("size", "error"),
    [(0, LimitExceeded), (1, LimitExceeded), (127, LimitExceeded), (0x80000000, ChunkError), (0xFFFFFFFF, ChunkError)],
)
def test_unusable_chunk_size(size: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(message(size.to_bytes(4), type_id=1, csid=2))


def test_infinite_chunk_size() -> None:
    endless = message(b"\x7f\xff\xff\xff", type_id=1, csid=2)
    assert read(endless + message(BODY * 100, size=1 << 24)) == [Message(9, 1, 0, BODY * 100)]


def test_abort_drops_the_unfinished_message() -> None:
    abort = message(b"\x00\x00\x00\x06", type_id=2, csid=2)
    assert read(chunks(BODY)[0] + abort + message(b"next", fmt=1)) == [Message(9, 1, 0, b"next")]


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (message(b"x", fmt=2), ChunkError),
        (message(b"", fmt=3), ChunkError),
        (chunks(BODY)[0] + message(BODY), ChunkError),
        (chunks(BODY)[0] + message(b"shorter", fmt=1), ChunkError),  # CVE-2016-10191
        (b"\x06\x00\x00\x00\xa0\x00\x00\x09\x01\x00\x00\x00", LimitExceeded),  # 10 MiB declared
        (b"\x03\x00\x00\x00\x20\x00\x00\x14\x00\x00\x00\x00", LimitExceeded),  # a command of 2 MiB
        (b"".join(message(b"x", csid=csid) for csid in range(2, 3 + limits.MAX_CHUNK_STREAMS)), LimitExceeded),
        (message(b"\x00", type_id=1, csid=2), ChunkError),
    ],
)
def test_broken_streams(stream: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(stream)


def test_unfinished_messages_share_one_limit() -> None:
    size = 1 << 20
    bodies = [chunks(bytes(limits.MAX_MEDIA_MESSAGE_BYTES), csid=csid, size=size) for csid in (5, 6, 7)]
    reader = ChunkReader()
    reader.receive_data(message(size.to_bytes(4), type_id=1, csid=2))
    interleaved = b"".join(chunk for turn in zip(*bodies, strict=True) for chunk in turn)
    with pytest.raises(LimitExceeded, match="unfinished"):
        reader.receive_data(interleaved)


@given(
    st.lists(st.tuples(st.integers(2, 63), st.binary(max_size=700), st.integers(0, 0xFFFFFE)), max_size=6),
    st.integers(1, 300),
)
def test_writer_and_reader_agree(sent: list[tuple[int, bytes, int]], read_size: int) -> None:
    writer = ChunkWriter()
    messages = [Message(9, 1, time_ms, payload) for _, payload, time_ms in sent]
    stream = b"".join(writer.write(csid, each) for (csid, _, _), each in zip(sent, messages, strict=True))
    assert read(*(stream[start : start + read_size] for start in range(0, len(stream), read_size))) == messages


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_any_bytes_are_read_or_refused(reads: list[bytes]) -> None:
    with suppress(ChunkError, LimitExceeded):
        read(*reads)
