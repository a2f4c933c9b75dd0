"""Sample entries of all codecs: their boxes, and that FFmpeg plays what is packaged with them."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from fractions import Fraction

import av
import pytest

from packager.boundaries import Boundaries
from packager.init_segment import init_segment
from packager.layout import PackagerSettings, plan_layout
from packager.rendition import RenditionPackager
from packager.sample_entries import sample_entry
from pinkmedia.media import Codec, Colour, HdrMetadata, Packet, Rendition, Track
from tests.codecs.published import (
    AUDIO_ENCODERS,
    FRAME_TICKS,
    HEIGHT,
    ORIGIN_TICKS,
    VIDEO_ENCODERS,
    WIDTH,
    Encoder,
    audio_source,
    video_source,
)
from tests.packager.fragments import boxes
from tests.packager.samples import AUDIO, VIDEO, ignore_part

VISUAL_FIELDS_BYTES = 78
AUDIO_FIELDS_BYTES = 28
BODY = b"configuration record"


@pytest.mark.parametrize(
    ("codec", "entry_kind", "box_kind", "version_and_flags"),
    [
        (Codec.H264, b"avc1", b"avcC", b""),
        (Codec.HEVC, b"hvc1", b"hvcC", b""),
        (Codec.AV1, b"av01", b"av1C", b""),
        (Codec.VP9, b"vp09", b"vpcC", b"\1\0\0\0"),
    ],
)
def test_visual_entry(codec: Codec, entry_kind: bytes, box_kind: bytes, version_and_flags: bytes) -> None:
    (entry,) = boxes(sample_entry(replace(VIDEO, codec=codec, configuration=BODY))).items()
    kind, body = entry
    assert kind == entry_kind
    assert struct.unpack_from(">HH", body, 24) == (1280, 720)
    assert boxes(body[VISUAL_FIELDS_BYTES:]) == {
        box_kind: version_and_flags + BODY,
        b"pasp": struct.pack(">II", 1, 1),
    }


@pytest.mark.parametrize(
    ("codec", "entry_kind", "box_kind", "version_and_flags"),
    [
        (Codec.OPUS, b"Opus", b"dOps", b""),
        (Codec.FLAC, b"fLaC", b"dfLa", bytes(4)),
        (Codec.AC3, b"ac-3", b"dac3", b""),
        (Codec.EAC3, b"ec-3", b"dec3", b""),
    ],
)
def test_audio_entry(codec: Codec, entry_kind: bytes, box_kind: bytes, version_and_flags: bytes) -> None:
    (entry,) = boxes(sample_entry(replace(AUDIO, codec=codec, configuration=BODY))).items()
    kind, body = entry
    assert kind == entry_kind
    assert struct.unpack_from(">HH4xI", body, 16) == (2, 16, 48_000 << 16)
    assert boxes(body[AUDIO_FIELDS_BYTES:]) == {box_kind: version_and_flags + BODY}


def test_aac_entry_has_its_configuration_in_descriptors() -> None:
    body = boxes(sample_entry(AUDIO))[b"mp4a"]
    assert boxes(body[AUDIO_FIELDS_BYTES:])[b"esds"].endswith(
        b"\x05\x80\x80\x80\x02" + AUDIO.configuration + b"\x06\x80\x80\x80\x01\x02"
    )


@pytest.mark.parametrize(("is_full_range", "flag"), [(False, b"\x00"), (True, b"\x80")])
def test_colour(is_full_range: bool, flag: bytes) -> None:
    track = replace(VIDEO, colour=Colour(9, 16, 10, is_full_range))
    found = boxes(boxes(sample_entry(track))[b"avc1"][VISUAL_FIELDS_BYTES:])
    assert found[b"colr"] == b"nclx" + struct.pack(">HHH", 9, 16, 10) + flag


def test_samples_that_are_not_square() -> None:
    track = replace(VIDEO, width=1440, height=1080, sample_aspect_ratio=Fraction(4, 3))
    found = boxes(boxes(sample_entry(track))[b"avc1"][VISUAL_FIELDS_BYTES:])
    assert found[b"pasp"] == struct.pack(">II", 4, 3)
    assert struct.pack(">II", 1920 << 16, 1080 << 16) in init_segment(track)


def test_hdr_metadata() -> None:
    mastering_display, content_light_level = bytes(range(24)), b"\x03\xe8\x01\x90"
    both = replace(VIDEO, hdr=HdrMetadata(mastering_display, content_light_level))
    found = boxes(boxes(sample_entry(both))[b"avc1"][VISUAL_FIELDS_BYTES:])
    assert (found[b"mdcv"], found[b"clli"]) == (mastering_display, content_light_level)
    one = replace(VIDEO, hdr=HdrMetadata(content_light_level=content_light_level))
    assert b"mdcv" not in boxes(boxes(sample_entry(one))[b"avc1"][VISUAL_FIELDS_BYTES:])


def packaged(track: Track, packets: list[Packet]) -> bytes:
    """Init segment and all parts."""
    boundaries = Boundaries()
    boundaries.append(0, has_discontinuity=False)
    layout = plan_layout(PackagerSettings(), [track], 2.0)
    packager = RenditionPackager(
        Rendition("source", track, 1_000_000, is_passthrough=True), layout, boundaries, on_part=ignore_part
    )
    for packet in packets:
        packager.write(packet)
    packager.end()
    chunks = [chunk for segment in packager.window.segments for chunk in segment.chunks]
    return init_segment(track) + b"".join(chunks)


@pytest.mark.parametrize("encoder", VIDEO_ENCODERS, ids=repr)
def test_ffmpeg_decodes_every_picture_at_its_time(encoder: Encoder) -> None:
    track, packets = video_source(encoder)
    with av.open(io.BytesIO(packaged(track, packets)), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.time_base) == (WIDTH, HEIGHT, Fraction(1, 90_000))
        frames = list(container.decode(stream))
    first_ticks = min(packet.pts_ticks for packet in packets)
    assert [frame.pts for frame in frames] == [first_ticks + number * FRAME_TICKS for number in range(30)]
    assert first_ticks >= ORIGIN_TICKS
    assert {frame.format.name for frame in frames} == {encoder.pixel_format}
    assert {(frame.color_primaries, frame.color_trc, frame.colorspace) for frame in frames} == {encoder.colour}


@pytest.mark.parametrize("encoder", AUDIO_ENCODERS, ids=repr)
def test_ffmpeg_decodes_every_sample(encoder: Encoder) -> None:
    track, packets = audio_source(encoder)
    with av.open(io.BytesIO(packaged(track, packets)), "r") as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.sample_rate, stream.channels) == (track.sample_rate, track.channels)
        demuxed = [packet for packet in container.demux(stream) if packet.dts is not None]
        sample_count = sum(frame.samples for packet in demuxed for frame in packet.decode())
    assert [(packet.dts, bytes(packet)) for packet in demuxed] == [
        (packet.dts_ticks, packet.payload) for packet in packets
    ]
    encoded_count = sum(packet.duration_ticks for packet in packets)
    skipped_count = 312 if track.codec is Codec.OPUS else 0  # the decoder settles (RFC 7845 §4.2)
    assert sample_count == encoded_count - skipped_count
