"""What real publishers sent, and chunk streams made by hand: however the bytes are cut, the same comes out."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeVar

import pytest

from ingest.rtmp.chunks import ChunkReader
from ingest.rtmp.events import Event
from ingest.rtmp.messages import Message, split_aggregate
from tests.ingest.rtmp import golden
from tests.ingest.rtmp.chunk_vectors import VECTORS, Vector, from_hexadecimal

RECORDINGS = sorted(path.stem for path in golden.FOLDER.glob("*.bin"))
EVERY_SPLIT_BYTES = 6_000
"""How far into a recording it is cut at every byte: past the commands and into the media."""
RANDOM_SPLITS = 50

T = TypeVar("T")


@cache
def recorded(name: str) -> tuple[bytes, int]:
    """The recording, and where in it the publisher waited for its answer."""
    data = golden.recording(name)
    return data, golden.request_end(data)


def random_cuts(byte_count: int) -> list[list[int]]:
    """Few and many; always the same ones."""
    generator = random.Random(byte_count)
    return [
        sorted(generator.sample(range(1, byte_count), generator.randint(1, min(200, byte_count - 1))))
        for _ in range(RANDOM_SPLITS)
    ]


def whole_and_cut(decode: Callable[[Sequence[int]], T], byte_count: int) -> T:
    """What the bytes decode to at once, if it is the same byte by byte and in random reads."""
    whole = decode(())
    assert decode(range(1, byte_count)) == whole
    for cuts in random_cuts(byte_count):
        assert decode(cuts) == whole, cuts
    return whole


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 5


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording(name: str) -> None:
    data, admitted_at = recorded(name)

    def events(cuts: Sequence[int]) -> list[Event]:
        return golden.replay(data, cuts, admitted_at=admitted_at)

    assert golden.describe(whole_and_cut(events, len(data))) == golden.description(name)


@pytest.mark.parametrize("name", RECORDINGS)
def test_recording_cut_at_every_byte(name: str) -> None:
    data, admitted_at = recorded(name)
    beginning = data[:EVERY_SPLIT_BYTES]
    whole = golden.replay(beginning, admitted_at=admitted_at)
    assert whole
    for cut in range(1, len(beginning)):
        assert golden.replay(beginning, [cut], admitted_at=admitted_at) == whole, cut


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.rule)
def test_chunk_vector(vector: Vector) -> None:
    data = vector.data

    def messages(cuts: Sequence[int]) -> list[Message]:
        reader = ChunkReader()
        reads = (data[start:end] for start, end in pairwise([0, *cuts, len(data)]))
        return [message for read in reads for message in reader.receive_data(read)]

    assert whole_and_cut(messages, len(data)) == vector.messages
    for cut in range(1, len(data)):
        assert messages([cut]) == vector.messages, cut


def test_aggregate() -> None:
    """§7.1.6: the first message inside has the aggregate's own time, the others follow at their distances."""
    body = from_hexadecimal(
        """
        08 000002 fffff0 ff 000000 af01   0000000d   # audio at 0xFFFFFFF0: the high byte comes last
        12 000001 fffff8 ff 000000 05     00000000   # data; a back pointer that is wrong
        09 000003 000010 00 000000 270102            # video, 32 ms after the first; no back pointer
        """
    )
    assert list(split_aggregate(Message(22, 1, 1000, body))) == [
        Message(8, 1, 1000, b"\xaf\x01"),
        Message(18, 1, 1008, b"\x05"),
        Message(9, 1, 1032, b"\x27\x01\x02"),
    ]
