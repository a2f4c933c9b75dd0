"""The engine on real input: same times and key frames in every rung, and nothing that a publisher sends is fatal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet as AvPacket
from av.video.frame import VideoFrame

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.media import Packet, VideoTrack
from tests.codecs.published import (
    SVT_AV1,
    VIDEO_ENCODERS,
    VPX_VP9,
    X265,
    X265_10_BIT,
    X265_OPEN_GOP,
    Encoder,
    video_source,
)
from tests.transcode.sources import FRAME_TICKS, ORIGIN_TICKS, decoded, encoded_source, luma_plane
from transcode.decoder import SourceDecoder
from transcode.engine import Engine, EngineEvents
from transcode.faults import TranscodeFault
from transcode.ladder import Rung
from transcode.stills import Stills
from transcode.thumbnails import LONGEST_SIDE, THUMBNAIL_SECONDS, TILES_ACROSS, Thumbnailer
from transcode.wire import THUMBNAIL_TRACK_ID

RUNGS = (
    Rung("360p", 640, 360, Fraction(30), 700_000),
    Rung("240p", 426, 240, Fraction(30), 400_000),
    Rung("120p", 214, 120, Fraction(30), 100_000),
)
MOST_DIFFERENCE = 6
"""Of 255, on average: compression, and sharp edges that are scaled; a wrong range is 14 and more."""


class Harness:
    """An engine and everything it says."""

    def __init__(self, source: VideoTrack, rungs: tuple[Rung, ...] = RUNGS) -> None:
        self.rungs = rungs
        self.opened: list[tuple[bytes, ...]] = []
        self.packets: dict[str, list[Packet]] = defaultdict(list)
        self.thumbnails: list[Packet] = []
        self.faults: list[TranscodeFault] = []
        self.paused: list[tuple[int, int]] = []
        """Index of the rung, and how many packets of it had come."""
        events = EngineEvents(self.opened.append, self._on_packet, self._on_paused, self.faults.append)
        self.engine = Engine(source, rungs, events)

    def _on_packet(self, packet: Packet) -> None:
        assert self.opened
        if packet.track_id == THUMBNAIL_TRACK_ID:
            self.thumbnails.append(packet)
            return
        self.packets[self.rungs[packet.track_id - 1].name].append(packet)

    def _on_paused(self, index: int) -> None:
        self.paused.append((index, len(self.packets[self.rungs[index].name])))

    def run(self, packets: list[Packet]) -> None:
        for packet in packets:
            self.engine.write(packet)
        self.engine.drain()
        assert not self.faults

    def track(self, name: str) -> VideoTrack:
        index = [rung.name for rung in self.rungs].index(name)
        configuration = AvcConfiguration.parse(self.opened[0][index])
        return video_track(configuration, track_id=index + 1, frame_rate=self.rungs[index].frame_rate)


def times(packets: list[Packet]) -> list[int]:
    return [packet.pts_ticks for packet in packets]


def test_every_rung_has_the_sources_times_and_decodes_to_its_size() -> None:
    source, packets = encoded_source(45)
    harness = Harness(source)
    harness.run(packets)
    for rung in RUNGS:
        made = harness.packets[rung.name]
        assert times(made) == times(packets)
        assert all(packet.dts_ticks == packet.pts_ticks for packet in made)
        assert all(packet.duration_ticks == FRAME_TICKS for packet in made)
        assert [packet.received_at for packet in made] == [packet.received_at for packet in packets]
        frames = decoded(harness.track(rung.name), made)
        assert [frame.pts for frame in frames] == times(packets)
        assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {
            (rung.width, rung.height, "yuv420p")
        }


def test_rungs_of_the_same_size() -> None:
    source, packets = encoded_source(5)
    rungs = tuple(replace(rung, name=f"{rung.name}-{index}") for rung in RUNGS[:2] for index in range(3))
    harness = Harness(source, rungs)
    harness.run(packets)
    for rung in rungs:
        frames = decoded(harness.track(rung.name), harness.packets[rung.name])
        assert {(frame.width, frame.height) for frame in frames} == {(rung.width, rung.height)}
        assert len(frames) == len(packets)


def test_a_rung_that_is_not_selected_pauses_and_comes_back_with_an_idr_picture() -> None:
    source, packets = encoded_source(45, gop_frames=15)
    harness = Harness(source)
    second, third = (ORIGIN_TICKS + index * FRAME_TICKS for index in (15, 30))
    for pts_ticks in (second, third):
        harness.engine.force_idr_at(pts_ticks)
    harness.engine.select_rungs_at(second, [0, 2])
    harness.engine.select_rungs_at(third, [0, 1])
    harness.run(packets)
    whole, first, last = times(packets), times(packets[:15]), times(packets[30:])
    first_rung, second_rung, third_rung = (harness.packets[rung.name] for rung in RUNGS)
    assert (times(first_rung), times(second_rung)) == (whole, first + last)
    assert times(third_rung) == times(packets[:30])
    assert sorted(harness.paused) == [(1, 15), (2, 30)]
    assert second_rung[15].is_sync
    assert [frame.pts for frame in decoded(harness.track(RUNGS[1].name), second_rung[15:])] == last


def test_nothing_is_decoded_while_no_rung_is_selected() -> None:
    source, packets = encoded_source(60, gop_frames=15)
    harness = Harness(source)
    second, fourth = (ORIGIN_TICKS + index * FRAME_TICKS for index in (15, 45))
    for pts_ticks in (second, ORIGIN_TICKS + 30 * FRAME_TICKS, fourth):
        harness.engine.force_idr_at(pts_ticks)
    harness.engine.select_rungs_at(second, [])
    harness.engine.select_rungs_at(fourth, [1])
    broken = [replace(packet, payload=b"nothing") for packet in packets[16:45]]
    harness.run([*packets[:16], *broken, *packets[45:]])
    assert [times(harness.packets[rung.name]) for rung in RUNGS] == [
        times(packets[:15]),
        times(packets[:15] + packets[45:]),
        times(packets[:15]),
    ]
    assert [packet.pts_ticks for packet in harness.packets[RUNGS[1].name] if packet.is_sync] == [ORIGIN_TICKS, fourth]


def test_rungs_that_are_not_selected_at_first_are_opened_all_the_same() -> None:
    source, packets = encoded_source(15)
    harness = Harness(source)
    harness.engine.select_rungs_at(ORIGIN_TICKS, [2])
    harness.run(packets)
    assert len(harness.opened[0]) == len(RUNGS)
    assert [len(harness.packets[rung.name]) for rung in RUNGS] == [0, 0, 15]
    assert sorted(harness.paused) == [(0, 0), (1, 0)]


def test_idr_pictures_are_where_they_were_forced_and_nowhere_else() -> None:
    source, packets = encoded_source(45, gop_frames=10)
    harness = Harness(source)
    between_pictures_ticks = ORIGIN_TICKS + 19 * FRAME_TICKS + 1
    for pts_ticks in (between_pictures_ticks, ORIGIN_TICKS + 7 * FRAME_TICKS, ORIGIN_TICKS + 40 * FRAME_TICKS):
        harness.engine.force_idr_at(pts_ticks)
    harness.run(packets)
    expected = [ORIGIN_TICKS + index * FRAME_TICKS for index in (0, 7, 20, 40)]
    for made in harness.packets.values():
        assert [packet.pts_ticks for packet in made if packet.is_sync] == expected


def test_a_packet_leaves_before_the_next_is_written() -> None:
    source, packets = encoded_source(10)
    harness = Harness(source)
    for packet in packets[:-1]:
        harness.engine.write(packet)
    for encoder in harness.engine._encoders:  # their threads end: nothing is flushed out of the decoder
        encoder.drain()
    assert [len(made) for made in harness.packets.values()] == [9, 9, 9]


def test_b_frames_come_out_in_presentation_order() -> None:
    source, packets = encoded_source(40, b_frames=2)
    assert times(packets) != sorted(times(packets))
    harness = Harness(source)
    harness.run(packets)
    assert [times(made) for made in harness.packets.values()] == [sorted(times(packets))] * 3


@pytest.mark.parametrize("color_range", [1, 2], ids=["limited", "full"])
def test_colour_properties_are_carried(color_range: int) -> None:
    bt709 = 1
    source, packets = encoded_source(3, color_range=color_range, color=bt709)
    harness = Harness(source)
    harness.run(packets)
    reference = decoded(source, packets)[0]
    for rung in RUNGS:
        frame = decoded(harness.track(rung.name), harness.packets[rung.name])[0]
        assert (frame.color_range, frame.colorspace) == (color_range, bt709)
        assert (frame.color_primaries, frame.color_trc) == (bt709, bt709)
        assert luma_plane(frame).mean() == pytest.approx(luma_plane(reference).mean(), abs=1.5)


def test_colours_that_cannot_be_scaled_are_carried_too() -> None:
    ycgco = 8
    source, packets = encoded_source(3, color=ycgco)
    harness = Harness(source)
    harness.run(packets)
    for rung in RUNGS:
        assert {frame.colorspace for frame in decoded(harness.track(rung.name), harness.packets[rung.name])} == {ycgco}


def test_hdr_becomes_sdr() -> None:
    source, packets = video_source(X265_10_BIT)
    harness = Harness(source)
    harness.run(packets)
    for rung in RUNGS:
        frame = decoded(harness.track(rung.name), harness.packets[rung.name])[0]
        assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_other_pixel_formats_become_8_bit_420(pixel_format: str) -> None:
    source, packets = encoded_source(3, pixel_format=pixel_format)
    harness = Harness(source)
    harness.run(packets)
    for rung in RUNGS:
        assert {frame.format.name for frame in decoded(harness.track(rung.name), harness.packets[rung.name])} == {
            "yuv420p"
        }


@pytest.mark.parametrize("encoder", VIDEO_ENCODERS, ids=repr)
def test_sources_in_other_codecs(encoder: Encoder) -> None:
    source, packets = video_source(encoder)
    harness = Harness(source)
    harness.run(packets)
    for rung in RUNGS:
        made = harness.packets[rung.name]
        assert times(made) == sorted(times(packets))
        frames = decoded(harness.track(rung.name), made)
        assert {(frame.width, frame.height, frame.format.name) for frame in frames} == {
            (rung.width, rung.height, "yuv420p")
        }


@pytest.mark.parametrize("encoder", [X265, SVT_AV1, VPX_VP9], ids=repr)
def test_decoders_of_other_codecs_hold_nothing_back(encoder: Encoder) -> None:
    source, packets = video_source(encoder)
    decoder = SourceDecoder(source)
    for packet in packets:
        assert [frame.pts for frame, _ in decoder.decode(packet)] == [packet.pts_ticks]


def test_decoding_begins_with_an_open_gop() -> None:
    source, packets = video_source(X265_OPEN_GOP)
    second = next(index for index, packet in enumerate(packets) if index and packet.is_sync)
    harness = Harness(source)
    harness.run(packets[second:])
    first_ticks = packets[second].pts_ticks
    assert times(harness.packets["240p"]) == sorted(ticks for ticks in times(packets[second:]) if ticks >= first_ticks)


def test_nothing_is_decoded_before_the_first_sync_sample() -> None:
    source, packets = encoded_source(20, gop_frames=10)
    harness = Harness(source)
    harness.run(packets[3:])
    assert times(harness.packets["240p"]) == times(packets[10:])


def test_a_broken_access_unit_costs_the_pictures_up_to_the_next_sync_sample() -> None:
    source, packets = encoded_source(30, gop_frames=10)
    packets[5] = replace(packets[5], payload=b"\xff" * 100)
    harness = Harness(source)
    harness.run(packets)
    assert times(harness.packets["240p"]) == times(packets[:5] + packets[10:])


def test_pictures_that_do_not_advance_are_dropped() -> None:
    source, packets = encoded_source(10)
    packets[4] = replace(packets[4], pts_ticks=packets[3].pts_ticks)
    harness = Harness(source)
    harness.run(packets)
    assert times(harness.packets["240p"]) == times(packets[:4] + packets[5:])


def test_a_still_picture_every_few_seconds() -> None:
    source, packets = encoded_source(30 * THUMBNAIL_SECONDS + 1)
    harness = Harness(source)
    harness.run(packets)
    assert times(harness.thumbnails) == [ORIGIN_TICKS, ORIGIN_TICKS + THUMBNAIL_SECONDS * 90_000]


@pytest.mark.parametrize(
    ("size", "expected"), [((1280, 720), (640, 360)), ((720, 1280), (360, 640)), ((214, 120), (214, 120))]
)
@pytest.mark.parametrize("color_range", [1, 2])
def test_a_still_picture_shows_what_is_sent(size: tuple[int, int], expected: tuple[int, int], color_range: int) -> None:
    width, height = size
    source, packets = encoded_source(1, width=width, height=height, color_range=color_range)
    harness = Harness(source, (Rung("one", width, height, Fraction(30), 2_000_000),))
    harness.run(packets)
    (still,) = harness.thumbnails
    shown = jpeg_picture(Stills.from_bytes(bytes(still.payload)).thumbnail)
    assert (shown.width, shown.height) == expected
    assert max(expected) <= LONGEST_SIDE
    (sent,) = decoded(source, packets)
    wanted = sent.reformat(*expected, "rgb24").to_ndarray().astype(int)
    assert np.abs(shown.to_ndarray(format="rgb24").astype(int) - wanted).mean() < MOST_DIFFERENCE


def test_a_sheet_collects_small_pictures_and_begins_anew_when_it_is_full() -> None:
    source, packets = encoded_source(1, width=640, height=360)
    (sent,) = decoded(source, packets)
    thumbnailer = Thumbnailer(Rung("360p", 640, 360, Fraction(30), 700_000))
    sheets = []
    for number in range(TILES_ACROSS**2 + 1):
        sent.pts = number * THUMBNAIL_SECONDS * 90_000
        still = thumbnailer.offer(sent, 0.0)
        assert still is not None
        sheets.append(Stills.from_bytes(bytes(still.payload)).sheet)
    first, second, *_, full, anew = sheets
    step = THUMBNAIL_SECONDS * 90_000
    assert (first.times_ticks, second.times_ticks) == ((0,), (0, step))
    assert (len(full.times_ticks), anew.times_ticks) == (TILES_ACROSS**2, (TILES_ACROSS**2 * step,))
    tile = sent.reformat(first.tile_width, first.tile_height, "rgb24").to_ndarray().astype(int)
    for sheet in (second, full, anew):
        picture = jpeg_picture(sheet.jpeg).to_ndarray(format="rgb24").astype(int)
        for index in range(sheet.columns**2):
            top, left = index // sheet.columns * sheet.tile_height, index % sheet.columns * sheet.tile_width
            shown = picture[top : top + sheet.tile_height, left : left + sheet.tile_width]
            wanted = tile if index < len(sheet.times_ticks) else np.zeros_like(tile)
            assert np.abs(shown - wanted).mean() < MOST_DIFFERENCE


def jpeg_picture(data: bytes) -> VideoFrame:
    context = CodecContext.create("mjpeg", "r")
    frames = [*context.decode(AvPacket(data)), *context.decode(None)]
    (picture,) = frames
    return picture
