"""Timestamps that jump while the media itself goes on: a discontinuity for each, and what can be decoded is kept."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.time_cases.clips import headers, interleaved, video_clip
from tests.time_cases.expectations import next_key_frame, usual_audio, usual_video
from tests.time_cases.node import TimeNode, feed, feed_in_real_time

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000
BEGIN_MS = HOUR_MS + 60_000
"""Far enough from 0 to go back an hour."""
AT_KEY_FRAME = 6
BETWEEN_KEY_FRAMES = 5
SECONDS = 12
REAL_SECONDS = 2
"""Of each side of a jump in real time."""


@pytest.mark.parametrize("jump_at", [AT_KEY_FRAME, BETWEEN_KEY_FRAMES])
@pytest.mark.parametrize("jump_ms", [5_000, HOUR_MS, -5_000, -HOUR_MS, -BEGIN_MS])
async def test_a_jump_is_one_discontinuity(node: TimeNode, jump_ms: int, jump_at: int) -> None:
    video, audio = usual_video(), usual_audio()
    before = interleaved(0, jump_at, video, audio, shift_ms=BEGIN_MS)
    # "To 0" counts from the moment of the jump, so that its first timestamp is 0.
    shift_ms = -jump_at * 1000 if jump_ms == -BEGIN_MS else BEGIN_MS + jump_ms
    after = interleaved(jump_at, SECONDS, video, audio, shift_ms=shift_ms)
    (seen,) = await node.play([*headers(video, audio, time_ms=BEGIN_MS), *before, *after])
    usable = next_key_frame(jump_at)
    for rendition, clip in ((seen.video, video), (seen.audio, audio)):
        assert rendition.discontinuity_count == 1
        frames = [len(run.times_seconds) for run in rendition.runs()]
        assert frames[0] == clip.frame_count(0, jump_at)
        assert frames[1] == pytest.approx(clip.frame_count(usable, SECONDS), abs=1 if clip is audio else 0)
    assert seen.worst_lag_seconds <= seen.target_seconds


async def test_jumps_in_a_row(node: TimeNode) -> None:
    video, audio = usual_video(), usual_audio()
    shifts_ms = [0, 5_000, HOUR_MS, -5_000, 7_000, 0]
    starts = [4 * index for index in range(len(shifts_ms) + 1)]
    tags = headers(video, audio)
    for (begin, end), shift_ms in zip(pairwise(starts), shifts_ms, strict=True):
        tags += interleaved(begin, end, video, audio, shift_ms=BEGIN_MS + shift_ms)
    (seen,) = await node.play(tags)
    assert [len(run.times_seconds) for run in seen.video.runs()] == [video.frame_count(0, 4)] * len(shifts_ms)
    assert len(seen.audio.runs()) == len(shifts_ms)
    assert seen.audio.frame_count == pytest.approx(audio.frame_count(0, starts[-1]), abs=len(shifts_ms))


async def test_a_restarted_clock_in_real_time(node: TimeNode) -> None:
    """The new timeline is placed by the wall clock: dates go on as if nothing had happened."""
    video, audio = usual_video(), usual_audio()
    before = interleaved(0, REAL_SECONDS, video, audio, shift_ms=BEGIN_MS)
    after = interleaved(REAL_SECONDS, 2 * REAL_SECONDS, video, audio, shift_ms=-1000 * REAL_SECONDS)
    async with node.case() as (publisher, viewer):
        await feed(publisher, viewer, headers(video, audio, time_ms=BEGIN_MS))
        await feed_in_real_time(publisher, before)
        await viewer.look()
        await feed_in_real_time(publisher, after)
        await publisher.goodbye()
        await viewer.until_ended()
    (seen,) = viewer.presentations
    assert [len(run.times_seconds) for run in seen.video.runs()] == [video.frame_count(0, REAL_SECONDS)] * 2
    first, second = seen.video.segments
    assert second.has_discontinuity
    assert first.date is not None
    assert second.date is not None
    assert first.date + REAL_SECONDS <= second.date


async def test_a_jump_breaks_encoded_renditions_where_it_breaks_the_source(transcoding_node: TimeNode) -> None:
    video, audio = video_clip(width=1280, height=720), usual_audio()
    before = interleaved(0, REAL_SECONDS, video, audio, shift_ms=BEGIN_MS)
    after = interleaved(REAL_SECONDS, 3 * REAL_SECONDS, video, audio)
    async with transcoding_node.case() as (publisher, viewer):
        await publisher.send(headers(video, audio, time_ms=BEGIN_MS))
        await feed_in_real_time(publisher, before)
        await viewer.look()
        await feed_in_real_time(publisher, after)
        await publisher.goodbye()
        await viewer.until_ended()
    (seen,) = viewer.presentations
    assert seen.renditions.keys() == {"720p", "480p", "360p", "audio"}
    for rendition in seen.renditions.values():
        assert [segment.msn for segment in rendition.segments if segment.has_discontinuity] == [2]
        assert [run.first_msn for run in rendition.runs()] == [1, 2]
    source, encoded = seen.renditions["720p"], seen.renditions["480p"]
    assert source.frame_count == video.frame_count(0, 3 * REAL_SECONDS)
    assert encoded.runs()[1].times_seconds == source.runs()[1].times_seconds
