"""Where segments begin."""

from __future__ import annotations

import pytest

from packager.boundaries import Boundaries, BoundaryPlanner, Cadence, SegmentTooLong

SECOND = 90_000
FRAME = 3000


def planned(cadence: Cadence, key_frames: set[int], frames: int) -> list[int]:
    """Frame numbers at which segments begin, at 30 frames per second, 2 s target, 2.499 s at most."""
    planner = BoundaryPlanner(cadence, target_ticks=2 * SECOND, longest_ticks=round(2.499 * SECOND))
    begun = []
    for number in range(frames):
        cut = planner.offer(number * FRAME, duration_ticks=FRAME, is_sync=number in key_frames)
        if cut is not None:
            begun.append(cut.pts_ticks // FRAME)
    return begun


@pytest.mark.parametrize(
    ("key_every", "expected"),
    [
        (60, [0, 60, 120]),
        (30, [0, 60, 120]),
        (15, [0, 60, 120]),
        (45, [0, 45, 90, 135]),
        (57, [0, 57, 114]),
        (70, [0, 70, 140]),
    ],
)
def test_the_sources_key_frames_decide(key_every: int, expected: list[int]) -> None:
    assert planned(Cadence.SOURCE_KEY_FRAMES, set(range(0, 150, key_every)), 150) == expected


def test_nothing_begins_before_the_first_key_frame() -> None:
    assert planned(Cadence.SOURCE_KEY_FRAMES, {7, 67}, 100) == [7, 67]


def test_a_segment_that_would_break_the_target_duration_is_an_error() -> None:
    with pytest.raises(SegmentTooLong) as caught:
        planned(Cadence.SOURCE_KEY_FRAMES, {0}, 100)
    assert caught.value.elapsed_seconds == 2.5


def test_the_grid_does_not_care_where_key_frames_are() -> None:
    assert planned(Cadence.FIXED_GRID, {0, 50}, 200) == [0, 60, 120, 180]


def source_planner(cadence: Cadence = Cadence.SOURCE_KEY_FRAMES) -> BoundaryPlanner:
    """Begun with a key frame at time 0."""
    planner = BoundaryPlanner(cadence, target_ticks=2 * SECOND, longest_ticks=round(2.499 * SECOND))
    assert planner.offer(0, duration_ticks=FRAME, is_sync=True) == (0, False)
    return planner


def test_time_missing_before_a_key_frame_is_a_break() -> None:
    assert source_planner().offer(10 * SECOND, duration_ticks=FRAME, is_sync=True) == (10 * SECOND, True)


def test_time_missing_before_another_frame_says_nothing_of_the_key_frames() -> None:
    with pytest.raises(SegmentTooLong) as caught:
        source_planner().offer(10 * SECOND, duration_ticks=FRAME, is_sync=False)
    assert caught.value.has_stuttered


def test_after_a_pause_the_grid_goes_on_with_its_newest_point() -> None:
    planner = source_planner(Cadence.FIXED_GRID)
    assert planner.offer(9 * SECOND, duration_ticks=FRAME, is_sync=False) == (8 * SECOND, True)
    assert planner.offer(10 * SECOND, duration_ticks=FRAME, is_sync=False) == (10 * SECOND, False)


def test_sound_may_be_a_little_ahead_of_the_picture_but_not_go_on_without_it() -> None:
    planner = source_planner()
    planner.check_follower(3 * SECOND)
    with pytest.raises(SegmentTooLong) as caught:
        planner.check_follower(4 * SECOND)
    assert caught.value.has_stuttered


def test_a_break_is_mended_at_the_next_key_frame() -> None:
    planner = BoundaryPlanner(Cadence.FIXED_GRID, target_ticks=2 * SECOND, longest_ticks=round(2.499 * SECOND))
    planner.offer(0, duration_ticks=FRAME, is_sync=True)
    assert planner.offer(10 * FRAME, duration_ticks=FRAME, is_sync=False, cut_now=True) is None
    assert planner.offer(20 * FRAME, duration_ticks=FRAME, is_sync=True, cut_now=True) == (20 * FRAME, False)
    assert planner.offer(80 * FRAME, duration_ticks=FRAME, is_sync=False) == (80 * FRAME, False)


def test_sequence_numbers_begin_at_one_and_follow_each_other() -> None:
    boundaries = Boundaries()
    made = [boundaries.append(ticks, has_discontinuity=ticks == SECOND) for ticks in (0, SECOND, 2 * SECOND)]
    assert [boundary.msn for boundary in made] == [1, 2, 3]
    assert [boundary.discontinuity_count for boundary in made] == [0, 1, 1]
    assert boundaries.get(2) == made[1]
    assert boundaries.get(4) is None


def test_a_boundary_lies_on_the_first_audio_sample_that_is_not_before_it() -> None:
    boundary = Boundaries().append(SECOND + 1, has_discontinuity=False)
    assert boundary.pts_in(48_000) == 48_001


def test_the_segment_of_a_time_is_the_latest_that_has_begun() -> None:
    boundaries = Boundaries()
    for ticks in (0, SECOND, 2 * SECOND):
        boundaries.append(ticks, has_discontinuity=False)
    found = boundaries.latest_at(96_000 - 1, 48_000)
    assert found is not None
    assert found.msn == 2
    assert boundaries.latest_at(-1, 90_000) is None
