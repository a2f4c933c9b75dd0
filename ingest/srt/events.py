"""What an SrtListener tells its owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ingest.srt.connection import Ending, SrtConnection
from ingest.srt.errors import Rejection
from ingest.srt.negotiation import Conclusion

Address: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks to be let in; answer with `SrtListener.accept` or `refuse`."""

    address: Address
    conclusion: Conclusion = field(repr=False)
    timestamp_us: int
    """Of the conclusion's packet."""
    arrived_us: int


@dataclass(frozen=True, slots=True)
class CallerArrived:
    """A conclusion that is in order."""

    caller: Caller


@dataclass(frozen=True, slots=True)
class CallerRefused:
    """A conclusion that is not: the caller was told."""

    address: Address
    rejection: Rejection
    text: str


@dataclass(frozen=True, slots=True)
class MediaArrived:
    """Payloads in order; None stands where something is lost."""

    connection: SrtConnection
    payloads: list[bytes | None]


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The connection's last event."""

    connection: SrtConnection
    ending: Ending


ListenerEvent: TypeAlias = CallerArrived | CallerRefused | MediaArrived | ConnectionEnded
