"""One connection's keys over its life (draft-sharabayko-srt §6.1.6): payloads in clear, and new keys while it lasts."""

from __future__ import annotations

from collections import deque

from ingest.srt.errors import KeyMaterialError, Rejection
from ingest.srt.key_material import CryptoState, KeyMaterial, StreamKeys
from ingest.srt.packets import DataPacket

MOST_REFRESHES_PER_MINUTE = 10
"""Each costs a millisecond of key derivation; senders refresh after hours."""

_MINUTE_US = 60_000_000


class Decryption:
    """``passphrase`` opens later keys. Times are monotonic microseconds."""

    def __init__(self, keys: StreamKeys, passphrase: str) -> None:
        self._keys = keys
        self._passphrase = passphrase
        self._refreshes_us: deque[int] = deque(maxlen=MOST_REFRESHES_PER_MINUTE)
        self._last_request = b""
        self._last_answer = b""

    def decrypt(self, packet: DataPacket) -> bytes | None:
        """The payload in clear; None when it cannot be had."""
        return self._keys.decrypt(packet)

    def refresh(self, body: bytes, now_us: int) -> bytes | None:
        """The answer to a key request; None when there have been too many. The peer repeats it until it is answered."""
        if body != self._last_request:
            refreshes_us = self._refreshes_us
            if len(refreshes_us) == MOST_REFRESHES_PER_MINUTE and now_us - refreshes_us[0] < _MINUTE_US:
                return None
            refreshes_us.append(now_us)
            self._last_request, self._last_answer = body, self._judge(body)
        return self._last_answer

    def _judge(self, body: bytes) -> bytes:
        """The request itself when its keys are in force now."""
        try:
            self._keys = self._keys.renewed(KeyMaterial.parse(body).unwrap(self._passphrase))
        except KeyMaterialError as error:
            is_cipher = error.rejection is Rejection.CRYPTO
            state = CryptoState.BAD_CRYPTO_MODE if is_cipher else CryptoState.BAD_SECRET
            return state.to_bytes(4, "little")
        return body
