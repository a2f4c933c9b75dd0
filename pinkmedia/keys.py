"""Stream keys: the secret that lets a publisher in.

A key is ``pk_`` and 256 random bits in base64url. Only its SHA-256 is stored: a slow, salted hash protects secrets
that people choose, whereas nobody can search 2^256 equally likely keys, and a plain digest can be looked up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

KEY_PREFIX = "pk_"
"""Makes a leaked key recognisable, to people and to the log's redaction."""
KEY_BYTES = 32
"""256 bits: beyond any search, so that the stored digest needs neither salt nor stretching."""
KEY_PATTERN = re.compile(r"pk_[A-Za-z0-9_-]{43}")
"""A key anywhere in a text."""
HINT_LENGTH = 4
"""Characters of a key that lists may show: enough to tell two keys apart, 24 of its 256 bits."""


def generate_key() -> str:
    """A new key."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return KEY_PATTERN.fullmatch(text) is not None


def hash_key(key: str) -> str:
    """SHA-256 in hex, as it is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_matches(key: str, key_hash: str) -> bool:
    """Whether a key is the one that was hashed, in constant time."""
    return hmac.compare_digest(hash_key(key), key_hash)


def key_hint(key: str) -> str:
    """The end of a key, fit to be shown."""
    return key[-HINT_LENGTH:]


def redact_keys(text: str) -> str:
    """A text with every key in it masked."""
    return KEY_PATTERN.sub(KEY_PREFIX + "***", text)
