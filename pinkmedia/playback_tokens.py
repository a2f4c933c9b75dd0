"""Playback tokens: who has one may watch a private stream until it expires.

    /signed/{token}/live/alice/index.m3u8
            {expires}.{signature}         for anybody
            {expires}.ip.{signature}      for one address; of IPv6, one /64

``expires`` is Unix seconds; the signature is HMAC-SHA256 in base64url over the stream's name, ``expires`` and the
address. A token stands in the path, before all that playlists name relatively: so everything that a playback asks for
inherits it, and a cache strips it as one piece. It says nothing secret and cannot be changed; the secret stays in its
file and in the processes that sign and check.

    PinkmediaError
    ├── UsageError
    │   └── BadPlaybackSecret   a file that cannot be used
    └── PlaybackRefused         a token that opens nothing; the text is for the viewer
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

from pinkmedia.address_limits import address_group
from pinkmedia.errors import PinkmediaError, UsageError
from pinkmedia.secret_files import read_secret_file

MIN_SECRET_CHARACTERS = 32
"""256 bits in hexadecimal have 64; half of that is beyond any search, too."""
MAX_SECRETS = 8
"""A new one and those whose addresses have not expired; each costs a bad token one more hash."""

_TOKEN = re.compile(r"(?P<expires>\d{1,12})(?P<bound>\.ip)?\.(?P<signature>[A-Za-z0-9_-]{43})", re.ASCII)


class BadPlaybackSecret(UsageError):
    """The text says what would be accepted, and does not repeat the file."""


class PlaybackRefused(PinkmediaError):
    """The text says why."""


class PlaybackSigner:
    """Signs with the first secret, and takes what any of them has signed."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self.secrets = tuple(secrets)

    def sign(self, stream_name: str, expires: int, address: str | None = None) -> str:
        """A token for a stream until ``expires`` (Unix seconds); with an address, for nobody else."""
        signature = _signature(self.secrets[0], stream_name, str(expires), address)
        return f"{expires}{'.ip' if address is not None else ''}.{signature}"

    def check(self, token: str, stream_name: str, address: str, now: float) -> None:
        """``address`` is the viewer's, ``now`` is Unix seconds. Raises PlaybackRefused."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise PlaybackRefused("The signature of this address is not complete.")
        bound_to = address if match["bound"] else None
        wanted = (_signature(secret, stream_name, match["expires"], bound_to) for secret in self.secrets)
        if not any(hmac.compare_digest(match["signature"], each) for each in wanted):
            where = " where you are" if match["bound"] else ""
            raise PlaybackRefused(f"The signature of this address is not valid{where}.")
        if int(match["expires"]) <= now:
            raise PlaybackRefused("This address has expired.")


def _signature(secret: bytes, stream_name: str, expires: str, address: str | None) -> str:
    bound_to = "" if address is None else address_group(address)
    message = f"pinkmedia playback\n{stream_name}\n{expires}\n{bound_to}"
    return urlsafe_b64encode(hmac.digest(secret, message.encode(), "sha256")).decode().rstrip("=")


def read_signer(path: Path) -> PlaybackSigner:
    """The signer with the secrets of a file, one a line. Raises BadPlaybackSecret."""
    lines = read_secret_file(path, BadPlaybackSecret).split()
    if not 1 <= len(lines) <= MAX_SECRETS or min(map(len, lines)) < MIN_SECRET_CHARACTERS:
        raise BadPlaybackSecret(
            f"{path}: needs 1 to {MAX_SECRETS} secrets of at least {MIN_SECRET_CHARACTERS} characters, one a line"
            " and without spaces; to make one: openssl rand -hex 32"
        )
    return PlaybackSigner([line.encode() for line in lines])
