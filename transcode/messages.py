"""What the node and a worker tell each other beside media: one type per message, each to and from JSON fields.

node                          worker
 │ ◄──────────────── Hello      the process is warm; which codecs it lacks, which hardware encoders it found
 │ Configure ────────────►      once
 │ ForceIdr, packets ────►
 │ SelectRungs ──────────►      which rungs are encoded from a time on; at first all are
 │ ◄────────────── RungPaused   after the last packet of a rung that is not encoded any more
 │ ◄─────────────── Progress    every second: the process lives, and what it has come to
 │ ◄──────────────── Opened     the encoders are open, and which they are; before the first packet
 │ ◄─────────────── packets     track id = index of the rung + 1; 0 for still pictures;
 │                                 SOUND_TRACK_ID + index for sound, which does not wait for Opened
 │ Drain ────────────────►
 │ ◄─────────────── Drained     after the last packet; the worker exits
 │ ◄──────────────── Failed     instead of anything else; the worker exits
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pinkmedia.processes.frames import WireError
from transcode.configure import Configure
from transcode.encoder_choice import ENCODERS
from transcode.wire import Fields

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
    sandbox: tuple[str, ...] = ()
    """Which of `transcode.sandbox.MEASURES` are in force."""
    hardware_encoders: tuple[str, ...] = ()
    """Of the kind that it was started to look for: those which work."""

    def to_fields(self) -> Fields:
        return {
            "type": "hello",
            "missing_codecs": self.missing_codecs,
            "missing_decoders": self.missing_decoders,
            "sandbox": self.sandbox,
            "hardware_encoders": self.hardware_encoders,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Hello:
        return cls(
            _texts(fields["missing_codecs"]),
            _texts(fields["missing_decoders"]),
            _texts(fields["sandbox"]),
            _texts(fields["hardware_encoders"]),
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
class SelectRungs:
    """From the first picture shown at or after this time on, only these rungs are encoded."""

    pts_ticks: int
    """Of a picture that becomes an IDR picture."""
    indices: frozenset[int]
    """Of the rungs, as they were configured."""

    def to_fields(self) -> Fields:
        return {"type": "select_rungs", "pts_ticks": self.pts_ticks, "indices": sorted(self.indices)}

    @classmethod
    def from_fields(cls, fields: Fields) -> SelectRungs:
        return cls(int(fields["pts_ticks"]), frozenset(int(index) for index in fields["indices"]))


@dataclass(frozen=True, slots=True)
class RungPaused:
    """Nothing more comes of this rung, unless it is selected again."""

    index: int

    def to_fields(self) -> Fields:
        return {"type": "rung_paused", "index": self.index}

    @classmethod
    def from_fields(cls, fields: Fields) -> RungPaused:
        return cls(int(fields["index"]))


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
class Progress:
    """The worker lives; how far it has come, and what it costs."""

    cpu_seconds: float
    """User and system time of the process since its start."""
    resident_bytes: int
    packets_taken: int
    """Source packets decoded, or found to be undecodable, since it was configured."""
    pictures_waiting: int
    """Scaled, and in front of the encoders."""
    taken_pts_ticks: int | None = None
    """The newest taken in; None before the first."""
    delivered_pts_ticks: int | None = None
    """The newest encoded; None before the first."""

    def to_fields(self) -> Fields:
        return {
            "type": "progress",
            "cpu_seconds": self.cpu_seconds,
            "resident_bytes": self.resident_bytes,
            "packets_taken": self.packets_taken,
            "pictures_waiting": self.pictures_waiting,
            "taken_pts_ticks": self.taken_pts_ticks,
            "delivered_pts_ticks": self.delivered_pts_ticks,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Progress:
        return cls(
            _seconds_from(fields["cpu_seconds"]),
            int(fields["resident_bytes"]),
            int(fields["packets_taken"]),
            int(fields["pictures_waiting"]),
            _optional_int_from(fields["taken_pts_ticks"]),
            _optional_int_from(fields["delivered_pts_ticks"]),
        )


def _seconds_from(value: float) -> float:
    """JSON as Python reads it knows NaN and infinity; sums of the node must not."""
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError
    return seconds


def _optional_int_from(value: int | None) -> int | None:
    return None if value is None else int(value)


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


Message: TypeAlias = (
    Hello | Configure | ForceIdr | SelectRungs | Drain | Opened | Progress | RungPaused | Drained | Failed
)

_TYPES: dict[str, type[Message]] = {
    "hello": Hello,
    "configure": Configure,
    "force_idr": ForceIdr,
    "select_rungs": SelectRungs,
    "drain": Drain,
    "opened": Opened,
    "progress": Progress,
    "rung_paused": RungPaused,
    "drained": Drained,
    "failed": Failed,
}


def parse_message(fields: Fields) -> Message:
    """The message that these fields are. Raises WireError when they are none."""
    try:
        return _TYPES[fields["type"]].from_fields(fields)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise WireError("control message is unknown or incomplete") from None
