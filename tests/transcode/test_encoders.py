"""Rungs in every codec, encoded in software: the same times and key frames, and pictures that can be seen."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from pinkmedia.codecs.hevc import HevcNalType, hevc_nal_type
from pinkmedia.codecs.nal_units import LENGTH_SIZE, split_length_prefixed
from pinkmedia.media import VIDEO_TIMESCALE, Codec, Packet, VideoTrack
from tests.packager.test_playback import packaged
from tests.transcode.sources import FRAME_TICKS, ORIGIN_TICKS, encoded_source, luma_plane, moving_pictures
from tests.transcode.test_engine import Harness, times
from transcode.encoder_context import EncoderOpener
from transcode.ladder import Rung
from transcode.landscape import Plane
from transcode.renditions import rendition_of

PICTURES = 90
FORCED = (0, 7, 30, 41, 77)
"""Which pictures are forced to be key frames."""
WIDTH, HEIGHT = 426, 240
LEAST_PSNR_DB = 40
"""Of luma, on average over the clip, at MEDIUM_BPS; the test picture is full of edges."""
MEDIUM_BPS = 900_000
CODECS = (Codec.H264, Codec.HEVC, Codec.AV1)
CODEC_STRINGS = {Codec.H264: "avc1.64", Codec.HEVC: "hvc1.1.6.L", Codec.AV1: "av01.0."}
IDR_TYPES = {19, 20}
"""IDR_W_RADL and IDR_N_LP (ITU-T H.265, Table 7-1)."""


def rung_in(codec: Codec) -> Rung:
    return Rung("240p", WIDTH, HEIGHT, Fraction(30), MEDIUM_BPS, codec=codec)


class Encoded:
    """A source, and one rung of it."""

    track: VideoTrack

    def __init__(self, codec: Codec) -> None:
        self.rung = rung_in(codec)
        self.source, self.source_packets = encoded_source(PICTURES, width=WIDTH, height=HEIGHT, gop_frames=45)
        harness = Harness(self.source, (self.rung,))
        for number in FORCED:
            harness.engine.force_idr_at(ORIGIN_TICKS + number * FRAME_TICKS)
        harness.run(self.source_packets)
        self.packets = harness.packets["240p"]
        self.rendition = rendition_of(0, self.rung, harness.opened[0][0])
        assert isinstance(self.rendition.track, VideoTrack)
        self.track = self.rendition.track


@pytest.fixture(scope="module", params=CODECS)
def encoded(request: pytest.FixtureRequest) -> Encoded:
    return Encoded(request.param)


def test_times_are_the_sources(encoded: Encoded) -> None:
    assert times(encoded.packets) == times(encoded.source_packets)
    assert all(packet.dts_ticks == packet.pts_ticks for packet in encoded.packets)


def test_key_frames_are_where_they_are_forced(encoded: Encoded) -> None:
    forced = [ORIGIN_TICKS + number * FRAME_TICKS for number in FORCED]
    assert [packet.pts_ticks for packet in encoded.packets if packet.is_sync] == forced


def test_its_track_says_what_it_is(encoded: Encoded) -> None:
    track = encoded.track
    assert (track.codec, track.track_id) == (encoded.rung.codec, 1)
    assert track.codec_string.startswith(CODEC_STRINGS[encoded.rung.codec])
    assert (encoded.rendition.name, encoded.rendition.bit_rate_bps) == ("240p", MEDIUM_BPS)


def test_what_is_packaged_plays(encoded: Encoded) -> None:
    pictures = [luma_plane(frame) for frame in played(encoded)]
    originals = [luma_plane(frame) for frame in moving_pictures(PICTURES, WIDTH, HEIGHT)]
    assert len(pictures) == PICTURES
    assert np.mean([psnr_db(*pair) for pair in zip(pictures, originals, strict=True)]) > LEAST_PSNR_DB


def test_what_is_packaged_keeps_its_times(encoded: Encoded) -> None:
    assert [frame.pts for frame in played(encoded)] == times(encoded.packets)


def test_every_key_frame_can_be_begun_with(encoded: Encoded) -> None:
    for start in FORCED[1:]:
        assert len(played(encoded, start)) == PICTURES - start


def played(encoded: Encoded, start: int = 0) -> list[VideoFrame]:
    """What a player decodes of the init segment and the segments from that picture on."""
    window = packaged(encoded.track, [replace(packet) for packet in encoded.packets[start:]])
    init = window.find_init("init-1.mp4")
    assert init is not None
    data = init.data + b"".join(chunk for segment in window.segments for chunk in segment.chunks)
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def psnr_db(one: Plane, other: Plane) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_in_is_an_access_unit_out(codec: Codec) -> None:
    rung = rung_in(codec)
    first, *others = moving_pictures(20, WIDTH, HEIGHT)
    context = EncoderOpener().open(rung, first, None).context
    for number, frame in enumerate((first, *others)):
        frame.pts, frame.time_base = number * FRAME_TICKS, Fraction(1, VIDEO_TIMESCALE)
        frame.pict_type = PictureType.I if number == 10 else PictureType.NONE
        assert [unit.pts for unit in context.encode(frame)] == [frame.pts]


def test_hevc_key_frames_are_idr_pictures_and_carry_no_parameter_sets() -> None:
    encoded = Encoded(Codec.HEVC)
    for packet in encoded.packets:
        kinds = {hevc_nal_type(unit) for unit in units_of(packet)}
        assert kinds.isdisjoint({HevcNalType.VPS, HevcNalType.SPS, HevcNalType.PPS})
        assert packet.is_sync == bool(kinds & IDR_TYPES)


def units_of(packet: Packet) -> list[memoryview]:
    units = split_length_prefixed(memoryview(packet.payload), LENGTH_SIZE)
    assert units is not None
    return units
