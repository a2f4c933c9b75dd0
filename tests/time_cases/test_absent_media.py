"""Tracks that begin late, never come, or stop and come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from heapq import merge

import pytest

from ingest.rtmp.amf import AmfValue
from pinkmedia.live.silence import PATIENCE_SECONDS
from tests.time_cases.clips import Tag, headers, interleaved, video_clip
from tests.time_cases.expectations import KEY_FRAME_SECONDS, assert_one_run, usual_audio, usual_video
from tests.time_cases.node import AUDIO_ONLY, BOTH, VIDEO_ONLY, TimeNode
from tests.time_cases.viewer import Run

pytestmark = pytest.mark.anyio

LEAD_SECONDS = 3
SECONDS = 10
MOST_LAG_TARGET_DURATIONS = 3
"""How long a server may take to be sure that a track has stopped, and does not merely lag."""


def in_order(*series: Iterable[Tag]) -> list[Tag]:
    """Several tracks, interleaved by time; of equal times the earlier series first."""
    return list(merge(*series, key=lambda tag: tag.time_ms))


def begin(run: Run) -> float:
    return float(run.times_seconds[0])


async def test_audio_that_begins_before_the_video(node: TimeNode) -> None:
    """What was to be heard before the first picture belongs to nothing."""
    video, audio = usual_video(), usual_audio()
    pictures = video.tags(0, SECONDS, shift_ms=LEAD_SECONDS * 1000)
    sounds = audio.tags(0, LEAD_SECONDS + SECONDS)
    # The first look comes after the first picture: before it there is nothing to see, and requests are held.
    (seen,) = await node.play([*headers(video, audio), *in_order(sounds, pictures)], tags_per_look=200)
    (pictures_run,), (sounds_run,) = seen.video.runs(), seen.audio.runs()
    assert len(pictures_run.times_seconds) == video.frame_count(0, SECONDS)
    assert len(sounds_run.times_seconds) == audio.frame_count(LEAD_SECONDS, LEAD_SECONDS + SECONDS)
    assert begin(sounds_run) - begin(pictures_run) < 1024 / 48_000


async def test_audio_that_begins_after_the_video(node: TimeNode) -> None:
    video, audio = usual_video(), usual_audio()
    sounds = audio.tags(LEAD_SECONDS, SECONDS)
    (seen,) = await node.play([*headers(video, audio), *in_order(sounds, video.tags(0, SECONDS))])
    (pictures_run,), (sounds_run,) = seen.video.runs(), seen.audio.runs()
    assert len(pictures_run.times_seconds) == video.frame_count(0, SECONDS)
    assert len(sounds_run.times_seconds) == audio.frame_count(LEAD_SECONDS, SECONDS)
    assert begin(sounds_run) - begin(pictures_run) == pytest.approx(LEAD_SECONDS, abs=0.022)


@pytest.mark.parametrize(
    ("audio_shift_ms", "video_shift_ms"),
    [
        (0, 3_000),
        (3_000, 0),
    ],
    ids=["video ahead", "audio ahead"],
)
async def test_tracks_sent_together_with_times_apart(node: TimeNode, audio_shift_ms: int, video_shift_ms: int) -> None:
    video, audio = usual_video(), usual_audio()
    shifts_ms = {audio.type_id: audio_shift_ms, video.type_id: video_shift_ms}
    tags = [tag.shifted(shifts_ms[tag.type_id]) for tag in interleaved(0, SECONDS, video, audio)]
    (seen,) = await node.play([*headers(video, audio), *tags], tags_per_look=400)
    # The second track looks like a clock that has jumped: what comes before the next key frame may be lost.
    assert seen.video.frame_count >= video.frame_count(KEY_FRAME_SECONDS, SECONDS)
    assert seen.audio.frame_count >= audio.frame_count(LEAD_SECONDS, SECONDS) - 1
    assert seen.video.discontinuity_count <= 1


@pytest.mark.parametrize("late_seconds", [5, 60])
async def test_audio_whose_frames_come_late(node: TimeNode, late_seconds: int) -> None:
    """Its header has come in time: its rendition is there from the beginning and goes on where the video is."""
    video, audio = usual_video(), usual_audio()
    end = late_seconds + SECONDS
    sounds = audio.tags(late_seconds, end)
    (seen,) = await node.play([*headers(video, audio), *in_order(sounds, video.tags(0, end))])
    (pictures_run,), (sounds_run,) = seen.video.runs(), seen.audio.runs()
    assert len(pictures_run.times_seconds) == video.frame_count(0, end)
    assert len(sounds_run.times_seconds) == audio.frame_count(late_seconds, end)
    assert begin(sounds_run) - begin(pictures_run) == pytest.approx(late_seconds, abs=0.022)


@pytest.mark.parametrize("late_seconds", [5, 60])
@pytest.mark.parametrize("metadata", [BOTH, VIDEO_ONLY], ids=["announced", "unannounced"])
async def test_audio_whose_header_comes_late(
    node: TimeNode, metadata: Mapping[str, AmfValue], late_seconds: int
) -> None:
    """The rendition is new, so a new presentation begins; the old one ends."""
    video, audio = video_clip(key_every=30), usual_audio()
    end = late_seconds + SECONDS
    late_header = headers(audio, time_ms=late_seconds * 1000)
    tags = in_order(late_header, audio.tags(late_seconds, end), video.tags(0, end))
    alone, together = await node.play([*headers(video), *tags], metadata)
    assert alone.renditions.keys() == {"180p"}
    assert alone.video.frame_count == video.frame_count(0, late_seconds)
    assert together.video.frame_count == video.frame_count(late_seconds, end)
    assert together.audio.frame_count == audio.frame_count(late_seconds, end)


@pytest.mark.parametrize("has_header", [False, True])
async def test_audio_that_is_announced_and_never_comes(node: TimeNode, has_header: bool) -> None:
    video, audio = usual_video(), usual_audio()
    tags = [*headers(video, *([audio] if has_header else [])), *video.tags(0, SECONDS)]
    (seen,) = await node.play(tags)
    assert "audio" not in seen.renditions
    assert seen.video.frame_count == video.frame_count(0, SECONDS)


@pytest.mark.parametrize("metadata", [AUDIO_ONLY, BOTH], ids=["audio announced", "both announced"])
async def test_audio_alone(node: TimeNode, metadata: Mapping[str, AmfValue]) -> None:
    audio = usual_audio()
    (seen,) = await node.play([*headers(audio), *audio.tags(0, SECONDS)], metadata)
    assert seen.renditions.keys() == {"audio"}
    assert seen.audio.frame_count == audio.frame_count(0, SECONDS)
    assert seen.audio.discontinuity_count == 0


def with_audio_silent_for_ten_seconds() -> list[Tag]:
    video, audio = usual_video(), usual_audio()
    sounds = [*audio.tags(0, 5), *audio.tags(15, 20)]
    return [*headers(video, audio), *in_order(sounds, video.tags(0, 20))]


async def test_audio_that_stops_and_comes_back(node: TimeNode) -> None:
    video, audio = usual_video(), usual_audio()
    (seen,) = await node.play(with_audio_silent_for_ten_seconds())
    assert_one_run(seen.video, video.frame_count(0, 20), seen.video.runs()[0].steps_seconds[0])
    assert seen.audio.frame_count == audio.frame_count(0, 5) + audio.frame_count(15, 20)
    assert [segment.msn for segment in seen.audio.segments if segment.is_gap] == [4, 5, 6, 7]


async def test_gaps_are_listed_while_the_audio_is_away(node: TimeNode) -> None:
    """A player that finds gaps goes on without sound; one that finds nothing new waits."""
    (seen,) = await node.play(with_audio_silent_for_ten_seconds())
    assert seen.worst_lag_seconds <= MOST_LAG_TARGET_DURATIONS * seen.target_seconds


async def test_audio_that_stops_is_silence_where_media_is_made(transcoding_node: TimeNode) -> None:
    """In step with what is there: the sound is back within a frame of its own time."""
    video, audio = usual_video(), usual_audio()
    (seen,) = await transcoding_node.play(with_audio_silent_for_ten_seconds())
    assert_one_run(seen.video, video.frame_count(0, 20), Fraction(1, 30))
    (sounds_run,) = seen.audio.runs()
    assert len(sounds_run.times_seconds) == pytest.approx(audio.frame_count(0, 20), abs=1)
    assert max(sounds_run.steps_seconds) < Fraction(2 * 1024, 48_000)
    lasted_seconds = float(sounds_run.times_seconds[-1] - sounds_run.times_seconds[0])
    assert lasted_seconds == pytest.approx((audio.frame_count(0, 20) - 1) * 1024 / 48_000, abs=0.002)
    assert (seen.audio.gap_count, seen.audio.discontinuity_count) == (0, 0)
    assert seen.worst_lag_seconds <= seen.target_seconds


@pytest.mark.parametrize("has_header", [False, True])
async def test_audio_that_never_comes_is_silence_where_media_is_made(
    transcoding_node: TimeNode, has_header: bool
) -> None:
    """Once its header has said that there is a track."""
    video, audio = usual_video(), usual_audio()
    tags = [*headers(video, *([audio] if has_header else [])), *video.tags(0, SECONDS)]
    (seen,) = await transcoding_node.play(tags)
    assert seen.video.frame_count == video.frame_count(0, SECONDS)
    assert ("audio" in seen.renditions) is has_header
    if has_header:
        (sounds_run,) = seen.audio.runs()
        assert len(sounds_run.times_seconds) == pytest.approx(audio.frame_count(0, SECONDS - PATIENCE_SECONDS), abs=3)


async def test_video_that_stops_and_comes_back(node: TimeNode) -> None:
    """Sound cannot go on alone under the same promises: the presentation ends, the next key frame begins another."""
    video, audio = usual_video(), usual_audio()
    pictures = [*video.tags(0, 6), *video.tags(16, 20)]
    before, after = await node.play([*headers(video, audio), *in_order(pictures, audio.tags(0, 20))])
    assert before.video.frame_count == video.frame_count(0, 6)
    assert after.video.frame_count == video.frame_count(16, 20)
    assert after.audio.frame_count == audio.frame_count(16, 20)
