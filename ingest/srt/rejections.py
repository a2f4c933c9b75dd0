"""SRT's rejection codes, and this server's reasons, in terms of each other."""

from __future__ import annotations

from ingest.errors import CloseReason
from ingest.srt.errors import Rejection

_REJECTIONS = {
    CloseReason.BAD_KEY: Rejection.UNAUTHORIZED,
    CloseReason.ALREADY_PUBLISHING: Rejection.CONFLICT,
    CloseReason.NOT_ALLOWED: Rejection.FORBIDDEN,
    CloseReason.SHUTTING_DOWN: Rejection.CLOSE,
    CloseReason.UNAVAILABLE: Rejection.OVERLOAD,
    CloseReason.TOO_MANY_CONNECTIONS: Rejection.BACKLOG,
    CloseReason.TOO_MANY_BAD_KEYS: Rejection.OVERLOAD,
    CloseReason.BIT_RATE: Rejection.OVERLOAD,
    CloseReason.TOO_MANY_TRACKS: Rejection.UNACCEPTABLE,
    CloseReason.UNSUPPORTED_CODEC: Rejection.UNSUPPORTED_MEDIA,
}


def rejection_for(reason: CloseReason) -> Rejection:
    """What a caller that is kept out is told."""
    return _REJECTIONS.get(reason, Rejection.FAILED)


def close_reason(rejection: Rejection) -> CloseReason:
    """For the log and its counter, of a refusal that the protocol itself asks for."""
    if rejection in (Rejection.BAD_SECRET, Rejection.UNSECURE, Rejection.CRYPTO):
        return CloseReason.ENCRYPTION
    if rejection is Rejection.BAD_REQUEST:
        return CloseReason.BAD_KEY
    if rejection is Rejection.BAD_MODE:
        return CloseReason.PLAY_REFUSED
    if rejection in (Rejection.BACKLOG, Rejection.OVERLOAD):
        return CloseReason.TOO_MANY_CONNECTIONS
    return CloseReason.HANDSHAKE_FAILED
