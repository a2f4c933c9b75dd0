"""The digest ("complex") form of the handshake, as Flash-era clients expect it: C1, S1 and S2 carry an HMAC.

No specification describes it; this follows what servers and clients in the field agree on. A digest of 32 bytes lies in
C1 and S1 at a place that four of their bytes give, in one of two halves:

    first half    offset bytes at    8, digest between   12 and  771
    second half   offset bytes at  772, digest between  776 and 1535

It proves nothing (the keys are public), so a C1 without a valid one is answered in the simple form, never refused.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator

DIGEST_BYTES = 32
_OFFSET_RANGE = 728
_OFFSET_PLACES = (772, 8)
"""Where the four offset bytes of each half begin, in the order in which servers try them."""
_CLIENT_KEY = b"Genuine Adobe Flash Player 001"
_SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
_KEY_TAIL = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_SERVER_VERSION = bytes((4, 5, 0, 1))
"""Any but zero says that S1 carries a digest; this is what common servers send."""


def answer(c1: bytes) -> tuple[bytes, bytes] | None:
    """S1 and S2 for a C1 with a valid digest; None when it has none."""
    for place in _places_tried(c1):
        start = _digest_start(c1, place)
        digest = c1[start : start + DIGEST_BYTES]
        if hmac.compare_digest(digest, _digest_of(c1, start, _CLIENT_KEY)):
            return _s1(len(c1), place), _s2(len(c1), digest)
    return None


def _places_tried(c1: bytes) -> Iterator[int]:
    """None for a C1 that declares version zero: its sender knows no digests."""
    if any(c1[4:8]):
        yield from _OFFSET_PLACES


def _digest_start(blob: bytes, place: int) -> int:
    return place + 4 + sum(blob[place : place + 4]) % _OFFSET_RANGE


def _digest_of(blob: bytes, start: int, key: bytes) -> bytes:
    """Over everything but the digest itself."""
    return hmac.digest(key, blob[:start] + blob[start + DIGEST_BYTES :], "sha256")


def _s1(size_bytes: int, place: int) -> bytes:
    """With its digest in the half where the client has its own."""
    blob = bytes(4) + _SERVER_VERSION + os.urandom(size_bytes - 8)
    start = _digest_start(blob, place)
    return blob[:start] + _digest_of(blob, start, _SERVER_KEY) + blob[start + DIGEST_BYTES :]


def _s2(size_bytes: int, client_digest: bytes) -> bytes:
    """Random bytes, signed with a key made from the client's digest."""
    key = hmac.digest(_SERVER_KEY + _KEY_TAIL, client_digest, "sha256")
    random = os.urandom(size_bytes - DIGEST_BYTES)
    return random + hmac.digest(key, random, "sha256")
