"""The first message to a worker: everything there is to know of a source and of what is to be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pinkmedia.media import AudioTrack, Codec, VideoTrack
from transcode.encoder_choice import ENCODER_WISHES
from transcode.encoder_kinds import Family
from transcode.ladder import HdrHandling, Rung
from transcode.sound_rung import SoundRung
from transcode.wire import Fields


@dataclass(frozen=True, slots=True)
class Configure:
    """What to decode, and what to encode it to."""

    source: VideoTrack | None
    """None when there are no rungs."""
    rungs: tuple[Rung, ...]
    hdr: HdrHandling = "tone_map"
    encoder: str = Family.SOFTWARE
    """What is to encode, if it can: one of `encoder_choice.ENCODER_WISHES`."""
    sounds: tuple[SoundRung, ...] = ()
    """What comes out of them is known beforehand (`SoundRung.track`)."""

    def to_fields(self) -> Fields:
        return {
            "type": "configure",
            "source": None if self.source is None else _video_fields(self.source),
            "rungs": [_rung_fields(rung) for rung in self.rungs],
            "hdr": self.hdr,
            "encoder": self.encoder,
            "sounds": [_sound_fields(sound) for sound in self.sounds],
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Configure:
        source = fields["source"]
        track = None if source is None else _video_from(source)
        hdr: HdrHandling = "refuse" if fields["hdr"] == "refuse" else "tone_map"
        rungs = tuple(_rung_from(rung) for rung in fields["rungs"])
        sounds = tuple(_sound_from(sound) for sound in fields["sounds"])
        return cls(track, rungs, hdr, _encoder_wish(fields["encoder"]), sounds)


def _video_fields(video: VideoTrack) -> Fields:
    return {
        "track_id": video.track_id,
        "codec": video.codec,
        "configuration": video.configuration.hex(),
        "width": video.width,
        "height": video.height,
        "codec_string": video.codec_string,
        "frame_rate": str(video.frame_rate),
    }


def _video_from(fields: Fields) -> VideoTrack:
    return VideoTrack(
        track_id=fields["track_id"],
        codec=Codec(fields["codec"]),
        configuration=bytes.fromhex(fields["configuration"]),
        width=fields["width"],
        height=fields["height"],
        codec_string=fields["codec_string"],
        frame_rate=Fraction(fields["frame_rate"]),
    )


def _encoder_wish(value: str) -> str:
    if value not in ENCODER_WISHES:
        raise ValueError(value)
    return str(value)


def _rung_fields(rung: Rung) -> Fields:
    return {
        "name": rung.name,
        "width": rung.width,
        "height": rung.height,
        "frame_rate": str(rung.frame_rate),
        "bit_rate_bps": rung.bit_rate_bps,
        "max_bit_rate_bps": rung.max_bit_rate_bps,
        "buffer_seconds": rung.buffer_seconds,
        "preset": rung.preset,
        "codec": rung.codec,
        "audio_bit_rate_bps": rung.audio_bit_rate_bps,
    }


def _rung_from(fields: Fields) -> Rung:
    return Rung(
        name=fields["name"],
        width=fields["width"],
        height=fields["height"],
        frame_rate=Fraction(fields["frame_rate"]),
        bit_rate_bps=fields["bit_rate_bps"],
        max_bit_rate_bps=fields["max_bit_rate_bps"],
        buffer_seconds=fields["buffer_seconds"],
        preset=fields["preset"],
        codec=Codec(fields["codec"]),
        audio_bit_rate_bps=fields["audio_bit_rate_bps"],
    )


def _sound_fields(sound: SoundRung) -> Fields:
    return {
        "name": sound.name,
        "source": _audio_fields(sound.source),
        "sample_rate": sound.sample_rate,
        "channels": sound.channels,
        "bit_rate_bps": sound.bit_rate_bps,
        "group": sound.group,
    }


def _sound_from(fields: Fields) -> SoundRung:
    return SoundRung(
        name=fields["name"],
        source=_audio_from(fields["source"]),
        sample_rate=fields["sample_rate"],
        channels=fields["channels"],
        bit_rate_bps=fields["bit_rate_bps"],
        group=fields["group"],
    )


def _audio_fields(audio: AudioTrack) -> Fields:
    return {
        "track_id": audio.track_id,
        "codec": audio.codec,
        "configuration": audio.configuration.hex(),
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "samples_per_frame": audio.samples_per_frame,
        "codec_string": audio.codec_string,
        "bit_rate_bps": audio.bit_rate_bps,
    }


def _audio_from(fields: Fields) -> AudioTrack:
    return AudioTrack(
        track_id=fields["track_id"],
        codec=Codec(fields["codec"]),
        configuration=bytes.fromhex(fields["configuration"]),
        sample_rate=fields["sample_rate"],
        channels=fields["channels"],
        samples_per_frame=fields["samples_per_frame"],
        codec_string=fields["codec_string"],
        bit_rate_bps=fields["bit_rate_bps"],
    )
