"""Why an SRT caller is refused, or its connection ends.

PinkmediaError
└── SrtError             a packet that breaks the protocol; carries the rejection to answer with
    └── KeyMaterialError key material that cannot be used
"""

from __future__ import annotations

from enum import IntEnum

from pinkmedia.errors import PinkmediaError


class Rejection(IntEnum):
    """Handshake types of a refusal: libsrt's reject reasons plus 1000 (its rejection-codes document)."""

    ROGUE = 1004
    """A handshake that makes no sense."""
    BACKLOG = 1005
    """Too many connections."""
    CLOSE = 1007
    """Shutting down."""
    VERSION = 1008
    BAD_SECRET = 1010
    """Wrong passphrase."""
    UNSECURE = 1011
    """One side encrypts, the other does not."""
    MESSAGE_API = 1012
    """File mode."""
    CONGESTION = 1013
    """A congestion control for files."""
    FILTER = 1014
    """Forward error correction."""
    GROUP = 1015
    """Bonded connections."""
    CRYPTO = 1017
    """A cipher that is not offered."""
    BAD_REQUEST = 2400
    """A stream id that cannot be understood."""
    UNAUTHORIZED = 2401
    """Wrong key."""
    OVERLOAD = 2402
    """Too much of something from this address."""
    FORBIDDEN = 2403
    """The right key, but the stream is blocked."""
    BAD_MODE = 2405
    """It wants to play."""
    UNACCEPTABLE = 2406
    """More tracks than the stream's tier allows."""
    CONFLICT = 2409
    """Published already."""
    UNSUPPORTED_MEDIA = 2415
    """A codec that nobody could watch."""
    FAILED = 2500
    """Our fault."""


class SrtError(PinkmediaError):
    """A handshake that is refused."""

    def __init__(self, rejection: Rejection, text: str) -> None:
        super().__init__(text)
        self.rejection = rejection


class KeyMaterialError(SrtError):
    """Key material that is malformed, that asks for an unknown cipher, or that the passphrase does not open."""
