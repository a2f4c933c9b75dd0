"""Which streams are served, by stream type and descriptors."""

from __future__ import annotations

import pytest

from ingest.elementary import MediaKind
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.es_audio import AudioStream
from ingest.mpegts.es_table import elementary_stream, media_kind
from ingest.mpegts.es_video import VideoStream
from pinkmedia.errors import UnsupportedCodec

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO


def registration(identifier: bytes) -> bytes:
    return bytes((0x05, len(identifier))) + identifier


OPUS = registration(b"Opus") + bytes.fromhex("7f 02 80 02")


@pytest.mark.parametrize(
    ("stream_type", "descriptors", "kind"),
    [
        (0x1B, b"", VIDEO),
        (0x24, b"", VIDEO),
        (0x06, registration(b"HEVC"), VIDEO),
        (0x0F, b"", AUDIO),
        (0x11, b"", AUDIO),
        (0x81, b"", AUDIO),
        (0x87, registration(b"EAC3"), AUDIO),
        (0x06, registration(b"AC-3"), AUDIO),
        (0x06, b"\x6a\x01\x00", AUDIO),
        (0x06, b"\x0a\x04eng\x00" + b"\x7a\x01\x00", AUDIO),
        (0x06, OPUS, AUDIO),
    ],
)
def test_served(stream_type: int, descriptors: bytes, kind: MediaKind) -> None:
    assert media_kind(stream_type, descriptors) is kind
    stream = elementary_stream(stream_type, descriptors, track_number=0, counters=TsCounters())
    assert isinstance(stream, VideoStream if kind is VIDEO else AudioStream)


@pytest.mark.parametrize(
    ("stream_type", "descriptors", "kind", "text"),
    [
        (0x02, b"", VIDEO, "MPEG-2 video is not supported; set the encoder to H.264 or HEVC"),
        (0x03, b"", AUDIO, "MPEG (MP2, MP3) audio is not supported; set the encoder to AAC or Opus"),
        (
            0x06,
            registration(b"AV01"),
            VIDEO,
            "AV1 in a transport stream is not supported; set the encoder to H.264 or HEVC",
        ),
        (
            0x06,
            registration(b"Opus") + b"\x7f\x02\x80\xff",
            AUDIO,
            "Opus channel configuration 255 is not supported; send stereo",
        ),
    ],
)
def test_not_served(stream_type: int, descriptors: bytes, kind: MediaKind, text: str) -> None:
    assert media_kind(stream_type, descriptors) is kind
    with pytest.raises(UnsupportedCodec) as caught:
        elementary_stream(stream_type, descriptors, track_number=0, counters=TsCounters())
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("stream_type", "descriptors"),
    [(0x06, b""), (0x06, b"\x56\x05eng\x10\x00"), (0x05, b""), (0xC0, b""), (0x06, b"\x05\xff"), (0x06, b"\x05")],
    ids=["private data", "teletext", "private sections", "user's own", "descriptor cut short", "half a descriptor"],
)
def test_ignored(stream_type: int, descriptors: bytes) -> None:
    assert media_kind(stream_type, descriptors) is None
    assert elementary_stream(stream_type, descriptors, track_number=0, counters=TsCounters()) is None
