"""What a source's audio tracks become: passed through where every browser plays them, otherwise AAC-LC in stereo.

The original of what is encoded is dropped: players could not choose it by anything but its codec, and viewers who can
play it hear the same programme. Without transcoding every track is served as it is.

Rungs may ask for less than that. Where any of the tracks has more, all are encoded once more, as a group of their own
(`pinkmedia.media.Rendition.audio_group`), which all rungs with the same wish share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pinkmedia.media import AUDIO_GROUP, AudioTrack, Codec, audio_group
from transcode.ladder import Rung
from transcode.sound_rung import SoundRung, plan_sound

MOST_PASSTHROUGH_CHANNELS = 2
"""Of more, browsers make stereo each in its own way, or nothing."""
MOST_PASSTHROUGH_SAMPLE_RATE = 48_000
"""Of AAC in browsers; in Hz."""
MOST_PASSTHROUGH_BPS = 320_000
"""What AAC needs at most for two channels; beyond, sound takes the place of the picture on slow lines."""


class AudioPlan(NamedTuple):
    """What players hear."""

    carried: tuple[tuple[str, AudioTrack], ...] = ()
    """Tracks that are passed through, by the name of their rendition."""
    sounds: tuple[SoundRung, ...] = ()
    """What is encoded."""
    smallest: str | None = None
    """The first track's rendition as it is beside the smallest picture."""

    @property
    def tracks(self) -> list[AudioTrack]:
        return [*(audio for _, audio in self.carried), *(sound.track for sound in self.sounds)]


def plan_audios(
    audios: Sequence[AudioTrack], rungs: Sequence[Rung], *, has_own_picture: bool, is_transcoding: bool
) -> AudioPlan:
    """Decides for a source's audio tracks beside these rungs (largest first).

    ``has_own_picture``: that of the source is passed through, and its sound beside it is the best there is.
    """
    named = [(AUDIO_GROUP if not index else f"{AUDIO_GROUP}-{index + 1}", audio) for index, audio in enumerate(audios)]
    if not named:
        return AudioPlan()
    wishes = [rung.audio_bit_rate_bps for rung in rungs] or [None]
    smallest_bps = wishes[-1]
    best_bps = None if has_own_picture else wishes[0]
    carried = [(name, audio) for name, audio in named if not is_transcoding or plays_everywhere(audio)]
    sounds = [plan_sound(name, audio, bit_rate_bps=best_bps) for name, audio in named if (name, audio) not in carried]
    bit_rates_bps = [audio.bit_rate_bps for _, audio in carried] + [sound.bit_rate_bps for sound in sounds]
    groups = {bps: audio_group(bps) for bps in wishes if bps is not None and _is_less(bps, bit_rates_bps)}
    for bps, group in groups.items():
        names = [f"{name}{group.removeprefix(AUDIO_GROUP)}" for name, _ in named]
        sounds += [
            plan_sound(name, audio, bit_rate_bps=bps, group=group) for name, audio in zip(names, audios, strict=True)
        ]
    smallest = AUDIO_GROUP if smallest_bps is None else groups.get(smallest_bps, AUDIO_GROUP)
    return AudioPlan(tuple(carried), tuple(sounds), smallest)


def plays_everywhere(audio: AudioTrack) -> bool:
    """AAC as every browser decodes it, at a bit rate that is declared sensible or not at all."""
    return (
        audio.codec is Codec.AAC
        and audio.channels <= MOST_PASSTHROUGH_CHANNELS
        and audio.sample_rate <= MOST_PASSTHROUGH_SAMPLE_RATE
        and (audio.bit_rate_bps or 0) <= MOST_PASSTHROUGH_BPS
    )


def _is_less(bit_rate_bps: int, others_bps: Sequence[int | None]) -> bool:
    """Than at least one of the others; one that is not known is more."""
    return any(other is None or bit_rate_bps < other for other in others_bps)
