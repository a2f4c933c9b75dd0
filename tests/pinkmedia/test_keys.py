"""Stream keys."""

from __future__ import annotations

import pytest

from pinkmedia.keys import generate_key, hash_key, is_key, key_hint, key_matches, redact_keys


def test_a_key_is_pk_and_256_random_bits() -> None:
    keys = {generate_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(is_key(key) and len(key) == len("pk_") + 43 for key in keys)


@pytest.mark.parametrize(
    "text", ["", "pk_", "pk_" + "a" * 42, "pk_" + "a" * 44, "pk_" + "a" * 43 + "\n", "PK_" + "a" * 43]
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert not is_key(text)


def test_a_key_matches_its_own_hash_only() -> None:
    key = generate_key()
    assert key_matches(key, hash_key(key))
    assert not key_matches(generate_key(), hash_key(key))


def test_the_hash_is_sha_256() -> None:
    assert hash_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_hint_is_the_end_of_a_key() -> None:
    assert key_hint("pk_" + "a" * 39 + "WXYZ") == "WXYZ"


def test_keys_are_masked_wherever_they_stand() -> None:
    key = generate_key()
    assert redact_keys(f"rtmp://host/live/{key}?a=1 {key}.") == "rtmp://host/live/pk_***?a=1 pk_***."
