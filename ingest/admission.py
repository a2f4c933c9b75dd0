"""Whether a publisher is let in: what is remembered of its address and key is asked first, then the door.

All protocol servers of a node share one `Reception`, so that who guesses keys has no second chance by another protocol.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ingest.errors import CloseReason, IngestError
from ingest.key_attempts import KeyAttempts, Objection
from pinkmedia.publishing import Door, Publication, PublishRefused, PublishRequest, Refusal

WRONG_KEY_DELAY_SECONDS = 1.0
"""A wrong key is refused this late: encoders retry for ever, and guessing becomes slow."""

_REFUSALS = {
    Refusal.BAD_KEY: Objection(CloseReason.BAD_KEY, "wrong stream key"),
    Refusal.ALREADY_PUBLISHING: Objection(
        CloseReason.ALREADY_PUBLISHING, "somebody is publishing to this stream already"
    ),
    Refusal.NOT_ALLOWED: Objection(CloseReason.NOT_ALLOWED, "this stream may not go live; ask the site's operator"),
    Refusal.UNAVAILABLE: Objection(CloseReason.UNAVAILABLE, "stream keys cannot be checked now; try again"),
    Refusal.SHUTTING_DOWN: Objection(CloseReason.SHUTTING_DOWN, "the server is shutting down"),
}
"""Reason for the log, and what the publisher is told."""


AnswerT = TypeVar("AnswerT")


class Denied(Exception):
    """The publisher is to be told ``objection``, after a while."""

    def __init__(self, objection: Objection, delay_seconds: float = 0.0) -> None:
        super().__init__(objection.detail)
        self.objection = objection
        self.delay_seconds = delay_seconds


class Reception:
    """Stands before the door."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._attempts = KeyAttempts()

    async def passphrase(self, request: PublishRequest) -> str | None:
        """What SRT publishers to the stream of this key encrypt with, if it has a passphrase. Raises Denied."""
        return await self._ask(self._door.passphrase, request)

    async def admit(self, request: PublishRequest) -> Publication:
        """The publication for this request's key. Raises Denied."""
        return await self._ask(self._door.admit, request)

    async def _ask(self, question: Callable[[PublishRequest], Awaitable[AnswerT]], request: PublishRequest) -> AnswerT:
        address, key = request.peer_address, request.key
        objection = self._attempts.objection(address, key, time.monotonic())
        if objection is not None:
            raise Denied(objection)
        try:
            return await question(request)
        except PublishRefused as refused:
            is_wrong_key = refused.refusal is Refusal.BAD_KEY
            if is_wrong_key:
                self._attempts.note_wrong(address, key, time.monotonic())
            raise Denied(_REFUSALS[refused.refusal], WRONG_KEY_DELAY_SECONDS if is_wrong_key else 0.0) from None

    def note_rejection(self, key: str, error: IngestError) -> None:
        """A publisher with this key was cut off for this."""
        self._attempts.note_rejection(key, Objection(error.reason, str(error)), time.monotonic())
