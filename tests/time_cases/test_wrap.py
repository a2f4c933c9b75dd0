"""Marks that a timestamp passes: 2^24 ms, where it becomes an extended one, and 2^32 ms, where it begins again at 0."""

from __future__ import annotations

import pytest

from tests.time_cases.clips import audio_clip, headers, interleaved, video_clip
from tests.time_cases.expectations import assert_unbroken, usual_audio, usual_video
from tests.time_cases.node import BOTH, TimeNode, feed
from tests.time_cases.publisher import CHUNK_SIZE, SMALL_CHUNK_SIZE

pytestmark = pytest.mark.anyio

EXTENDED_MS = 1 << 24
WRAP_MS = 1 << 32
SECONDS = 10
HALF_MS = SECONDS * 1000 // 2
HOUR_SECONDS = 3600
LONG_SECONDS = 4 * HOUR_SECONDS + 41 * 60
"""Just beyond 2^24 ms."""
LONG_TAGS_PER_LOOK = 3000
"""Six minutes of the sparse clips: the playlist moves on by several windows from one look to the next."""
FIRST_TAGS = 100
"""Some seconds, so that the very first segment is seen."""
SETTLED_SECONDS = HOUR_SECONDS // 2
"""By then the window has been full for long, and memory is what it will be."""
MEMORY_SLACK_BYTES = 8 * 1024 * 1024
"""What an allocator may take in hours; the media itself, and even a small object for each frame, is more."""


async def test_the_wrap_leaves_no_trace(node: TimeNode) -> None:
    video, audio = usual_video(), usual_audio()
    begin_ms = WRAP_MS - HALF_MS
    media = interleaved(0, SECONDS, video, audio, shift_ms=begin_ms)
    (seen,) = await node.play([*headers(video, audio, time_ms=begin_ms), *media])
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=audio.frame_count(0, SECONDS))


@pytest.mark.parametrize("chunk_size", [SMALL_CHUNK_SIZE, CHUNK_SIZE])
@pytest.mark.parametrize("repeats_extended", [True, False])
async def test_extended_timestamps_leave_no_trace(node: TimeNode, chunk_size: int, repeats_extended: bool) -> None:
    """§5.3.1.3 says that chunks without a header repeat the extended timestamp; many senders do not."""
    video, audio = usual_video(), usual_audio()
    begin_ms = EXTENDED_MS - HALF_MS
    media = interleaved(0, SECONDS, video, audio, shift_ms=begin_ms)
    async with node.case() as (publisher, viewer):
        publisher.use_chunks(chunk_size, repeats_extended=repeats_extended)
        await feed(publisher, viewer, [*headers(video, audio, time_ms=begin_ms), *media])
        await publisher.goodbye()
        await viewer.until_ended()
    (seen,) = viewer.presentations
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=audio.frame_count(0, SECONDS))


@pytest.mark.parametrize(("begin_ms", "seconds"), [(0, LONG_SECONDS), (WRAP_MS - HOUR_SECONDS * 500, HOUR_SECONDS)])
async def test_hours_within_seconds(node: TimeNode, begin_ms: int, seconds: int) -> None:
    """Media time runs a thousand times faster than the clock; small frames keep below what may come in a second."""
    video = video_clip(width=64, height=36, key_every=1, frame_rate=1)
    audio = audio_clip(sample_rate=8_000, bit_rate_bps=8_000)
    settled = interleaved(0, SETTLED_SECONDS, video, audio, shift_ms=begin_ms)
    rest = interleaved(SETTLED_SECONDS, seconds, video, audio, shift_ms=begin_ms)
    async with node.case({**BOTH, "framerate": 1.0}, keeps_media=False) as (publisher, viewer):
        await feed(publisher, viewer, [*headers(video, audio, time_ms=begin_ms), *settled[:FIRST_TAGS]])
        await feed(publisher, viewer, settled[FIRST_TAGS:], tags_per_look=LONG_TAGS_PER_LOOK)
        settled_bytes = node.resident_bytes
        await feed(publisher, viewer, rest, tags_per_look=LONG_TAGS_PER_LOOK)
        assert node.resident_bytes - settled_bytes < MEMORY_SLACK_BYTES
        await publisher.goodbye()
        await viewer.until_ended()
    (seen,) = viewer.presentations
    first, last = seen.video.segments[0], seen.video.segments[-1]
    assert (first.msn, last.msn) == (1, seconds // 2)
    assert {segment.seconds for segment in seen.video.segments} == {2.0}
    for rendition in (seen.video, seen.audio):
        assert rendition.latest.discontinuity_sequence == 0
        assert (rendition.discontinuity_count, rendition.gap_count) == (0, 0)
        begin, end = rendition.segments[0].date, rendition.latest.end_date
        assert begin is not None
        assert end is not None
        assert end - begin == pytest.approx(seconds, abs=0.2)
