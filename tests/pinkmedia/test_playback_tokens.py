"""Signed playback addresses: what opens a private stream and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from pinkmedia.playback_tokens import BadPlaybackSecret, PlaybackRefused, PlaybackSigner, read_signer

SECRET = b"0123456789abcdef0123456789abcdef"
SIGNER = PlaybackSigner([SECRET])
NOW = 1_764_000_000
VIEWER = "192.0.2.7"


def test_the_token_is_what_the_documents_say() -> None:
    digest = hmac.new(SECRET, f"pinkmedia playback\nalice\n{NOW}\n".encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert SIGNER.sign("alice", NOW) == f"{NOW}.{signature}"


def test_it_opens_its_stream_until_it_expires() -> None:
    token = SIGNER.sign("alice", NOW)
    SIGNER.check(token, "alice", VIEWER, NOW - 1)
    with pytest.raises(PlaybackRefused, match="has expired"):
        SIGNER.check(token, "alice", VIEWER, NOW)


def test_it_opens_no_other_stream() -> None:
    with pytest.raises(PlaybackRefused, match="not valid"):
        SIGNER.check(SIGNER.sign("alice", NOW), "bob", VIEWER, NOW - 1)


@pytest.mark.parametrize(
    ("address", "viewer", "is_let_in"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.7", "", False),
    ],
)
def test_it_may_be_for_one_address(address: str, viewer: str, is_let_in: bool) -> None:
    token = SIGNER.sign("alice", NOW, address)
    if is_let_in:
        SIGNER.check(token, "alice", viewer, NOW - 1)
        return
    with pytest.raises(PlaybackRefused, match="not valid where you are"):
        SIGNER.check(token, "alice", viewer, NOW - 1)


def test_the_bond_cannot_be_taken_off_or_put_on() -> None:
    bound, free = SIGNER.sign("alice", NOW, VIEWER), SIGNER.sign("alice", NOW)
    for forged in (bound.replace(".ip", ""), free.replace(".", ".ip.")):
        with pytest.raises(PlaybackRefused):
            SIGNER.check(forged, "alice", VIEWER, NOW - 1)


def test_the_time_cannot_be_changed() -> None:
    token = SIGNER.sign("alice", NOW)
    for forged in (token.replace(str(NOW), str(NOW + 1)), "0" + token):
        with pytest.raises(PlaybackRefused, match="not valid"):
            SIGNER.check(forged, "alice", VIEWER, NOW - 1)


@pytest.mark.parametrize("index", range(len(SIGNER.sign("alice", NOW))))
def test_every_character_counts(index: int) -> None:
    token = SIGNER.sign("alice", NOW)
    other = "B" if token[index] == "A" else "A"
    with pytest.raises(PlaybackRefused):
        SIGNER.check(token[:index] + other + token[index + 1 :], "alice", VIEWER, NOW - 1)


@pytest.mark.parametrize("token", ["", ".", "1.2", "x" * 1000, f"{NOW}.", "9" * 30 + "." + "A" * 43, "é" * 43])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(PlaybackRefused, match="not complete"):
        SIGNER.check(token, "alice", VIEWER, NOW - 1)


def test_secrets_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "secrets.txt"
    file.write_text("b" * 64 + "\n" + SECRET.decode() + "\n")
    both = read_signer(file)
    both.check(SIGNER.sign("alice", NOW), "alice", VIEWER, NOW - 1)
    with pytest.raises(PlaybackRefused):
        SIGNER.check(both.sign("alice", NOW), "alice", VIEWER, NOW - 1)


@pytest.mark.parametrize("text", ["", "\n", "short\n", "a" * 40 + "\nshort\n", ("a" * 40 + "\n") * 9])
def test_a_file_that_cannot_be_used(text: str, tmp_path: Path) -> None:
    file = tmp_path / "secrets.txt"
    file.write_text(text)
    with pytest.raises(BadPlaybackSecret, match="1 to 8 secrets of at least 32 characters") as refused:
        read_signer(file)
    assert "short" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadPlaybackSecret, match=r"no\.txt: cannot be read: No such file"):
        read_signer(tmp_path / "no.txt")
