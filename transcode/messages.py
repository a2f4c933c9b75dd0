"""What the node and a worker tell each other beside media: one type per message, each to and from JSON fields.

node                          worker
 │ ◄──────────────── Hello      the process is warm; which codecs it lacks
 │ Configure ────────────►      once
 │ ForceIdr, packets ────►
 │ ◄──────────────── Opened     the encoders are open; before the first packet
 │ ◄─────────────── packets     track id = index of the rung + 1; 0 for a still picture (JPEG);
 │                                 SOUND_TRACK_ID + index for sound, which does not wait for Opened
 │ Drain ────────────────►
 │ ◄─────────────── Drained     after the last packet; the worker exits
 │ ◄──────────────── Failed     instead of anything else; the worker exits
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from pinkmedia.media import Codec, VideoTrack
from transcode.ladder import Rung
from transcode.sound_rung import SoundRung, sound_from_fields
from transcode.wire import Fields, WireError

REASON_LIMIT_CHARACTERS = 500
"""A reason is a line of a log, whatever a library has to say."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker is ready to be configured, unless it lacks something."""

    missing_codecs: tuple[str, ...]
    """Without which nothing can be transcoded."""
    missing_decoders: tuple[str, ...] = ()
    """Whose sources cannot be transcoded; all others can."""

    def to_fields(self) -> Fields:
        return {
            "type": "hello",
            "missing_codecs": self.missing_codecs,
            "missing_decoders": self.missing_decoders,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Hello:
        return cls(
            tuple(str(name) for name in fields["missing_codecs"]),
            tuple(str(name) for name in fields["missing_decoders"]),
        )


@dataclass(frozen=True, slots=True)
class Configure:
    """What to decode, and what to encode it to."""

    source: VideoTrack | None
    """None when there are no rungs."""
    rungs: tuple[Rung, ...]
    sounds: tuple[SoundRung, ...] = ()
    """What comes out of them is known beforehand (`SoundRung.track`)."""

    def to_fields(self) -> Fields:
        return {
            "type": "configure",
            "source": None if self.source is None else _source_fields(self.source),
            "rungs": [_rung_fields(rung) for rung in self.rungs],
            "sounds": [sound.to_fields() for sound in self.sounds],
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Configure:
        source = fields["source"]
        return cls(
            None if source is None else _source_from(source),
            tuple(_rung_from(rung) for rung in fields["rungs"]),
            tuple(sound_from_fields(sound) for sound in fields["sounds"]),
        )


def _source_fields(source: VideoTrack) -> Fields:
    return {
        "track_id": source.track_id,
        "codec": source.codec,
        "configuration": source.configuration.hex(),
        "width": source.width,
        "height": source.height,
        "codec_string": source.codec_string,
        "frame_rate": str(source.frame_rate),
    }


def _source_from(fields: Fields) -> VideoTrack:
    return VideoTrack(
        track_id=fields["track_id"],
        codec=Codec(fields["codec"]),
        configuration=bytes.fromhex(fields["configuration"]),
        width=fields["width"],
        height=fields["height"],
        codec_string=fields["codec_string"],
        frame_rate=Fraction(fields["frame_rate"]),
    )


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
    )


@dataclass(frozen=True, slots=True)
class ForceIdr:
    """The first picture shown at or after this time becomes an IDR picture in every rung."""

    pts_ticks: int

    def to_fields(self) -> Fields:
        return {"type": "force_idr", "pts_ticks": self.pts_ticks}

    @classmethod
    def from_fields(cls, fields: Fields) -> ForceIdr:
        return cls(int(fields["pts_ticks"]))


@dataclass(frozen=True, slots=True)
class Drain:
    """No more packets: deliver what is left and exit."""

    def to_fields(self) -> Fields:
        return {"type": "drain"}

    @classmethod
    def from_fields(cls, fields: Fields) -> Drain:
        return cls()


@dataclass(frozen=True, slots=True)
class Opened:
    """The encoders are open."""

    configurations: tuple[bytes, ...]
    """An AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3) per rung, in their order."""

    def to_fields(self) -> Fields:
        return {"type": "opened", "configurations": [configuration.hex() for configuration in self.configurations]}

    @classmethod
    def from_fields(cls, fields: Fields) -> Opened:
        return cls(tuple(bytes.fromhex(text) for text in fields["configurations"]))


@dataclass(frozen=True, slots=True)
class Drained:
    """Everything was delivered."""

    def to_fields(self) -> Fields:
        return {"type": "drained"}

    @classmethod
    def from_fields(cls, fields: Fields) -> Drained:
        return cls()


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot go on."""

    reason: str

    def to_fields(self) -> Fields:
        return {"type": "failed", "reason": self.reason[:REASON_LIMIT_CHARACTERS]}

    @classmethod
    def from_fields(cls, fields: Fields) -> Failed:
        return cls(str(fields["reason"])[:REASON_LIMIT_CHARACTERS])


Message: TypeAlias = Hello | Configure | ForceIdr | Drain | Opened | Drained | Failed

_TYPES: dict[str, type[Message]] = {
    "hello": Hello,
    "configure": Configure,
    "force_idr": ForceIdr,
    "drain": Drain,
    "opened": Opened,
    "drained": Drained,
    "failed": Failed,
}


def parse_message(fields: Fields) -> Message:
    """The message that these fields are. Raises WireError when they are none."""
    try:
        return _TYPES[fields["type"]].from_fields(fields)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        raise WireError("control message is unknown or incomplete") from None
