"""The handshake's two forms. The client's side is written down here anew, so that both must agree."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from ingest.rtmp.handshake import BLOB_BYTES, ServerHandshake

FLASH_PLAYER = b"Genuine Adobe Flash Player 001"
MEDIA_SERVER = b"Genuine Adobe Flash Media Server 001"
TAIL = bytes.fromhex("F0EEC24A 8068BEE8 2E00D0D1 029E7E57 6EEC5D2D 29806FAB 93B8E636 CFEB31AE")
FIRST_HALF, SECOND_HALF = 8, 772


def sha256(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def digest_at(blob: bytes, half: int) -> int:
    return half + 4 + sum(blob[half : half + 4]) % 728


def signed(blob: bytes, half: int, key: bytes) -> bytes:
    at = digest_at(blob, half)
    return blob[:at] + sha256(key, blob[:at] + blob[at + 32 :]) + blob[at + 32 :]


def c1_with(version: bytes, fill: int = 7) -> bytes:
    return bytes(4) + version + bytes((index * fill) % 251 for index in range(BLOB_BYTES - 8))


def answer_to(c1: bytes) -> tuple[bytes, bytes]:
    handshake = ServerHandshake()
    assert handshake.receive_data(b"\x03" + c1) == b""
    s0_s1_s2 = handshake.data_to_send()
    assert len(s0_s1_s2) == 1 + 2 * BLOB_BYTES
    assert s0_s1_s2[0] == 3
    assert handshake.receive_data(bytes(BLOB_BYTES) + b"next") == b"next"
    assert handshake.is_complete
    return s0_s1_s2[1 : 1 + BLOB_BYTES], s0_s1_s2[1 + BLOB_BYTES :]


@pytest.mark.parametrize("half", [FIRST_HALF, SECOND_HALF])
@pytest.mark.parametrize("fill", [1, 7, 250])
def test_a_digest_is_answered_with_digests_in_the_same_half(half: int, fill: int) -> None:
    c1 = signed(c1_with(b"\x80\x00\x07\x02", fill), half, FLASH_PLAYER)
    s1, s2 = answer_to(c1)
    assert any(s1[4:8])
    assert signed(s1, half, MEDIA_SERVER) == s1
    at = digest_at(c1, half)
    assert s2[-32:] == sha256(sha256(MEDIA_SERVER + TAIL, c1[at : at + 32]), s2[:-32])


@pytest.mark.parametrize(
    "c1",
    [
        pytest.param(c1_with(bytes(4)), id="version zero"),
        pytest.param(c1_with(b"\x09\x00\x7c\x02"), id="no digest in spite of a version"),
        pytest.param(signed(c1_with(b"\x09\x00\x7c\x02"), FIRST_HALF, b"another key"), id="wrong key"),
    ],
)
def test_anything_else_is_answered_in_the_simple_form(c1: bytes) -> None:
    s1, s2 = answer_to(c1)
    assert s1[:8] == bytes(8)
    assert s2 == c1


def test_answers_differ_from_connection_to_connection() -> None:
    c1 = c1_with(bytes(4))
    assert answer_to(c1)[0] != answer_to(c1)[0]
