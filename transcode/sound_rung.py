"""What a source's sound is encoded to: AAC-LC with one or two channels, which everything plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pinkmedia.codecs.aac import CORE_SAMPLES_PER_FRAME, AudioSpecificConfig, audio_track, lc_configuration
from pinkmedia.media import AudioTrack, Codec

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

    @property
    def track(self) -> AudioTrack:
        """What comes out, under the source's track id."""
        configuration = AudioSpecificConfig.parse(lc_configuration(self.sample_rate, self.channels))
        return audio_track(configuration, track_id=self.source.track_id, bit_rate_bps=self.bit_rate_bps)

    @property
    def frame_samples(self) -> int:
        return CORE_SAMPLES_PER_FRAME

    def to_fields(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "bit_rate_bps": self.bit_rate_bps,
            "source": {
                "track_id": self.source.track_id,
                "codec": self.source.codec,
                "configuration": self.source.configuration.hex(),
                "sample_rate": self.source.sample_rate,
                "channels": self.source.channels,
                "samples_per_frame": self.source.samples_per_frame,
                "codec_string": self.source.codec_string,
                "bit_rate_bps": self.source.bit_rate_bps,
            },
        }


def plan_sound(name: str, source: AudioTrack) -> SoundRung:
    """Stereo, or mono where the source is."""
    return SoundRung(
        name=name,
        source=source,
        sample_rate=CD_SAMPLE_RATE if source.sample_rate in CD_FAMILY else SAMPLE_RATE,
        channels=min(source.channels, 2),
        bit_rate_bps=MONO_BPS if source.channels == 1 else STEREO_BPS,
    )


def sound_from_fields(fields: dict[str, Any]) -> SoundRung:
    """Raises KeyError, TypeError or ValueError for what `SoundRung.to_fields` has not made."""
    source = fields["source"]
    track = AudioTrack(
        track_id=source["track_id"],
        codec=Codec(source["codec"]),
        configuration=bytes.fromhex(source["configuration"]),
        sample_rate=source["sample_rate"],
        channels=source["channels"],
        samples_per_frame=source["samples_per_frame"],
        codec_string=source["codec_string"],
        bit_rate_bps=source["bit_rate_bps"],
    )
    return SoundRung(fields["name"], track, fields["sample_rate"], fields["channels"], fields["bit_rate_bps"])
