"""Reasons to refuse a stream key before the door is asked: too many wrong ones, or what its publisher was cut off for.

- **Wrong keys** count by address, each of them once: an encoder that is left alone with an old key tries it for ever,
  and must not lock out others behind the same address. Whoever guesses tries a new one each time.
- **Rejections** are remembered for a moment. Encoders read little after publishing has begun: OBS shows such an end as
  a lost connection and comes back. Refused before it begins, it writes into its log why.

Of keys only hashes are kept. ``now`` is monotonic seconds everywhere.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import NamedTuple

from ingest.errors import CloseReason
from pinkmedia.address_limits import AddressRateLimit, address_group

MAX_WRONG_KEYS = 10
"""From one address within WRONG_KEY_WINDOW_SECONDS: more than a person mistypes. It bounds what the store is asked."""
WRONG_KEY_WINDOW_SECONDS = 60.0
REMEMBERED_KEYS = 10_000
"""Wrong ones lately, by address; beyond it the one tried longest ago is forgotten and counts again."""
REJECTION_SECONDS = 10.0
"""Longer than an encoder's first pause before it comes back, and not in the way of a person who has mended it."""
REMEMBERED_REJECTIONS = 1_000
"""More publishers than a node has."""
TOLD_AGAIN = frozenset({CloseReason.UNSUPPORTED_CODEC, CloseReason.BIT_RATE, CloseReason.TOO_MANY_TRACKS})
"""What only a person can mend, in the encoder's settings."""


class Objection(NamedTuple):
    """Why a key is refused."""

    reason: CloseReason
    detail: str


class KeyAttempts:
    """Remembers how it went with keys."""

    def __init__(self) -> None:
        self._limit = AddressRateLimit(MAX_WRONG_KEYS, WRONG_KEY_WINDOW_SECONDS)
        self._wrong_until: OrderedDict[tuple[str, bytes], float] = OrderedDict()
        self._rejections: OrderedDict[bytes, tuple[Objection, float]] = OrderedDict()

    def objection(self, address: str, key: str, now: float) -> Objection | None:
        """Why this key is not even looked up now."""
        if self._limit.is_spent(address, now) and not self._is_known(address, key, now):
            text = "too many wrong stream keys from this address; one more may come in 6 s"
            return Objection(CloseReason.TOO_MANY_BAD_KEYS, text)
        objection, until = self._rejections.get(_hash(key), (None, 0.0))
        return objection if now < until else None

    def note_wrong(self, address: str, key: str, now: float) -> None:
        """The door knows no such key."""
        if not self._is_known(address, key, now):
            self._limit.count(address, now)
        attempt = (address_group(address), _hash(key))
        self._wrong_until[attempt] = now + WRONG_KEY_WINDOW_SECONDS
        self._wrong_until.move_to_end(attempt)
        if len(self._wrong_until) > REMEMBERED_KEYS:
            self._wrong_until.popitem(last=False)

    def note_rejection(self, key: str, objection: Objection, now: float) -> None:
        """A publisher with this key was cut off."""
        if objection.reason not in TOLD_AGAIN:
            return
        self._rejections[_hash(key)] = (objection, now + REJECTION_SECONDS)
        if len(self._rejections) > REMEMBERED_REJECTIONS:
            self._rejections.popitem(last=False)

    def _is_known(self, address: str, key: str, now: float) -> bool:
        return now < self._wrong_until.get((address_group(address), _hash(key)), 0.0)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
