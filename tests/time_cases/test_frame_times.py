"""Frames whose times are not a plain row: reordered, rare, uneven, equal, or standing still."""

from __future__ import annotations

import random
from collections.abc import Iterable
from fractions import Fraction

import pytest

from tests.time_cases.clips import Clip, Tag, headers, interleaved, video_clip
from tests.time_cases.expectations import assert_one_run, assert_unbroken, usual_audio, usual_video
from tests.time_cases.node import BOTH, TimeNode

pytestmark = pytest.mark.anyio

SECONDS = 10
JITTER_MS = 20


@pytest.mark.parametrize("decode_delay_frames", [0, 2], ids=["positive offsets", "negative offsets"])
async def test_reordered_pictures(node: TimeNode, decode_delay_frames: int) -> None:
    video, audio = video_clip(b_frames=2, decode_delay_frames=decode_delay_frames), usual_audio()
    (seen,) = await node.play([*headers(video, audio), *interleaved(0, SECONDS, video, audio)])
    # Sound from before the first picture is shown, two frames after it is decoded, belongs to nothing.
    delay_seconds = (2 - decode_delay_frames) / 30
    sounds = audio.frame_count(delay_seconds, SECONDS)
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=sounds)


async def test_key_frames_only(node: TimeNode) -> None:
    video, audio = video_clip(key_every=1), usual_audio()
    (seen,) = await node.play([*headers(video, audio), *interleaved(0, SECONDS, video, audio)])
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=audio.frame_count(0, SECONDS))
    assert [run.key_frame_count for run in seen.video.runs()] == [video.frame_count(0, SECONDS)]
    assert {segment.seconds for segment in seen.video.segments} == {2.0}


async def test_one_picture_per_second(node: TimeNode) -> None:
    video, audio = video_clip(key_every=1, frame_rate=1), usual_audio()
    media = interleaved(0, 2 * SECONDS, video, audio)
    (seen,) = await node.play([*headers(video, audio), *media], {**BOTH, "framerate": 1.0})
    assert_one_run(seen.video, 2 * SECONDS, Fraction(1))
    assert_one_run(seen.audio, audio.frame_count(0, 2 * SECONDS), Fraction(1024, 48_000))


async def test_one_picture_per_second_where_thirty_are_declared(node: TimeNode) -> None:
    """A still camera, or an encoder that leaves out pictures that are alike: found out with the third picture."""
    video, audio = video_clip(key_every=1, frame_rate=1), usual_audio()
    *_, seen = await node.play([*headers(video, audio), *interleaved(0, 2 * SECONDS, video, audio)])
    assert seen.video.frame_count == 2 * SECONDS - 2


async def test_a_key_frame_between_the_regular_ones(node: TimeNode) -> None:
    """Encoders put one where the scene changes, and count the regular distance from there."""
    video, audio = usual_video(), usual_audio()
    regular, scene_cut = interleaved(0, 5, video, audio), interleaved(6, 14, video, audio, shift_ms=-1000)
    (seen,) = await node.play([*headers(video, audio), *regular, *scene_cut])
    assert seen.video.discontinuity_count == 0
    assert seen.video.frame_count == video.frame_count(0, 13)


async def test_jitter(node: TimeNode) -> None:
    """Senders that stamp frames when they send them."""
    video, audio = usual_video(), usual_audio()
    dice = random.Random(1)
    media = interleaved(0, SECONDS, video, audio, shift_ms=1000)
    (seen,) = await node.play(
        [*headers(video, audio), *(tag.shifted(dice.randint(-JITTER_MS, JITTER_MS)) for tag in media)]
    )
    for rendition, clip in ((seen.video, video), (seen.audio, audio)):
        assert len(rendition.runs()) == 1
        assert rendition.frame_count == pytest.approx(clip.frame_count(0, SECONDS), abs=1 if clip is audio else 0)


async def test_two_audio_frames_with_one_time(node: TimeNode) -> None:
    """Some senders put two frames into one packet's time; samples are counted."""
    video, audio = usual_video(), usual_audio()
    media = _with_every_tenth_time_repeated(interleaved(0, SECONDS, video, audio), audio)
    (seen,) = await node.play([*headers(video, audio), *media])
    assert_unbroken(seen, video_frames=video.frame_count(0, SECONDS), audio_frames=audio.frame_count(0, SECONDS))


def _with_every_tenth_time_repeated(tags: Iterable[Tag], clip: Clip) -> list[Tag]:
    changed: list[Tag] = []
    time_ms = index = 0
    for tag in tags:
        if tag.type_id is clip.type_id:
            index += 1
            time_ms = time_ms if index % 10 == 0 else tag.time_ms
            changed.append(Tag(tag.type_id, time_ms, tag.body))
        else:
            changed.append(tag)
    return changed


async def test_time_that_stands_still_for_a_second(node: TimeNode) -> None:
    """No picture is lost; the sound of a second that has no time is."""
    video, audio = usual_video(), usual_audio()
    media = [
        Tag(tag.type_id, 4000 if 4000 <= tag.time_ms < 5000 else tag.time_ms, tag.body)
        for tag in interleaved(0, SECONDS, video, audio)
    ]
    (seen,) = await node.play([*headers(video, audio), *media])
    assert seen.video.frame_count == video.frame_count(0, SECONDS)
    assert seen.audio.frame_count >= audio.frame_count(0, SECONDS - 1)
