"""The RTMP handshake (RTMP 1.0 §5.2), server side.

    client ─► C0 (version) C1 (1536 bytes)
              S0 S1 S2 ─► client               one write
    client ─► C2 (1536 bytes)                  counted, not compared: encoders send unusual ones

In the simple form S2 echoes C1, and S1 declares version zero, which tells clients that it carries no digest. A C1 with
a digest is answered with digests (`handshake_digest`).
"""

from __future__ import annotations

import os

from ingest.rtmp import handshake_digest
from ingest.rtmp.errors import HandshakeError

VERSION = 3
BLOB_BYTES = 1536
"""Of C1, C2, S1 and S2 each."""
RTMPE_VERSION = 6


class ServerHandshake:
    """Takes bytes until the handshake is complete."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._has_answered = False
        self._outgoing = b""

    @property
    def is_complete(self) -> bool:
        return len(self._received) >= 1 + 2 * BLOB_BYTES

    def receive_data(self, data: bytes) -> bytes:
        """Bytes from the peer; returns those that lie behind the handshake. Raises HandshakeError."""
        missing = 1 + 2 * BLOB_BYTES - len(self._received)
        self._received += data[:missing]
        if self._received:
            _check_version(self._received[0])
        if not self._has_answered and len(self._received) > BLOB_BYTES:
            self._answer(bytes(self._received[1 : 1 + BLOB_BYTES]))
        return data[missing:]

    def data_to_send(self) -> bytes:
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def _answer(self, c1: bytes) -> None:
        s1, s2 = handshake_digest.answer(c1) or (bytes(8) + os.urandom(BLOB_BYTES - 8), c1)
        self._outgoing = bytes((VERSION,)) + s1 + s2
        self._has_answered = True


def _check_version(version: int) -> None:
    if version == VERSION:
        return
    if version == RTMPE_VERSION:
        raise HandshakeError("RTMPE is not supported; use an rtmp:// URL")
    raise HandshakeError(f"not RTMP: the first byte is {version}, not {VERSION}")
