"""FLV tag bodies as encoders send them, and as they should not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.elementary import (
    AudioFrame,
    AudioSequenceHeader,
    ColourInfo,
    MediaKind,
    TrackAnnounced,
    TrackKey,
    VideoColour,
    VideoFrame,
    VideoSequenceHeader,
)
from ingest.flv.enhanced import MAX_MOD_EX
from ingest.flv.tags import TagReader
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import encode_values
from pinkmedia.codecs.aac import AacFormat
from pinkmedia.codecs.h264 import AvcConfiguration
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.errors import CodecError, UnsupportedCodec
from pinkmedia.media import Colour, HdrMetadata

SPS = bytes.fromhex("6742c01eda0280bfe584000003000400000300c83c58ba80")
PPS = bytes.fromhex("68ce0fc8")
RECORD = AvcConfiguration((SPS,), (PPS,)).serialise()
H264 = H264Format.parse(RECORD)
AAC = AacFormat.parse(b"\x11\x90")
IDR = "00000002 6588"
IDR_BYTES = bytes.fromhex(IDR)


def sequence_header(length_size: int = 4) -> bytes:
    return b"\x17\x00\x00\x00\x00" + AvcConfiguration((SPS,), (PPS,), length_size).serialise()


def video(hexadecimal: str, reader: TagReader | None = None) -> list[object]:
    """What a tag gives behind an H.264 header."""
    if reader is None:
        reader = TagReader()
        reader.read_video(sequence_header())
    return list(reader.read_video(bytes.fromhex(hexadecimal)))


def test_video_sequence_header() -> None:
    reader = TagReader()
    assert reader.read_video(sequence_header()) == [VideoSequenceHeader(0, H264)]
    assert reader.read_video(sequence_header()) == []  # sent again: no news


def test_frames_without_a_header_are_dropped() -> None:
    assert video(f"17 01 000000 {IDR}", TagReader()) == []
    assert TagReader().read_audio(b"\xaf\x01raw") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("17 01 000000 00000002 6588", VideoFrame(0, 0, True, IDR_BYTES)),
        ("27 01 000042 00000002 4188", VideoFrame(0, 66, False, bytes.fromhex("00000002 4188"))),
        ("27 01 ffffdf 00000002 4188", VideoFrame(0, -33, False, bytes.fromhex("00000002 4188"))),
        # Marked as a key frame, but no IDR picture: a recovery point.
        ("17 01 000000 0000000109 0000000141", VideoFrame(0, 0, False, bytes.fromhex("00000001090000000141"))),
        ("27 01 000000 00000002 6588", VideoFrame(0, 0, True, IDR_BYTES)),
        # Filler is dropped, the access unit delimiter stays.
        ("17 01 000000 0000000109 000000020cff 0000000165", VideoFrame(0, 0, True, b"\0\0\0\1\x09\0\0\0\1\x65")),
        ("17 01 000000 00000001 09 00000003 0cff80", VideoFrame(0, 0, False, bytes.fromhex("00000001 09"))),
        ("27 01 000000 00000003 0cff80", None),
        ("27 01 000000", None),
        # Start codes where lengths should be.
        ("17 01 000000 00000001 0910 00000001 6588", VideoFrame(0, 0, True, bytes.fromhex("000000020910000000026588"))),
        ("17 01 000000 000001 658884", VideoFrame(0, 0, True, bytes.fromhex("00000003658884"))),
        ("17 02 000000", None),
        ("57 00", None),  # a seek command
        ("12 00", UnsupportedCodec),
        ("1d 00 000000", UnsupportedCodec),
        ("17", CodecError),
        ("17 00 000000 01", CodecError),
        ("17 07 000000 00", CodecError),
        ("27 01 0000", CodecError),
        ("27 01 00ffff 0000000141", CodecError),
        ("27 01 000000 000000ff 41", CodecError),
        ("27 01 000000 0000", CodecError),
    ],
)  # fmt: skip
def test_legacy_video(body: str, expected: object) -> None:
    if isinstance(expected, type) and issubclass(expected, CodecError):
        with pytest.raises(expected):
            video(body)
    else:
        assert video(body) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("91 61766331 000042 00000002 6588", [VideoFrame(0, 66, True, IDR_BYTES)]),
        ("93 61766331 00000002 6588", [VideoFrame(0, 0, True, IDR_BYTES)]),
        ("a1 61766331 ffffdf 00000002 6588", [VideoFrame(0, -33, True, IDR_BYTES)]),
        # ModEx: 500 000 ns; unknown extensions before it, short and long.
        ("97 02 07a120 01 61766331 000042 00000002 6588", [VideoFrame(0, 66.5, True, IDR_BYTES)]),
        ("97 00 ff f7 02 07a120 03 61766331 00000002 6588", [VideoFrame(0, 0.5, True, IDR_BYTES)]),
        ("97 ff 0100 " + "00" * 257 + " f3 61766331 00000002 6588", [VideoFrame(0, 0, True, IDR_BYTES)]),
        ("92 61766331", []),  # the sequence's end
        ("95 61763031 00", []),  # an MPEG-2 TS descriptor
        ("9b 61766331 00", []),  # reserved
        ("d1 00", []),  # a seek command
        ("96 03 61766331 00 00000002 6588", [VideoFrame(0, 0, True, IDR_BYTES)]),  # one track
        ("90 76703038", UnsupportedCodec),
        ("91 3f3f3f3f 00", UnsupportedCodec),
        ("91 617663", CodecError),
        ("91 61766331 0000", CodecError),
        ("97", CodecError),
        ("97 05 00", CodecError),
        ("97 00 00 07" * (MAX_MOD_EX + 1), CodecError),
        ("96 06 61766331 00", CodecError),  # multitrack in multitrack
        ("96 31 61766331 00", CodecError),  # reserved
        ("96 13 61766331 00 0000ff 00", CodecError),  # a track longer than the tag
        ("96 13 61766331 01 000000 01 000000", CodecError),  # a track twice
        ("96 13 61766331 " + "".join(f"{number:02x} 000000" for number in range(17)), CodecError),
    ],
)
def test_enhanced_video(body: str, expected: object) -> None:
    if isinstance(expected, type) and issubclass(expected, CodecError):
        with pytest.raises(expected):
            video(body.replace("97 00 00 07" * (MAX_MOD_EX + 1), "97" + "00 00 07" * (MAX_MOD_EX + 1)))
    else:
        assert video(body) == expected


def sized(body: bytes) -> bytes:
    return len(body).to_bytes(3) + body


def test_many_tracks() -> None:
    reader = TagReader()
    headers = b"\x96\x10avc1" + b"\x00" + sized(RECORD) + b"\x07" + sized(RECORD)
    assert reader.read_video(headers) == [VideoSequenceHeader(0, H264), VideoSequenceHeader(7, H264)]
    frames = b"\x96\x23" + b"avc1\x07" + sized(IDR_BYTES) + b"avc1\x00" + sized(IDR_BYTES)
    assert reader.read_video(frames) == [VideoFrame(7, 0, True, IDR_BYTES), VideoFrame(0, 0, True, IDR_BYTES)]


def test_many_audio_tracks() -> None:
    reader = TagReader()
    headers = b"\x95\x10mp4a" + b"\x00" + sized(b"\x11\x90") + b"\x01" + sized(b"\x11\x90")
    assert reader.read_audio(headers) == [AudioSequenceHeader(0, AAC), AudioSequenceHeader(1, AAC)]
    assert reader.read_audio(b"\x95\x01mp4a\x01raw") == [AudioFrame(1, 1024, b"raw")]


def test_a_header_that_needs_its_first_frame_announces_the_track() -> None:
    head = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
    reader = TagReader()
    announced = [TrackAnnounced(TrackKey(MediaKind.AUDIO, 0))]
    assert reader.read_audio(b"\x90Opus" + head) == announced
    header, frame = reader.read_audio(b"\x91Opus\xfc\xff\xfe")
    assert isinstance(header, AudioSequenceHeader)
    assert frame == AudioFrame(0, 960, b"\xfc\xff\xfe")
    assert reader.read_audio(b"\x90Opus" + head) == []  # sent again: no news


def test_an_enhanced_header_serves_legacy_frames() -> None:
    reader = TagReader()
    reader.read_video(b"\x90avc1" + RECORD)
    assert video(f"17 01 000000 {IDR}", reader) == [VideoFrame(0, 0, True, IDR_BYTES)]


def colour_tag(info: dict[str, AmfValue]) -> bytes:
    return b"\x94avc1" + encode_values(["colorInfo", info])


def test_hdr_metadata() -> None:
    config: AmfValue = {
        "bitDepth": 10.0,
        "colorPrimaries": 9.0,
        "transferCharacteristics": 16.0,
        "matrixCoefficients": 9.0,
    }
    light: AmfValue = {"maxFall": 400.0, "maxCLL": 1000.0}
    display: AmfValue = {
        "redX": 0.708, "redY": 0.292, "greenX": 0.17, "greenY": 0.797, "blueX": 0.131, "blueY": 0.046,
        "whitePointX": 0.3127, "whitePointY": 0.329, "maxLuminance": 1000.0, "minLuminance": 0.0001,
    }  # fmt: skip
    tags = TagReader().read_video(colour_tag({"colorConfig": config, "hdrCll": light, "hdrMdcv": display}))
    hdr = HdrMetadata(
        mastering_display=bytes.fromhex("2134 9baa 1996 08fc 8a48 3908 3d13 4042 00989680 00000001"),
        content_light_level=bytes.fromhex("03e8 0190"),
    )
    assert tags == [VideoColour(0, ColourInfo(Colour(9, 16, 9, is_full_range=False), hdr))]


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"colorConfig": 5.0, "hdrCll": None, "hdrMdcv": []},
        {"colorConfig": {"colorPrimaries": 1e300, "transferCharacteristics": float("nan"), "matrixCoefficients": "9"}},
        {"hdrCll": {"maxFall": -1.0, "maxCLL": 70_000.0}, "hdrMdcv": {"redX": float("inf")}},
    ],
)
def test_hdr_metadata_without_meaning(info: dict[str, AmfValue]) -> None:
    assert TagReader().read_video(colour_tag(info)) == [VideoColour(0, ColourInfo(None, None))]


def test_other_metadata() -> None:
    assert TagReader().read_video(b"\x94avc1" + encode_values(["somethingElse", {}])) == []
    with pytest.raises(CodecError):
        TagReader().read_video(b"\x94avc1\x02")


def test_payload_is_not_copied() -> None:
    reader = TagReader()
    reader.read_video(sequence_header())
    body = bytes.fromhex(f"17 01 000000 {IDR}")
    (frame,) = reader.read_video(body)
    assert isinstance(frame, VideoFrame)
    assert isinstance(frame.payload, memoryview)
    assert frame.payload.obj is body


@pytest.mark.parametrize(("length_size", "lengths"), [(1, "02"), (2, "0002")])
def test_short_lengths_are_rewritten(length_size: int, lengths: str) -> None:
    reader = TagReader()
    reader.read_video(sequence_header(length_size))
    expected = VideoFrame(0, 0, True, bytes.fromhex("000000020910 000000026588"))
    assert video(f"17 01 000000 {lengths} 0910 {lengths} 6588", reader) == [expected]


@pytest.mark.parametrize(("body", "name"), [("90 76703038", "VP8"), ("90 76766331", "VVC"), ("14 00", "VP6")])
def test_unsupported_video_is_named(body: str, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"{name} video is not supported.*set the encoder to H.264, HEVC or AV1"):
        video(body)


def test_legacy_audio() -> None:
    reader = TagReader()
    assert reader.read_audio(b"\xaf\x00\x11\x90") == [AudioSequenceHeader(0, AAC)]
    assert reader.read_audio(b"\xaf\x01raw") == [AudioFrame(0, 1024, b"raw")]
    assert reader.read_audio(b"\xaf\x01") == []


def test_enhanced_audio() -> None:
    reader = TagReader()
    assert reader.read_audio(b"\x90mp4a\x11\x90") == [AudioSequenceHeader(0, AAC)]
    assert reader.read_audio(b"\x91mp4araw") == [AudioFrame(0, 1024, b"raw")]
    assert reader.read_audio(b"\x97\x02\x00\x00\x01\x01mp4araw") == [AudioFrame(0, 1024, b"raw")]
    assert reader.read_audio(b"\x94mp4a\x01\x02\x00\x00\x00\x03") == []  # a channel layout
    assert reader.read_audio(b"\x92mp4a") == []  # the sequence's end


@pytest.mark.parametrize(
    ("body", "name"), [(b"\x2f\xff", "MP3"), (b"\x91.mp3", "MP3"), (b"\xb2", "Speex"), (b"\x90????", "this")]
)
def test_unsupported_audio_is_named(body: bytes, name: str) -> None:
    with pytest.raises(UnsupportedCodec, match=f"{name} audio is not supported.*set the encoder to AAC or Opus"):
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
