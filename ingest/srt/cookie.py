"""The SYN cookie (draft-sharabayko-srt §3.2.1): proof that a caller receives at its address, kept by nobody."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

WINDOW_SECONDS = 64
"""A cookie is good in its window and the next one: a caller tries for 3 s."""

_SECRET_BYTES: Final = 32


class CookieBaker:
    """Makes and checks cookies with a secret of this process. ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(_SECRET_BYTES)

    def bake(self, address: tuple[str, int], now: float) -> int:
        return self._cookie(address, int(now // WINDOW_SECONDS))

    def is_good(self, cookie: int, address: tuple[str, int], now: float) -> bool:
        window = int(now // WINDOW_SECONDS)
        return any(
            hmac.compare_digest(cookie.to_bytes(4), self._cookie(address, each).to_bytes(4))
            for each in (window, window - 1)
        )

    def _cookie(self, address: tuple[str, int], window: int) -> int:
        host, port = address
        digest = hmac.digest(self._secret, f"{host} {port} {window}".encode(), "sha256")
        return int.from_bytes(digest[:4]) or 1  # 0 is what a caller without a cookie sends
