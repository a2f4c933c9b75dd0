"""The usual clips, and what "nothing happened" means: the yardstick for cases that must leave no trace."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from tests.time_cases.clips import Clip, audio_clip, video_clip
from tests.time_cases.viewer import WatchedPresentation, WatchedRendition

FRAME_SECONDS = Fraction(1, 30)
KEY_FRAME_SECONDS = 2
"""Between the usual clip's key frames."""


def usual_video() -> Clip:
    return video_clip()


def usual_audio() -> Clip:
    return audio_clip()


def assert_unbroken(seen: WatchedPresentation, *, video_frames: int, audio_frames: int) -> None:
    """Every frame is there, in step with its neighbours, in one run without discontinuity or gap."""
    assert_one_run(seen.video, video_frames, Fraction(1, 30))
    assert_one_run(seen.audio, audio_frames, Fraction(1024, 48_000))
    assert seen.worst_lag_seconds <= seen.target_seconds


def assert_one_run(rendition: WatchedRendition, frames: int, step_seconds: Fraction) -> None:
    (run,) = rendition.runs()
    assert len(run.times_seconds) == frames
    assert set(run.steps_seconds) == {step_seconds}
    assert (rendition.discontinuity_count, rendition.gap_count) == (0, 0)


def assert_untouched(seen: WatchedPresentation) -> None:
    """Of an endless publisher's stream: everything was served in one run, whatever happened to others."""
    for rendition in seen.renditions.values():
        assert (rendition.gap_count, rendition.discontinuity_count) == (0, 0), rendition.uri
        (run,) = rendition.runs()
        assert run.first_msn == 1
        if run.size is not None:
            assert_no_hole(rendition)


def assert_no_hole(rendition: WatchedRendition) -> None:
    """All pictures are there; a clip that begins anew may have its first one a little later."""
    times = [seconds for run in rendition.runs() for seconds in run.times_seconds]
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert max(steps) < 2 * FRAME_SECONDS


def next_key_frame(seconds: int) -> int:
    """Where decoding can begin again after a break at this time of the usual clip."""
    return -(-seconds // KEY_FRAME_SECONDS) * KEY_FRAME_SECONDS
