"""The framing: round trips, cut at every byte, and what is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction

import pytest

from pinkmedia.media import Codec, Packet, VideoTrack
from pinkmedia.processes.frames import MAX_BODY_BYTES, WireError
from transcode.configure import Configure
from transcode.ladder import Rung
from transcode.messages import (
    Drain,
    Drained,
    Failed,
    ForceIdr,
    Hello,
    Message,
    Opened,
    Progress,
    RungPaused,
    SelectRungs,
    parse_message,
)
from transcode.wire import Fields, WireReader, encode_control, encode_media

PACKET = Packet(
    track_id=2,
    dts_ticks=-3000,
    pts_ticks=2**40,
    duration_ticks=3000,
    is_sync=True,
    payload=b"\x00\x00\x00\x01\x65",
    received_at=1234.5,
)
TRACK = VideoTrack(1, Codec.H264, b"\x01\x64", 1920, 1080, "avc1.640028", Fraction(30000, 1001))
MESSAGES: list[Message] = [
    Hello(("libx264",), ("libdav1d", "vp9"), ("h264_nvenc",)),
    Configure(TRACK, (Rung("720p", 1280, 720, Fraction(30000, 1001), 2_500_000),)),
    Configure(replace(TRACK, codec=Codec.AV1), (), "refuse", "auto"),
    ForceIdr(-1),
    SelectRungs(180_000, frozenset((0, 2))),
    SelectRungs(180_000, frozenset()),
    RungPaused(1),
    Drain(),
    Opened((b"\x01\x64", b"\x01\x4d"), ("h264_qsv", "libx264"), ("hevc_qsv does not open",)),
    Progress(1.5, 100_000_000, 30, 2, 90_000, 87_000),
    Progress(0.0, 0, 0, 0),
    Drained(),
    Failed("no such luck"),
]


def media_bytes(packet: Packet) -> bytes:
    return b"".join(encode_media(packet))


def test_a_packet_survives() -> None:
    (received,) = WireReader().feed(media_bytes(PACKET))
    assert received == PACKET


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives(message: Message) -> None:
    (fields,) = WireReader().feed(encode_control(message.to_fields()))
    assert not isinstance(fields, Packet)
    assert parse_message(fields) == message


def test_any_cut_gives_the_same_messages() -> None:
    stream = media_bytes(PACKET) + encode_control({"type": "drain"}) + media_bytes(PACKET)
    whole = list(WireReader().feed(stream))
    assert whole == [PACKET, {"type": "drain"}, PACKET]
    byte_by_byte = WireReader()
    assert [item for byte in stream for item in byte_by_byte.feed(bytes((byte,)))] == whole
    for cut in range(len(stream)):
        reader = WireReader()
        assert [*reader.feed(stream[:cut]), *reader.feed(stream[cut:])] == whole


@pytest.mark.parametrize(
    "stream",
    [
        struct.pack("!IB", MAX_BODY_BYTES + 1, 1),
        struct.pack("!IB", 0, 7),
        struct.pack("!IB", 3, 1) + b"abc",
        struct.pack("!IB", 3, 0) + b"abc",
        struct.pack("!IB", 2, 0) + b"[]",
        struct.pack("!IB", 2, 0) + b'"\xff',
    ],
    ids=["too large", "unknown kind", "short media", "no JSON", "no object", "no UTF-8"],
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    with pytest.raises(WireError):
        list(WireReader().feed(stream))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "unknown"},
        {"type": "opened"},
        {"type": "opened", "configurations": ["zz"], "encoders": [], "notes": []},
        {"type": "opened", "configurations": ["01"], "encoders": ["h264_magic"], "notes": []},
        {**Configure(TRACK, ()).to_fields(), "encoder": "magic"},
        {"type": "force_idr", "pts_ticks": None},
        {"type": ["drain"]},
        {**Progress(0.0, 0, 0, 0).to_fields(), "cpu_seconds": float("nan")},
        {**Progress(0.0, 0, 0, 0).to_fields(), "resident_bytes": float("inf")},
        {"type": "configure", "source": [], "rungs": []},
        {**Configure(TRACK, ()).to_fields(), "source": {**Configure(TRACK, ()).to_fields()["source"], "codec": "vp6"}},
    ],
)
def test_what_is_no_message_is_refused(fields: Fields) -> None:
    with pytest.raises(WireError):
        parse_message(fields)


def test_a_packet_that_is_too_large_is_not_framed() -> None:
    with pytest.raises(WireError):
        encode_media(Packet(1, 0, 0, 0, True, bytes(MAX_BODY_BYTES), 0.0))


def test_times_beyond_64_bits_are_not_framed() -> None:
    with pytest.raises(WireError):
        encode_media(Packet(1, 2**63, 0, 0, True, b"", 0.0))
