"""Sequence headers in the middle of a stream: repeated, or with something new in them."""

from __future__ import annotations

import pytest

from tests.time_cases.clips import audio_clip, headers, interleaved, video_clip
from tests.time_cases.expectations import assert_unbroken, usual_audio, usual_video
from tests.time_cases.node import TimeNode

pytestmark = pytest.mark.anyio

CHANGE_AT = 6
SECONDS = 12


async def test_headers_repeated_before_each_key_frame(node: TimeNode) -> None:
    video, audio = usual_video(), usual_audio()
    tags = []
    for second in range(0, SECONDS, 2):
        tags += [*headers(video, audio, time_ms=second * 1000), *interleaved(second, second + 2, video, audio)]
    (seen,) = await node.play(tags)
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=audio.frame_count(0, SECONDS))


async def test_another_picture_in_the_same_rendition(node: TimeNode) -> None:
    """A new init segment, and a discontinuity in all renditions."""
    video, audio, narrow = usual_video(), usual_audio(), video_clip(width=240)
    before, after = interleaved(0, CHANGE_AT, video, audio), interleaved(CHANGE_AT, SECONDS, narrow, audio)
    tags = [*headers(video, audio), *before, *headers(narrow, time_ms=CHANGE_AT * 1000), *after]
    (seen,) = await node.play(tags)
    assert [run.size for run in seen.video.runs()] == [(320, 180), (240, 180)]
    assert [len(run.times_seconds) for run in seen.video.runs()] == [180, 180]
    assert [segment.map_uri for segment in seen.video.segments] == ["init-1.mp4"] * 3 + ["init-2.mp4"] * 3
    assert {segment.map_uri for segment in seen.audio.segments} == {"init-1.mp4"}
    assert seen.audio.frame_count == audio.frame_count(0, SECONDS)


async def test_another_height_is_another_rendition(node: TimeNode) -> None:
    """Renditions are named by their height: a new presentation begins, the old one ends."""
    video, audio, taller = usual_video(), usual_audio(), video_clip(width=426, height=240)
    before, after = interleaved(0, CHANGE_AT, video, audio), interleaved(CHANGE_AT, SECONDS, taller, audio)
    tags = [*headers(video, audio), *before, *headers(taller, time_ms=CHANGE_AT * 1000), *after]
    small, tall = await node.play(tags)
    assert [run.size for run in (*small.video.runs(), *tall.video.runs())] == [(320, 180), (426, 240)]
    assert small.video.frame_count == video.frame_count(0, CHANGE_AT)
    assert tall.video.frame_count == taller.frame_count(CHANGE_AT, SECONDS)
    assert small.audio.frame_count + tall.audio.frame_count == audio.frame_count(0, SECONDS)


async def test_another_sample_rate(node: TimeNode) -> None:
    video, audio, slower = usual_video(), usual_audio(), audio_clip(sample_rate=44_100)
    before, after = interleaved(0, CHANGE_AT, video, audio), interleaved(CHANGE_AT, SECONDS, video, slower)
    tags = [*headers(video, audio), *before, *headers(slower, time_ms=CHANGE_AT * 1000), *after]
    (seen,) = await node.play(tags)
    assert [run.sample_rate for run in seen.audio.runs()] == [48_000, 44_100]
    assert [len(run.times_seconds) for run in seen.audio.runs()] == [
        audio.frame_count(0, CHANGE_AT),
        slower.frame_count(CHANGE_AT, SECONDS),
    ]
    assert seen.video.frame_count == video.frame_count(0, SECONDS)
    assert seen.video.discontinuity_count == 1
