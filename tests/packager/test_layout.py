"""Part durations keep the 85 % rule for every usual frame rate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from packager.layout import PackagerSettings, plan_layout
from tests.packager.samples import AUDIO, VIDEO


@pytest.mark.parametrize(
    ("frame_rate", "frames_in_part"),
    [
        (Fraction(30), 6),
        (Fraction(30_000, 1001), 6),
        (Fraction(60), 12),
        (Fraction(60_000, 1001), 12),
        (Fraction(25), 5),
        (Fraction(50), 10),
        (Fraction(24), 5),
        (Fraction(24_000, 1001), 5),
        (Fraction(15), 3),
        (Fraction(1), 1),
    ],
)
@pytest.mark.parametrize(("sample_rate", "samples_per_frame"), [(48_000, 1024), (44_100, 1024), (48_000, 2048)])
def test_parts_hold_whole_frames(
    frame_rate: Fraction, frames_in_part: int, sample_rate: int, samples_per_frame: int
) -> None:
    video = replace(VIDEO, frame_rate=frame_rate)
    audio = replace(AUDIO, sample_rate=sample_rate, samples_per_frame=samples_per_frame)
    layout = plan_layout(PackagerSettings(), [video, audio], 2.0)
    assert layout.part_ticks(video) == frames_in_part * video.frame_duration_ticks
    for track in (video, audio):
        seconds = layout.part_ticks(track) / track.timescale
        assert 0.85 * layout.part_target_seconds <= seconds <= layout.part_target_seconds


@pytest.mark.parametrize("sample_rate", [8_000, 16_000])
def test_slow_sound_makes_the_target_longer_and_not_the_pictures_parts(sample_rate: int) -> None:
    audio = replace(AUDIO, sample_rate=sample_rate)
    layout = plan_layout(PackagerSettings(), [VIDEO, audio], 2.0)
    assert layout.part_ticks(VIDEO) == 6 * VIDEO.frame_duration_ticks
    assert layout.part_ticks(audio) / sample_rate <= layout.part_target_seconds


@pytest.mark.parametrize(("segment_target", "target_duration"), [(1.0, 1), (2.0, 2), (2.4, 2), (2.5, 3), (4.0, 4)])
def test_the_target_duration_covers_the_rounded_segment(segment_target: float, target_duration: int) -> None:
    layout = plan_layout(PackagerSettings(), [VIDEO], segment_target)
    assert layout.target_duration_seconds == target_duration
    assert round(layout.longest_segment_seconds) <= target_duration


def test_audio_alone_has_its_own_part_target() -> None:
    layout = plan_layout(PackagerSettings(), [AUDIO], 2.0)
    assert layout.part_target_seconds == 0.192
