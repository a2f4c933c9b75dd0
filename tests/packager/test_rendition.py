"""Packets become parts and segments."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from packager.boundaries import Boundaries
from packager.rendition import MOST_SAMPLES_RATIO, RenditionPackager
from packager.window import Window
from pinkmedia.media import Packet, Part, Rendition
from tests.packager.fragments import parse_fragment
from tests.packager.samples import (
    AUDIO,
    FRAME,
    VIDEO,
    audio_packets,
    ignore_part,
    layout,
    video_packager,
    video_packets,
)

START = 90_000


def boundaries_every(seconds: float, count: int) -> Boundaries:
    boundaries = Boundaries()
    for index in range(count):
        boundaries.append(START + round(index * seconds * 90_000), has_discontinuity=False)
    return boundaries


def packaged(packets: list[Packet], boundaries: Boundaries) -> Window:
    packager = video_packager(boundaries)
    for packet in packets:
        packager.write(packet)
    return packager.window


def parts_of(window: Window) -> list[Part]:
    return [part for segment in window.segments for part in segment.parts]


def test_a_part_is_published_when_its_last_frame_arrives() -> None:
    published: list[Part] = []
    packager = video_packager(boundaries_every(2, 1), on_part=lambda rendition, part: published.append(part))
    for count, packet in enumerate(video_packets(12), start=1):
        packager.write(packet)
        assert len(published) == count // 6
    assert [part.duration_seconds for part in published] == [pytest.approx(0.2), pytest.approx(0.2)]
    assert [part.is_independent for part in published] == [True, False]
    assert published[0].last_received_at == 5.0


def test_segments_begin_at_boundaries_and_hold_their_parts_bytes() -> None:
    window = packaged(list(video_packets(121)), boundaries_every(2, 3))
    assert [(segment.msn, len(segment.parts), segment.is_complete) for segment in window.segments] == [
        (1, 10, True),
        (2, 10, True),
        (3, 0, False),
    ]
    first = window.segments[0]
    assert first.duration_seconds == pytest.approx(2.0)
    assert first.chunks == tuple(part.data for part in first.parts)
    assert first.start_seconds == 1.0


def test_decode_times_have_neither_gaps_nor_overlaps() -> None:
    fragments = [
        parse_fragment(part.data) for part in parts_of(packaged(list(video_packets(150)), boundaries_every(2, 3)))
    ]
    assert fragments[0].decode_time_ticks == START
    for before, after in itertools.pairwise(fragments):
        assert after.decode_time_ticks == before.decode_time_ticks + sum(before.durations_ticks)
        assert after.sequence_number == before.sequence_number + 1


def test_a_late_frame_keeps_its_presentation_time_and_the_deviation_goes_into_its_duration() -> None:
    packets = list(video_packets(12))
    for packet in packets[7:]:
        packet.dts_ticks += 900
        packet.pts_ticks += 900
    second = parse_fragment(parts_of(packaged(packets, boundaries_every(2, 1)))[1].data)
    assert second.presentation_times_ticks == [
        packet.pts_ticks for packet in packets[6 : 6 + len(second.durations_ticks)]
    ]
    assert second.durations_ticks[1] == FRAME + 900


def test_missing_frames_never_make_a_part_longer_than_its_target() -> None:
    packets = [packet for index, packet in enumerate(video_packets(60)) if not 8 <= index < 25]
    window = packaged(packets, boundaries_every(2, 1))
    durations = [part.duration_seconds for part in parts_of(window)]
    assert max(durations) <= window.layout.part_target_seconds
    times = [ticks for part in parts_of(window) for ticks in parse_fragment(part.data).presentation_times_ticks]
    assert times == [packet.pts_ticks for packet in packets][: len(times)]


def test_reordered_frames_keep_their_presentation_times() -> None:
    packets = list(video_packets(6, offset_ticks=2 * FRAME))
    packets[2].pts_ticks -= 2 * FRAME
    packets[3].pts_ticks -= 3 * FRAME
    (part,) = parts_of(packaged(packets, boundaries_every(2, 1)))
    assert parse_fragment(part.data).presentation_times_ticks == [packet.pts_ticks for packet in packets]


def test_a_short_last_part_is_published_when_the_next_segment_begins() -> None:
    window = packaged(list(video_packets(59, key_every=58)), boundaries_every(58 / 30, 2))
    assert [len(segment.parts) for segment in window.segments] == [10, 0]
    assert window.segments[0].parts[-1].duration_seconds == pytest.approx(4 / 30)


def test_flushing_publishes_what_is_held_back() -> None:
    packager = video_packager(boundaries_every(2, 1))
    for packet in video_packets(8):
        packager.write(packet)
    packager.flush()
    assert [part.duration_seconds for part in parts_of(packager.window)] == [pytest.approx(0.2), pytest.approx(2 / 30)]


def test_the_end_completes_the_last_segment() -> None:
    packager = video_packager(boundaries_every(2, 1))
    for packet in video_packets(8):
        packager.write(packet)
    packager.end()
    assert packager.window.is_ended
    assert [segment.is_complete for segment in packager.window.segments] == [True]


def test_a_withdrawn_rendition_comes_back_with_a_segment() -> None:
    packager = video_packager(boundaries_every(2, 4))
    packets = list(video_packets(60 * 4))
    for packet in packets[:64]:
        packager.write(packet)
    packager.withdraw(is_dormant=False)
    assert not packager.window.is_playable
    assert [segment.is_complete for segment in packager.window.segments] == [True, True]
    for packet in packets[150:]:  # within the third segment
        packager.write(packet)
    assert packager.window.is_playable
    gap, segment = packager.window.segments
    assert (gap.msn, gap.is_gap) == (3, True)
    assert (segment.msn, segment.start_seconds, segment.has_discontinuity) == (4, 7.0, False)
    assert parse_fragment(segment.parts[0].data).decode_time_ticks == packets[180].dts_ticks


def test_nothing_is_made_before_the_first_boundary() -> None:
    window = packaged(list(video_packets(30, start_ticks=0)), boundaries_every(2, 1))
    assert not window.segments


def test_a_rendition_that_missed_segments_lists_gaps_and_goes_on_with_the_right_number() -> None:
    boundaries = boundaries_every(2, 3)
    boundaries.append(START + 3 * 180_000, has_discontinuity=True)
    packager = video_packager(boundaries)
    for packet in video_packets(20):
        packager.write(packet)
    for packet in video_packets(20, start_ticks=START + 3 * 180_000):
        packager.write(packet)
    described = [(segment.msn, segment.is_gap, segment.has_discontinuity) for segment in packager.window.segments]
    assert described == [(1, False, False), (2, True, False), (3, True, False), (4, False, True)]
    assert [segment.duration_seconds for segment in packager.window.segments][1:3] == [2.0, 2.0]
    restarted = parse_fragment(packager.window.segments[-1].parts[0].data)
    assert restarted.decode_time_ticks == START + 3 * 180_000


@pytest.mark.parametrize(
    ("is_lost", "msn", "gaps"), [(True, 2, []), (True, 3, [2]), (False, 3, []), (False, 4, [2, 3])]
)
def test_what_does_not_come_is_listed_as_a_gap(is_lost: bool, msn: int, gaps: list[int]) -> None:
    packager = video_packager(boundaries_every(2, 5))
    for packet in video_packets(20):
        packager.write(packet)
    packager.skip_to(msn, is_lost=is_lost)
    assert [segment.msn for segment in packager.window.segments if segment.is_gap] == gaps
    for packet in video_packets(6, start_ticks=START + (msn - 1) * 180_000):
        packager.write(packet)
    assert [segment.msn for segment in packager.window.segments] == list(range(1, msn + 1))


def test_a_changed_track_has_an_init_segment_of_its_own() -> None:
    boundaries = boundaries_every(2, 1)
    packager = video_packager(boundaries)
    for packet in video_packets(8):
        packager.write(packet)
    packager.change(Rendition("720p", replace(VIDEO, width=960, height=540), 2_000_000, is_passthrough=True))
    boundaries.append(START + 180_000, has_discontinuity=True)
    for packet in video_packets(8, start_ticks=START + 180_000):
        packager.write(packet)
    uris = [segment.init_uri for segment in packager.window.segments]
    assert uris == ["init-1.mp4", "init-2.mp4"]
    inits = [packager.window.find_init(uri) for uri in uris]
    assert all(inits)
    assert inits[0] != inits[1]


def test_audio_segments_begin_with_the_first_frame_at_or_after_the_boundary() -> None:
    rendition = Rendition("audio", AUDIO, 128_000, is_passthrough=True)
    packager = RenditionPackager(rendition, layout(), boundaries_every(2, 2), on_part=ignore_part)
    for packet in audio_packets(110):
        packager.write(packet)
    first, second = packager.window.segments
    assert [len(parse_fragment(part.data).durations_ticks) for part in first.parts] == [9] * 10 + [4]
    assert second.start_seconds == (48_000 + 94 * 1024) / 48_000


def test_old_segments_leave_the_list_but_linger() -> None:
    boundaries = boundaries_every(2, 40)
    packager = video_packager(boundaries)
    for packet in video_packets(60 * 40):
        packager.write(packet)
    window = packager.window
    assert len(window.segments) <= 8
    oldest = window.segments[0].msn
    assert window.find_segment(oldest - 1) is not None
    assert window.find_segment(oldest - 4) is None


def test_a_new_init_segment_is_there_before_its_first_segment() -> None:
    boundaries = boundaries_every(2, 20)
    packager = video_packager(boundaries)
    for packet in video_packets(60 * 20):
        packager.write(packet)
    packager.change(Rendition("720p", replace(VIDEO, width=960, height=540), 2_000_000, is_passthrough=True))
    boundaries.append(START + 20 * 180_000, has_discontinuity=True)
    for packet in video_packets(8, start_ticks=START + 20 * 180_000):
        packager.write(packet)
    newest = packager.window.segments[-1]
    assert newest.init_uri == "init-2.mp4"
    assert packager.window.find_init("init-2.mp4") is not None


def test_a_gap_is_no_longer_than_a_segment_may_be() -> None:
    boundaries = boundaries_every(2, 2)
    boundaries.append(START + 60 * 90_000, has_discontinuity=True)
    packager = video_packager(boundaries)
    for packet in [*video_packets(8), *video_packets(8, start_ticks=START + 60 * 90_000)]:
        packager.write(packet)
    (gap,) = [segment for segment in packager.window.segments if segment.is_gap]
    assert round(gap.duration_seconds) <= packager.window.layout.target_duration_seconds


def test_a_rendition_that_was_away_for_long_begins_its_list_anew() -> None:
    boundaries = boundaries_every(2, 600)
    packager = video_packager(boundaries)
    for packet in [*video_packets(8), *video_packets(70, start_ticks=START + 598 * 180_000)]:
        packager.write(packet)
    assert [segment.msn for segment in packager.window.segments] == [599, 600]
    assert packager.window.find_segment(600) is packager.window.segments[-1]


def test_time_that_stands_still_does_not_fill_one_part_for_ever() -> None:
    packets = list(video_packets(1000, key_every=1000))
    for index, packet in enumerate(packets):
        packet.dts_ticks = packet.pts_ticks = START + index
    window = packaged(packets, boundaries_every(2, 1))
    assert max(len(parse_fragment(part.data).flags) for part in parts_of(window)) <= 6 * MOST_SAMPLES_RATIO
