"""Whatever a publisher sends, the engine goes on or says what is wrong; it shows no garbage, and nothing crashes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pinkmedia.media import VIDEO_TIMESCALE, Packet, VideoTrack
from tests.damages import DAMAGES, payload_of, units
from tests.transcode.patches import Transcoded, encoded, flat, rung
from tests.transcode.sources import (
    FRAME_TICKS,
    decoded,
    encoded_source,
    luma_plane,
    moving_pictures,
    with_parameter_sets,
)
from transcode.decoder import FAILURES_ENDURED, LARGEST_PIXELS
from transcode.faults import TranscodeFault

WIDTH, HEIGHT = 320, 180
GOP_FRAMES = 10
MOST_DIFFERENCE = 12
"""Of 255, on average: what is concealed; uninitialised or grey pictures differ by 40 and more."""


def source(count: int = 30, b_frames: int = 0) -> tuple[VideoTrack, list[Packet]]:
    return encoded_source(count, width=WIDTH, height=HEIGHT, gop_frames=GOP_FRAMES, b_frames=b_frames)


def times(packets: list[Packet]) -> list[int]:
    return sorted(packet.pts_ticks for packet in packets)


def transcoded(track: VideoTrack, packets: list[Packet]) -> Transcoded:
    return Transcoded(track, packets, (rung(WIDTH, HEIGHT), rung(160, 90)), idr_at=[packets[0].pts_ticks])


def difference(made: Transcoded, track: VideoTrack, intact: list[Packet]) -> float:
    """The largest of any picture that is shown."""
    wanted = {frame.pts: luma_plane(frame).astype(int) for frame in decoded(track, intact)}
    return max(float(np.abs(luma_plane(frame) - wanted[frame.pts]).mean()) for frame in made.frames(0))


def test_a_lost_picture_costs_itself_only() -> None:
    track, packets = source()
    made = transcoded(track, packets[:5] + packets[6:])
    assert made.times(0) == made.times(1) == times(packets[:5] + packets[6:])
    assert difference(made, track, packets) < MOST_DIFFERENCE


def test_a_lost_idr_picture_costs_nothing_of_the_alignment() -> None:
    track, packets = source()
    due = packets[GOP_FRAMES].pts_ticks
    left = packets[:GOP_FRAMES] + packets[GOP_FRAMES + 1 :]
    made = Transcoded(track, left, (rung(WIDTH, HEIGHT), rung(160, 90)), idr_at=[packets[0].pts_ticks, due])
    assert made.sync_times(0) == made.sync_times(1)
    assert len(made.sync_times(0)) == 2
    assert made.sync_times(0)[1] > due


def sliced(count: int = 30) -> tuple[VideoTrack, list[Packet]]:
    return encoded(moving_pictures(count, WIDTH, HEIGHT), parameters="slices=4")


def test_a_lost_slice_is_concealed() -> None:
    track, packets = sliced()
    found = units(packets[5].payload)
    damaged = [*packets[:5], replace(packets[5], payload=payload_of(found[:-2] + found[-1:])), *packets[6:]]
    made = transcoded(track, damaged)
    assert made.times(0) == times(packets)
    assert difference(made, track, packets) < MOST_DIFFERENCE


def test_a_key_picture_that_lost_a_slice_is_skipped_with_all_that_refer_to_it() -> None:
    track, packets = sliced()
    found = units(packets[15].payload)
    damaged = [*packets[:15], replace(packets[15], payload=payload_of(found[:-2] + found[-1:])), *packets[16:]]
    made = transcoded(track, [*damaged, *shifted(packets, packets[-1].pts_ticks + FRAME_TICKS - packets[0].pts_ticks)])
    assert made.times(0)[:16] == [*times(packets[:15]), packets[-1].pts_ticks + FRAME_TICKS]


def shifted(packets: list[Packet], by_ticks: int) -> list[Packet]:
    return [
        replace(packet, pts_ticks=packet.pts_ticks + by_ticks, dts_ticks=packet.dts_ticks + by_ticks)
        for packet in packets
    ]


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("at", [5, 10], ids=["in a group", "key picture"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_ends_with_the_next_key_picture(damage: Callable[[bytes], bytes], at: int, b_frames: int) -> None:
    track, packets = source(b_frames=b_frames)
    broken = [*packets]
    broken[at] = replace(packets[at], payload=damage(bytes(packets[at].payload)))
    made = transcoded(track, broken)
    assert made.times(0) == made.times(1)
    last_group = [packet.pts_ticks for packet in packets if packet.pts_ticks >= packets[20].pts_ticks]
    assert set(last_group) <= set(made.times(0))
    assert made.sync_times(0) == made.sync_times(1)
    whole = {frame.pts: luma_plane(frame).astype(int) for frame in decoded(track, packets)}
    for frame in made.frames(0):
        if frame.pts in last_group:
            assert np.abs(luma_plane(frame) - whole[frame.pts]).mean() < MOST_DIFFERENCE


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_everywhere_is_survived(seed: int) -> None:
    track, packets = source(b_frames=seed % 3)
    chance = random.Random(seed)
    broken = []
    for packet in packets:
        payload = bytearray(packet.payload)
        for _ in range(chance.randrange(4)):
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        broken.append(replace(packet, payload=bytes(payload)))
    made = transcoded(track, broken)
    assert made.times(0) == made.times(1) == sorted(set(made.times(0)))


def test_another_streams_parameter_sets_are_a_fault_in_the_end() -> None:
    track, packets = source()
    wrong, _ = encoded_source(1, width=64, height=64, pixel_format="yuv444p")
    keys = [packets[0]] * FAILURES_ENDURED
    broken = [
        replace(packet, payload=b"\0\0\0\5\x65\xff\xff\xff\xff", pts_ticks=packet.pts_ticks + number * FRAME_TICKS)
        for number, packet in enumerate(keys)
    ]
    with pytest.raises(TranscodeFault, match="cannot be decoded"):
        transcoded(replace(track, configuration=wrong.configuration), broken)


@pytest.mark.parametrize("configuration", [b"", b"\1", b"\xff" * 40, b"\1\x64\0\x1f\xff\xe1\0\0"])
def test_a_configuration_that_is_none(configuration: bytes) -> None:
    track, packets = source()
    in_band = with_parameter_sets(track, packets)
    try:
        made = transcoded(replace(track, configuration=configuration), in_band)
    except TranscodeFault as fault:
        assert "decoded" in str(fault)  # noqa: PT017  # it may go on, too
    else:
        assert made.times(0) == made.times(1)


def test_times_that_jump_forward_back_and_repeat() -> None:
    track, packets = source()
    jump_ticks = 3600 * VIDEO_TIMESCALE
    moved = [
        *packets[:10],
        *shifted(packets[10:15], jump_ticks),
        *[replace(packet, pts_ticks=packets[14].pts_ticks + jump_ticks) for packet in packets[15:18]],
        *shifted(packets[18:20], -10 * FRAME_TICKS),
        *shifted(packets[20:], jump_ticks),
    ]
    made = transcoded(track, moved)
    assert (
        made.times(0)
        == made.times(1)
        == times(packets[:10]) + [packet.pts_ticks + jump_ticks for packet in [*packets[10:15], *packets[20:]]]
    )


@pytest.mark.parametrize("frame_rate", [1, 240])
def test_extreme_frame_rates(frame_rate: int) -> None:
    track, packets = encoded((flat((90, 128, 128), 64, 36) for _ in range(20)), frame_rate=frame_rate)
    made = Transcoded(track, packets, (rung(64, 36, frame_rate),))
    assert made.times(0) == times(packets)


def test_the_smallest_picture() -> None:
    track, packets = encoded([flat((90, 100, 150), 16, 16)])
    (frame,) = Transcoded(track, packets, (rung(16, 16),)).frames(0)
    assert (frame.width, frame.height) == (16, 16)


def test_the_largest_picture() -> None:
    track, packets = encoded([flat((90, 100, 150), 8192, 4320)])
    assert track.width * track.height == LARGEST_PIXELS
    (frame,) = Transcoded(track, packets, (rung(128, 68),)).frames(0)
    assert abs(int(luma_plane(frame).mean()) - 90) < 3


def test_a_larger_picture_is_refused_before_it_is_decoded() -> None:
    track, packets = source(1)
    with pytest.raises(TranscodeFault, match="8192×4320"):
        transcoded(replace(track, width=8192, height=4322), packets)


def test_a_larger_picture_in_mid_stream_is_passed_over() -> None:
    track, packets = source()
    large, large_packets = encoded([flat((90, 100, 150), 8200, 4400)])
    (large_packet,) = with_parameter_sets(large, large_packets)
    middle = replace(large_packet, pts_ticks=packets[15].pts_ticks, dts_ticks=packets[15].dts_ticks)
    after = with_parameter_sets(track, packets[20:])
    made = transcoded(track, [*packets[:15], middle, *after])
    assert made.times(0) == times(packets[:15] + packets[20:])
