"""What the node and a worker tell each other beside media: one type per message, each to and from JSON fields.

node                          worker
 │ ◄──────────────── Hello      the process is warm; which codecs it lacks, which hardware encoders it found
 │ Configure ────────────►      once
 │ ForceIdr, packets ────►
 │ ◄──────────────── Opened     the encoders are open, and which they are; before the first packet
 │ ◄─────────────── packets     track id = index of the rung + 1; 0 for a still picture (JPEG)
 │ Drain ────────────────►
 │ ◄─────────────── Drained     after the last packet; the worker exits
 │ ◄──────────────── Failed     instead of anything else; the worker exits
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from pinkmedia.media import Codec, VideoTrack
from transcode.encoder_choice import ENCODER_WISHES, ENCODERS
from transcode.encoder_kinds import Family
from transcode.ladder import Rung
from transcode.wire import Fields, WireError

REASON_LIMIT_CHARACTERS = 500
"""A reason is a line of a log, whatever a library has to say."""
MAX_NOTES = 10
"""More than a ladder has rungs."""


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker is ready to be configured, unless it lacks something."""

    missing_codecs: tuple[str, ...]
    """Without which nothing can be transcoded."""
    missing_decoders: tuple[str, ...] = ()
    """Whose sources cannot be transcoded; all others can."""
    hardware_encoders: tuple[str, ...] = ()
    """Of the kind that it was started to look for: those which work."""

    def to_fields(self) -> Fields:
        return {
            "type": "hello",
            "missing_codecs": self.missing_codecs,
            "missing_decoders": self.missing_decoders,
            "hardware_encoders": self.hardware_encoders,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Hello:
        return cls(
            _texts(fields["missing_codecs"]),
            _texts(fields["missing_decoders"]),
            _texts(fields["hardware_encoders"]),
        )


@dataclass(frozen=True, slots=True)
class Configure:
    """What to decode, and what to encode it to."""

    source: VideoTrack
    rungs: tuple[Rung, ...]
    encoder: str = Family.SOFTWARE
    """What is to encode, if it can: one of `encoder_choice.ENCODER_WISHES`."""

    def to_fields(self) -> Fields:
        return {
            "type": "configure",
            "source": {
                "track_id": self.source.track_id,
                "codec": self.source.codec,
                "configuration": self.source.configuration.hex(),
                "width": self.source.width,
                "height": self.source.height,
                "codec_string": self.source.codec_string,
                "frame_rate": str(self.source.frame_rate),
            },
            "rungs": [_rung_fields(rung) for rung in self.rungs],
            "encoder": self.encoder,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Configure:
        source = fields["source"]
        track = VideoTrack(
            track_id=source["track_id"],
            codec=Codec(source["codec"]),
            configuration=bytes.fromhex(source["configuration"]),
            width=source["width"],
            height=source["height"],
            codec_string=source["codec_string"],
            frame_rate=Fraction(source["frame_rate"]),
        )
        return cls(track, tuple(_rung_from(rung) for rung in fields["rungs"]), _encoder_wish(fields["encoder"]))


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
    """A configuration record (`pinkmedia.media.VideoTrack.configuration`) per rung, in their order."""
    encoders: tuple[str, ...] = ()
    """FFmpeg's name of each rung's encoder; its codec may be another than the rung's. Empty: as the rungs say."""
    notes: tuple[str, ...] = ()
    """What is not as it was asked for: lines for the log."""

    @property
    def is_hardware(self) -> bool:
        """Whether any of the encoders may fail with a device."""
        return any(ENCODERS[name].is_hardware for name in self.encoders)

    def to_fields(self) -> Fields:
        return {
            "type": "opened",
            "configurations": [configuration.hex() for configuration in self.configurations],
            "encoders": self.encoders,
            "notes": [note[:REASON_LIMIT_CHARACTERS] for note in self.notes],
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Opened:
        encoders = _texts(fields["encoders"])
        if not ENCODERS.keys() >= set(encoders):
            raise ValueError(encoders)
        notes = tuple(note[:REASON_LIMIT_CHARACTERS] for note in _texts(fields["notes"])[:MAX_NOTES])
        return cls(tuple(bytes.fromhex(text) for text in fields["configurations"]), encoders, notes)


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
