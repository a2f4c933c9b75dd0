"""Which sound is passed through, and what the rest becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packager.layout import PackagerSettings
from pinkmedia.live.plan import SourceHistory, SourcePlan, StreamPolicy, plan_source
from pinkmedia.media import AudioTrack, Codec
from pinkmedia.tiers import Tier
from tests.packager.samples import AUDIO, VIDEO
from transcode.ladder import Ladder, RungTemplate

DEFAULT_LADDER = Ladder()
AC3 = replace(AUDIO, codec=Codec.AC3, codec_string="ac-3", samples_per_frame=1536, channels=6)


def plan(
    *audios: AudioTrack,
    ladder: Ladder | None = DEFAULT_LADDER,
    key_frame_distance_seconds: float = 2.0,
    settings: PackagerSettings = PackagerSettings(),  # noqa: B008 - it does not change
) -> SourcePlan:
    policy = StreamPolicy(ladder, Tier.PARTNER, passthrough_bps=10_000_000)
    return plan_source([VIDEO, *audios], SourceHistory(key_frame_distance_seconds), policy, settings)


def carried_names(planned: SourcePlan) -> list[str]:
    return [each.rendition_name for each in planned.carried if isinstance(each.track, AudioTrack)]


@pytest.mark.parametrize(
    "audio",
    [
        AUDIO,
        replace(AUDIO, sample_rate=24_000),
        replace(AUDIO, channels=1, bit_rate_bps=320_000),
        replace(AUDIO, codec_string="mp4a.40.5", samples_per_frame=2048),
    ],
)
def test_passed_through(audio: AudioTrack) -> None:
    planned = plan(audio)
    assert (carried_names(planned), planned.sounds) == (["audio"], ())


@pytest.mark.parametrize(
    ("audio", "sample_rate", "channels", "bit_rate_bps"),
    [
        (AC3, 48_000, 2, 160_000),
        (replace(AC3, codec=Codec.EAC3, sample_rate=44_100), 44_100, 2, 160_000),
        (replace(AUDIO, codec=Codec.OPUS, channels=1), 48_000, 1, 128_000),
        (replace(AUDIO, codec=Codec.FLAC, sample_rate=192_000), 48_000, 2, 160_000),
        (replace(AUDIO, codec=Codec.FLAC, sample_rate=88_200), 44_100, 2, 160_000),
        (replace(AUDIO, channels=6), 48_000, 2, 160_000),
        (replace(AUDIO, sample_rate=96_000), 48_000, 2, 160_000),
        (replace(AUDIO, bit_rate_bps=320_001), 48_000, 2, 160_000),
    ],
)
def test_encoded(audio: AudioTrack, sample_rate: int, channels: int, bit_rate_bps: int) -> None:
    planned = plan(audio)
    (sound,) = planned.sounds
    assert (sound.name, sound.source) == ("audio", audio)
    assert (sound.sample_rate, sound.channels, sound.bit_rate_bps) == (sample_rate, channels, bit_rate_bps)
    track = sound.track
    assert (track.codec, track.codec_string, track.samples_per_frame) == (Codec.AAC, "mp4a.40.2", 1024)
    assert (track.sample_rate, track.channels) == (sample_rate, channels)
    assert carried_names(planned) == []


def test_several_tracks_keep_their_numbers() -> None:
    planned = plan(AC3, replace(AUDIO, track_id=4), replace(AC3, track_id=6))
    assert [sound.name for sound in planned.sounds] == ["audio", "audio-3"]
    assert carried_names(planned) == ["audio-2"]
    assert planned.rendition_names == {"720p", "480p", "360p", "audio", "audio-2", "audio-3"}


def test_parts_are_laid_out_for_what_is_served() -> None:
    assert plan(AC3).layout == plan(AUDIO).layout


def test_without_transcoding_everything_is_passed_through() -> None:
    planned = plan(AC3, replace(AUDIO, track_id=4), ladder=None)
    assert (carried_names(planned), planned.sounds) == (["audio", "audio-2"], ())
    assert not planned.fills_silence


# What rungs ask for


def ladder(*audio_kbps: int | None) -> Ladder:
    """720p, 480p, 360p with such sound; the source is 720p."""
    rungs = []
    for height, kbps in zip((720, 480, 360), audio_kbps, strict=True):
        audio_bps = None if kbps is None else kbps * 1000
        rungs.append(RungTemplate(f"{height}p", height, 30, height * 2000, audio_bit_rate_bps=audio_bps))
    return Ladder(tuple(rungs))


def sounds(planned: SourcePlan) -> list[tuple[str, int, str]]:
    return [(sound.name, sound.bit_rate_bps, sound.group) for sound in planned.sounds]


def test_rungs_with_one_wish_share_what_is_encoded_for_them() -> None:
    planned = plan(AUDIO, replace(AC3, track_id=4), ladder=ladder(None, 96, 96))
    assert carried_names(planned) == ["audio"]
    assert sounds(planned) == [
        ("audio-2", 160_000, "audio"),
        ("audio-96k", 96_000, "audio-96k"),
        ("audio-2-96k", 96_000, "audio-96k"),
    ]
    assert planned.audio_only == "audio-96k"


def test_sound_that_has_no_more_than_a_rung_asks_for_is_not_encoded_for_it() -> None:
    planned = plan(replace(AUDIO, bit_rate_bps=96_000), ladder=ladder(None, 128, 96))
    assert (carried_names(planned), sounds(planned)) == (["audio"], [])
    assert planned.audio_only == "audio"


def test_a_bit_rate_that_is_not_declared_is_taken_for_more() -> None:
    assert sounds(plan(replace(AUDIO, bit_rate_bps=None), ladder=ladder(None, 320, None))) == [
        ("audio-320k", 320_000, "audio-320k")
    ]


def test_the_wish_of_a_rung_that_is_not_made_is_none() -> None:
    assert sounds(plan(AUDIO, ladder=ladder(64, None, None))) == []  # the source is its own 720p


def test_where_every_picture_is_encoded_the_largest_one_decides_what_the_best_sound_is() -> None:
    planned = plan(AC3, ladder=ladder(128, 128, 64), key_frame_distance_seconds=10.0)
    assert [rung.name for rung in planned.rungs] == ["720p", "480p", "360p"]
    assert sounds(planned) == [("audio", 128_000, "audio"), ("audio-64k", 64_000, "audio-64k")]


def test_sound_alone_is_offered_unless_the_operator_does_not_want_it() -> None:
    assert plan(AUDIO, ladder=None).audio_only == "audio"
    assert plan().audio_only is None
    assert plan(AUDIO, settings=PackagerSettings(audio_only=False)).audio_only is None
