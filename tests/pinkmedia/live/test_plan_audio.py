"""Which sound is passed through, and what the rest becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packager.layout import PackagerSettings
from pinkmedia.live.plan import SourceHistory, SourcePlan, StreamPolicy, plan_source
from pinkmedia.media import AudioTrack, Codec
from pinkmedia.tiers import Tier
from tests.packager.samples import AUDIO, VIDEO
from transcode.ladder import Ladder

AC3 = replace(AUDIO, codec=Codec.AC3, codec_string="ac-3", samples_per_frame=1536, channels=6)


def plan(*audios: AudioTrack, is_transcoding: bool = True) -> SourcePlan:
    policy = StreamPolicy(Ladder() if is_transcoding else None, Tier.PARTNER, passthrough_bps=10_000_000)
    return plan_source([VIDEO, *audios], SourceHistory(2.0), policy, PackagerSettings())


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
    planned = plan(AC3, replace(AUDIO, track_id=4), is_transcoding=False)
    assert (carried_names(planned), planned.sounds) == (["audio", "audio-2"], ())
    assert not planned.fills_silence
