"""SRT passphrases: made, or read from a file, because on a command line everybody could read them.

PinkmediaError
└── UsageError
    └── BadPassphrase    one that SRT does not take
"""

from __future__ import annotations

import secrets
from pathlib import Path

from pinkmedia.errors import UsageError
from pinkmedia.secret_files import read_first_line

MIN_CHARACTERS = 10
MAX_CHARACTERS = 79
"""libsrt's limits for SRTO_PASSPHRASE."""
GENERATED_BYTES = 18
"""24 characters."""


class BadPassphrase(UsageError):
    """The text says what would be accepted."""


def generate_passphrase() -> str:
    """One that nobody guesses, of characters that need no escaping in a URL."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def read_passphrase(path: Path) -> str:
    """The first line of a file. Raises BadPassphrase, which does not repeat it."""
    text = read_first_line(path, BadPassphrase)
    if not MIN_CHARACTERS <= len(text.encode()) <= MAX_CHARACTERS:
        raise BadPassphrase(f"{path}: an SRT passphrase has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    return text
