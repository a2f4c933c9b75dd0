"""The token with which an operator's or a site's own programs may use the whole API.

Authorization: Bearer {token}
"""

from __future__ import annotations

import hmac
from pathlib import Path

from pinkmedia.errors import UsageError
from pinkmedia.secret_files import read_first_line

MIN_CHARACTERS = 32
"""Guessing is hopeless then: 16 random bytes in hexadecimal."""


class BadAdminToken(UsageError):
    """The text says what would be accepted."""


class AdminToken:
    """Knows the token when it is presented, and shows it to nobody."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def is_presented(self, authorization: str | None) -> bool:
        """Whether an ``Authorization`` header holds it (RFC 6750 §2.1)."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token)


def read_admin_token(path: Path) -> AdminToken:
    """The token in the first line of a file. Raises BadAdminToken, which does not repeat it."""
    token = read_first_line(path, BadAdminToken).strip()
    if len(token) < MIN_CHARACTERS or not token.isascii() or " " in token:
        raise BadAdminToken(
            f"{path}: the token needs at least {MIN_CHARACTERS} characters and no spaces;"
            " to make one: openssl rand -hex 32"
        )
    return AdminToken(token)
