"""SRT's key exchange and decryption (draft-sharabayko-srt §3.2.2, §6), as libsrt does it where the draft differs.

    passphrase, salt ─ PBKDF2 ─► key-encrypting key ─ AES key unwrap ─► stream key (even, odd) ─► AES-CTR or AES-GCM

A caller sends its key material with the handshake, and again when it changes keys; the answer is its echo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from ingest.srt.errors import KeyMaterialError, Rejection
from ingest.srt.packets import HEADER_BYTES, RETRANSMITTED_FLAG, DataPacket, KeyFlag

MAX_KEY_MATERIAL_BYTES = 104
"""Header, salt, and two keys of 32 bytes with the wrap's 8."""
GCM_TAG_BYTES = 16

_ITERATIONS = 2048
_HEADER_BYTES = 16
_SALT_BYTES = 16
_WRAP_BYTES = 8
_FIRST_WORD = bytes.fromhex("12 2029")
"""Version 1, packet type 2, and the signature "HAI"."""
_KEY_SIZES = (16, 24, 32)
_AUTHENTICATED_BITS = ~(RETRANSMITTED_FLAG << 64)
"""Of a header: a packet that is sent again is the same but for its flag."""


class CipherId:
    """§3.2.2, Cipher."""

    CTR = 2
    GCM = 4


class CryptoState:
    """What a KMRSP of one word says: why there is no agreement. Little-endian on the wire, as libsrt has it."""

    NO_SECRET = 3
    BAD_SECRET = 4
    BAD_CRYPTO_MODE = 5


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A key material message."""

    key_flags: int
    """KeyFlag bits: which keys it brings."""
    cipher: int
    salt: bytes
    key_bytes: int
    wrapped: bytes = field(repr=False)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Raises KeyMaterialError."""
        if not _HEADER_BYTES + _SALT_BYTES < len(body) <= MAX_KEY_MATERIAL_BYTES or body[:3] != _FIRST_WORD:
            raise KeyMaterialError(Rejection.ROGUE, "key material is malformed")
        key_flags, cipher, salt_words, key_words = body[3] & 3, body[8], body[14], body[15]
        key_bytes, key_count = key_words * 4, key_flags.bit_count()
        wrapped = body[_HEADER_BYTES + _SALT_BYTES :]
        is_sound = salt_words * 4 == _SALT_BYTES and key_bytes in _KEY_SIZES and key_count
        if not is_sound or len(wrapped) != key_count * key_bytes + _WRAP_BYTES:
            raise KeyMaterialError(Rejection.ROGUE, "key material is malformed")
        if cipher not in (CipherId.CTR, CipherId.GCM):
            raise KeyMaterialError(Rejection.CRYPTO, f"cipher {cipher} is not offered")
        return cls(key_flags, cipher, body[_HEADER_BYTES : _HEADER_BYTES + _SALT_BYTES], key_bytes, wrapped)

    def unwrap(self, passphrase: str) -> StreamKeys:
        """The stream keys. Raises KeyMaterialError for a wrong passphrase. Takes about a millisecond."""
        # The salt's last 8 bytes only (§6.2.1).
        derivation = PBKDF2HMAC(SHA1(), self.key_bytes, self.salt[8:], _ITERATIONS)  # noqa: S303 the protocol's choice
        try:
            keys = aes_key_unwrap(derivation.derive(passphrase.encode()), self.wrapped)
        except InvalidUnwrap:
            raise KeyMaterialError(Rejection.BAD_SECRET, "wrong passphrase") from None
        flags = [flag for flag in (KeyFlag.EVEN, KeyFlag.ODD) if self.key_flags & flag]
        key_type = _GcmKey if self.cipher == CipherId.GCM else _CtrKey
        return StreamKeys(
            {
                int(flag): key_type(keys[index * self.key_bytes : (index + 1) * self.key_bytes], self.salt)
                for index, flag in enumerate(flags)
            }
        )


@dataclass(frozen=True, slots=True)
class StreamKeys:
    """Keys in force, by KeyFlag."""

    _keys: dict[int, _PayloadKey] = field(repr=False)

    def renewed(self, other: StreamKeys) -> StreamKeys:
        """After a key refresh: the new keys, and the old one that packets under way still need."""
        return StreamKeys(self._keys | other._keys)

    def decrypt(self, packet: DataPacket) -> bytes | None:
        """The payload in clear; None when it cannot be had: no such key, or forged (GCM)."""
        key = self._keys.get(packet.key)
        return None if key is None else key.decrypt(packet)


class _PayloadKey(Protocol):
    """One stream key, ready for use."""

    def decrypt(self, packet: DataPacket) -> bytes | None: ...


class _CtrKey:
    """§6.2.2. The counter's bytes 10 to 13 are the sequence number, all but its last two are XORed with the salt."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._counter = int.from_bytes(salt[:14]) << 16
        self._decryptor = Cipher(algorithms.AES(key), modes.CTR(self._counter.to_bytes(16))).decryptor()

    def decrypt(self, packet: DataPacket) -> bytes:
        self._decryptor.reset_nonce((self._counter ^ packet.sequence << 16).to_bytes(16))
        return self._decryptor.update(packet.payload)


class _GcmKey:
    """As libsrt 1.5.4 has it; the draft knows no AES-GCM."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._nonce = int.from_bytes(salt[:12])
        self._cipher = AESGCM(key)

    def decrypt(self, packet: DataPacket) -> bytes | None:
        if len(packet.datagram) < HEADER_BYTES + GCM_TAG_BYTES:
            return None
        nonce = (self._nonce ^ packet.sequence).to_bytes(12)
        header = int.from_bytes(packet.datagram[:HEADER_BYTES]) & _AUTHENTICATED_BITS
        try:
            return self._cipher.decrypt(nonce, packet.payload, header.to_bytes(HEADER_BYTES))
        except InvalidTag:
            return None
