"""What a source's sound is encoded to: AAC-LC with one or two channels, which everything plays."""

from __future__ import annotations

from dataclasses import dataclass

from pinkmedia.codecs.aac import CORE_SAMPLES_PER_FRAME, AudioSpecificConfig, audio_track, lc_configuration
from pinkmedia.media import AUDIO_GROUP, AudioTrack

MONO_BPS = 128_000
STEREO_BPS = 160_000
"""Where FFmpeg's encoder is as good as anybody hears."""
SAMPLE_RATE = 48_000
CD_SAMPLE_RATE = 44_100
CD_FAMILY = frozenset({11_025, 22_050, 44_100, 88_200, 176_400})
"""Rates that become 44.1 kHz: a whole factor resamples best. All others become 48 kHz."""


@dataclass(frozen=True, slots=True)
class SoundRung:
    """One audio rendition to encode."""

    name: str
    """Of the rendition: ``audio``."""
    source: AudioTrack
    sample_rate: int
    """In Hz: 44 100 or 48 000."""
    channels: int
    """One or two."""
    bit_rate_bps: int
    group: str = AUDIO_GROUP
    """Of `pinkmedia.media.Rendition.audio_group`."""

    @property
    def track(self) -> AudioTrack:
        """What comes out, under the source's track id."""
        configuration = AudioSpecificConfig.parse(lc_configuration(self.sample_rate, self.channels))
        return audio_track(configuration, track_id=self.source.track_id, bit_rate_bps=self.bit_rate_bps)

    @property
    def frame_samples(self) -> int:
        return CORE_SAMPLES_PER_FRAME


def plan_sound(
    name: str, source: AudioTrack, *, bit_rate_bps: int | None = None, group: str = AUDIO_GROUP
) -> SoundRung:
    """Stereo, or mono where the source is. Without a bit rate it has the usual one."""
    return SoundRung(
        name=name,
        source=source,
        sample_rate=CD_SAMPLE_RATE if source.sample_rate in CD_FAMILY else SAMPLE_RATE,
        channels=min(source.channels, 2),
        bit_rate_bps=bit_rate_bps or (MONO_BPS if source.channels == 1 else STEREO_BPS),
        group=group,
    )
