"""FLV tag bodies as encoders send them, and as they should not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.flv.tags import (
    AudioFrame,
    AudioSequenceHeader,
    EndOfSequence,
    TagReader,
    UnsupportedCodec,
    VideoFrame,
    VideoSequenceHeader,
)
from pinkmedia.codecs.aac import AudioSpecificConfig
from pinkmedia.codecs.h264 import AvcConfiguration
from pinkmedia.errors import CodecError

SPS = bytes.fromhex("6742c01eda0280bfe584000003000400000300c83c58ba80")
PPS = bytes.fromhex("68ce0fc8")


def video(hexadecimal: str, reader: TagReader | None = None) -> object:
    return (reader or TagReader()).read_video(bytes.fromhex(hexadecimal))


def sequence_header(length_size: int = 4) -> bytes:
    return b"\x17\x00\x00\x00\x00" + AvcConfiguration((SPS,), (PPS,), length_size).serialise()


def test_video_sequence_header() -> None:
    assert TagReader().read_video(sequence_header()) == VideoSequenceHeader(AvcConfiguration((SPS,), (PPS,)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("17 01 000000 00000002 6588", VideoFrame(0, True, bytes.fromhex("00000002 6588"))),
        ("27 01 000042 00000002 4188", VideoFrame(66, False, bytes.fromhex("00000002 4188"))),
        ("27 01 ffffdf 00000002 4188", VideoFrame(-33, False, bytes.fromhex("00000002 4188"))),
        # Marked as a key frame, but no IDR picture: a recovery point.
        ("17 01 000000 00000002 0601 00000002 4188", VideoFrame(0, False, bytes.fromhex("000000020601 000000024188"))),
        ("27 01 000000 00000002 6588", VideoFrame(0, True, bytes.fromhex("00000002 6588"))),
        # Filler is dropped, the access unit delimiter stays.
        ("17 01 000000 0000000109 000000020cff 0000000165", VideoFrame(0, True, bytes.fromhex("00000001090000000165"))),
        ("17 01 000000 00000001 09 00000003 0cff80", VideoFrame(0, False, bytes.fromhex("00000001 09"))),
        ("27 01 000000 00000003 0cff80", None),
        ("27 01 000000", None),
        # Start codes where lengths should be.
        ("17 01 000000 00000001 0910 00000001 6588", VideoFrame(0, True, bytes.fromhex("000000020910000000026588"))),
        ("17 01 000000 000001 658884", VideoFrame(0, True, bytes.fromhex("00000003658884"))),
        ("17 02 000000", EndOfSequence()),
        ("57 00", None),  # a seek command
        ("90 68766331", UnsupportedCodec),  # enhanced HEVC sequence start
        ("94 68766331", None),  # enhanced metadata
        ("96 00 61766331 01", None),  # an additional track
        ("12 00", UnsupportedCodec),
        ("1c 00 000000", UnsupportedCodec),
        ("17", CodecError),
        ("17 00 000000 01", CodecError),
        ("17 07 000000 00", CodecError),
        ("27 01 000000 000000ff 41", CodecError),
        ("27 01 000000 0000", CodecError),
    ],
)  # fmt: skip
def test_video(body: str, expected: object) -> None:
    if isinstance(expected, type) and issubclass(expected, CodecError):
        with pytest.raises(expected):
            video(body)
    else:
        assert video(body) == expected


def test_payload_is_not_copied() -> None:
    body = bytes.fromhex("17 01 000000 00000002 6588")
    frame = TagReader().read_video(body)
    assert isinstance(frame, VideoFrame)
    assert isinstance(frame.payload, memoryview)
    assert frame.payload.obj is body


@pytest.mark.parametrize(("length_size", "lengths"), [(1, "02"), (2, "0002")])
def test_short_lengths_are_rewritten(length_size: int, lengths: str) -> None:
    reader = TagReader()
    reader.read_video(sequence_header(length_size))
    expected = VideoFrame(0, True, bytes.fromhex("000000020910 000000026588"))
    assert video(f"17 01 000000 {lengths} 0910 {lengths} 6588", reader) == expected


@pytest.mark.parametrize(
    ("body", "name"), [("90 68766331", "HEVC"), ("90 61763031", "AV1"), ("1c 00", "HEVC"), ("14 00", "VP6")]
)
def test_unsupported_video_is_named(body: str, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"{name} video is not supported; set the encoder to plain H.264"):
        video(body)


def test_audio() -> None:
    reader = TagReader()
    assert reader.read_audio(b"\xaf\x00\x11\x90") == AudioSequenceHeader(AudioSpecificConfig.parse(b"\x11\x90"))
    assert reader.read_audio(b"\xaf\x01raw") == AudioFrame(b"raw")
    assert reader.read_audio(b"\xaf\x01") is None
    assert reader.read_audio(b"\x95\x00mp4a\x01") is None  # an additional track


@pytest.mark.parametrize(
    ("body", "name"), [(b"\x2f\xff", "MP3"), (b"\x90Opus", "Opus"), (b"\xb2", "Speex"), (b"\x90????", "this")]
)
def test_unsupported_audio_is_named(body: bytes, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"{name} audio is not supported; set the encoder to plain AAC"):
        TagReader().read_audio(body)


@pytest.mark.parametrize("body", [b"\xaf", b"\xaf\x00", b"\xaf\x02x"])
def test_malformed_audio(body: bytes) -> None:
    with pytest.raises(CodecError):
        TagReader().read_audio(body)


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(CodecError):
        TagReader().read_video(body)
    with suppress(CodecError):
        TagReader().read_audio(body)
