"""Frames of sound by hand: cut, damaged, resynchronised."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.elementary import AudioFrame, AudioSequenceHeader
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.es_audio import AudioStream, FrameReader
from ingest.mpegts.es_frames import Ac3Reader, AdtsReader, Eac3Reader, OpusReader
from ingest.mpegts.es_latm import LatmReader
from ingest.mpegts.units import PesPacket, TimedTag
from pinkmedia.codecs.opus import identification_header
from pinkmedia.errors import CodecError

FRAME_TICKS = 1920
"""1024 samples at 48 kHz."""


def adts(payload: bytes, *, has_crc: bool = False, rate_index: int = 3, channels: int = 2) -> bytes:
    """A frame of AAC-LC."""
    size = 7 + 2 * has_crc + len(payload)
    head = bytes((0xFF, 0xF0 | (not has_crc), 0x40 | rate_index << 2 | channels >> 2))
    fields = (channels & 3) << 30 | size << 13 | 0x7FF << 2
    return head + fields.to_bytes(4) + bytes(2 * has_crc) + payload


def pes(payload: bytes, ticks: int | None = 0, *, is_damaged: bool = False) -> PesPacket:
    return PesPacket(ticks, ticks, is_damaged, payload)


class Listener:
    def __init__(self, reader: FrameReader | None = None) -> None:
        self.counters = TsCounters()
        self.stream = AudioStream(reader or AdtsReader(), 0, self.counters)

    def frames(self, *packets: PesPacket) -> list[tuple[int, bytes]]:
        """Times in ticks, and payloads."""
        tags = [tag for packet in packets for tag in self.stream.receive(packet)]
        return [
            (round(tag.timestamp_ms * 90), bytes(tag.tag.payload)) for tag in tags if isinstance(tag.tag, AudioFrame)
        ]


def test_frames_follow_each_other_at_their_own_duration() -> None:
    data = b"".join(adts(bytes((number,)) * 20) for number in range(3))
    frames = Listener().frames(pes(data, 9000))
    assert frames == [(9000 + number * FRAME_TICKS, bytes((number,)) * 20) for number in range(3)]


def test_the_time_of_a_packet_is_that_of_the_first_frame_that_begins_in_it() -> None:
    first, second, third = (adts(bytes((number,)) * 20) for number in range(3))
    frames = Listener().frames(pes(first + second[:9], 0), pes(second[9:] + third, 50_000))
    assert [ticks for ticks, _ in frames] == [0, FRAME_TICKS, 50_000]


@given(st.lists(st.integers(1, 80), max_size=6))
def test_cut_anywhere(sizes: list[int]) -> None:
    data = b"".join(adts(bytes((number,)) * 20) for number in range(8))
    packets, at = [], 0
    for size in sizes:
        packets.append(pes(data[at : at + size], 0 if not at else None))
        at += size
    packets.append(pes(data[at:], None if at else 0))
    frames = Listener().frames(*packets)
    assert frames == [(number * FRAME_TICKS, bytes((number,)) * 20) for number in range(8)]


def test_a_checksum_is_no_payload() -> None:
    assert Listener().frames(pes(adts(b"sound", has_crc=True))) == [(0, b"sound")]


def test_what_is_no_frame_is_passed_over() -> None:
    listener = Listener()
    data = b"\xff\xff\x00junk" + adts(b"sound") + b"junk" + adts(b"more")
    assert [payload for _, payload in listener.frames(pes(data))] == [b"more"]
    assert listener.counters.dropped_units >= 2


def test_a_damaged_packet_costs_its_frames_only() -> None:
    listener = Listener()
    frames = listener.frames(pes(adts(b"one")[:5]), pes(b"", is_damaged=True), pes(adts(b"two"), 3600))
    assert frames == [(3600, b"two")]


def test_without_a_time_there_is_no_frame() -> None:
    listener = Listener()
    assert listener.frames(pes(adts(b"early"), None)) == []
    assert listener.counters.dropped_units == 1


def test_a_new_format_is_announced() -> None:
    stream = AudioStream(AdtsReader(), 0, TsCounters())
    tags = stream.receive(pes(adts(b"one") + adts(b"two") + adts(b"mono", channels=1)))
    assert [type(tag.tag) for tag in tags] == [
        AudioSequenceHeader,
        AudioFrame,
        AudioFrame,
        AudioSequenceHeader,
        AudioFrame,
    ]


def test_a_layout_that_players_refuse_is_refused() -> None:
    with pytest.raises(CodecError, match="stereo"):
        AudioStream(AdtsReader(), 0, TsCounters()).receive(pes(adts(b"sound", channels=0)))


def test_opus_packets_behind_their_control_headers() -> None:
    packets = [bytes((0x78,)) + bytes(size) for size in (0, 253, 254, 300)]
    data = b""
    for number, packet in enumerate(packets):
        size = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
        trim = b"\x01\x38" if not number else b""
        data += bytes((0x7F, 0xE0 | 0x10 * bool(trim))) + size + trim + packet
    frames = Listener(OpusReader(identification_header(2))).frames(pes(data))
    assert [payload for _, payload in frames] == packets


READERS: dict[str, Callable[[], FrameReader]] = {
    "ADTS": AdtsReader,
    "LATM": LatmReader,
    "AC-3": Ac3Reader,
    "E-AC-3": Eac3Reader,
    "Opus": lambda: OpusReader(identification_header(2)),
}


SYNC_WORDS = b"\xff\xf1", b"\x0b\x77", b"\x56\xe0", b"\x7f\xe0"


@pytest.mark.parametrize("codec", READERS)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from([b"", *SYNC_WORDS]))
def test_anything_at_all(codec: str, payloads: list[bytes], head: bytes) -> None:
    stream = AudioStream(READERS[codec](), 0, TsCounters())
    tags: list[TimedTag] = []
    try:
        for payload in payloads:
            tags += stream.receive(pes(head + payload))
    except CodecError:
        return
    assert all(len(tag.tag.payload) for tag in tags if isinstance(tag.tag, AudioFrame))
