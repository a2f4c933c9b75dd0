"""What a source's audio tracks become: passed through where every browser plays them, otherwise AAC-LC in stereo.

The original of what is encoded is dropped: players could not choose it by anything but its codec, and viewers who can
play it hear the same programme. Without transcoding every track is served as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from pinkmedia.media import AudioTrack, Codec
from transcode.sound_rung import SoundRung, plan_sound

AUDIO_RENDITION = "audio"
MOST_PASSTHROUGH_CHANNELS = 2
"""Of more, browsers make stereo each in its own way, or nothing."""
MOST_PASSTHROUGH_SAMPLE_RATE = 48_000
"""Of AAC in browsers; in Hz."""
MOST_PASSTHROUGH_BPS = 320_000
"""What AAC needs at most for two channels; beyond, sound takes the place of the picture on slow lines."""


def plan_audios(
    audios: Sequence[AudioTrack], *, is_transcoding: bool
) -> tuple[list[tuple[str, AudioTrack]], tuple[SoundRung, ...]]:
    """What is passed through, by the name of its rendition, and what is encoded. The first track leads both."""
    named = [
        (AUDIO_RENDITION if not index else f"{AUDIO_RENDITION}-{index + 1}", audio)
        for index, audio in enumerate(audios)
    ]
    carried = [(name, audio) for name, audio in named if not is_transcoding or plays_everywhere(audio)]
    sounds = tuple(plan_sound(name, audio) for name, audio in named if (name, audio) not in carried)
    return carried, sounds


def plays_everywhere(audio: AudioTrack) -> bool:
    """AAC as every browser decodes it, at a bit rate that is declared sensible or not at all."""
    return (
        audio.codec is Codec.AAC
        and audio.channels <= MOST_PASSTHROUGH_CHANNELS
        and audio.sample_rate <= MOST_PASSTHROUGH_SAMPLE_RATE
        and (audio.bit_rate_bps or 0) <= MOST_PASSTHROUGH_BPS
    )
