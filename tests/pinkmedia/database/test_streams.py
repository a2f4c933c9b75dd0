"""The stream store, on a real file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pinkmedia.database.engine import Database
from pinkmedia.database.streams import BadStreamName, StreamExists, StreamStore, UnknownStream
from pinkmedia.keys import is_key
from pinkmedia.tiers import Tier

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StreamStore]:
    async with Database.opened(tmp_path / "data") as database:
        yield StreamStore(database)


async def test_a_new_stream_is_found_by_its_name_and_its_key(store: StreamStore) -> None:
    stream, key = await store.create("alice")
    assert is_key(key)
    assert stream.key_hint == key[-4:]
    assert await store.find_by_name("alice") == stream
    assert await store.find_by_key(key) == stream


async def test_what_nobody_made_is_not_found(store: StreamStore) -> None:
    await store.create("alice")
    assert await store.find_by_name("bob") is None
    for key in ("", "pk_", "pk_" + "A" * 43, "\udcff", "a\x00b", "ключ"):
        assert await store.find_by_key(key) is None


async def test_streams_are_listed_by_name(store: StreamStore) -> None:
    for name in ("carol", "alice", "bob"):
        await store.create(name)
    assert [stream.name for stream in await store.list()] == ["alice", "bob", "carol"]


async def test_a_rotated_key_replaces_the_old_one(store: StreamStore) -> None:
    before, old_key = await store.create("alice")
    new_key = await store.rotate_key("alice")
    after = await store.find_by_key(new_key)
    assert await store.find_by_key(old_key) is None
    assert after is not None
    assert after.id == before.id
    assert after.created_at == before.created_at
    assert after.key_rotated_at > before.key_rotated_at


async def test_a_stream_is_standard_and_not_blocked_until_told_otherwise(store: StreamStore) -> None:
    alice, _key = await store.create("alice")
    bob, _key = await store.create("bob", Tier.PARTNER)
    assert (alice.tier, alice.is_blocked, bob.tier) == (Tier.STANDARD, False, Tier.PARTNER)


async def test_a_tier_and_a_block_change_nothing_else(store: StreamStore) -> None:
    before, key = await store.create("alice")
    await store.create("bob")
    await store.set_tier("alice", Tier.PASSTHROUGH)
    await store.set_blocked("alice", True)
    assert await store.find_by_key(key) == replace(before, tier=Tier.PASSTHROUGH, is_blocked=True)
    await store.set_private("alice", True)
    private = await store.find_by_name("alice")
    assert private is not None
    assert private.is_private
    await store.set_private("alice", False)
    await store.set_blocked("alice", False)
    alice, bob = await store.list()
    assert alice == replace(before, tier=Tier.PASSTHROUGH)
    assert bob.tier is Tier.STANDARD


async def test_an_srt_passphrase_comes_and_goes(store: StreamStore) -> None:
    stream, key = await store.create("alice")
    assert stream.srt_passphrase is None
    await store.set_srt_passphrase("alice", "a passphrase")
    found = await store.find_by_key(key)
    assert found is not None
    assert found.srt_passphrase == "a passphrase"
    assert "a passphrase" not in repr(found)
    await store.set_srt_passphrase("alice", None)
    assert await store.find_by_key(key) == stream
    with pytest.raises(UnknownStream):
        await store.set_srt_passphrase("bob", "a passphrase")


async def test_a_name_is_taken_once(store: StreamStore) -> None:
    await store.create("alice")
    with pytest.raises(StreamExists, match="stream 'alice' exists already"):
        await store.create("alice")
    assert len(await store.list()) == 1


async def test_only_a_stream_that_exists_gets_a_new_key(store: StreamStore) -> None:
    with pytest.raises(UnknownStream, match="there is no stream 'alice'"):
        await store.rotate_key("alice")


async def test_only_a_stream_that_exists_gets_a_tier_or_a_block(store: StreamStore) -> None:
    with pytest.raises(UnknownStream):
        await store.set_tier("alice", Tier.PARTNER)
    with pytest.raises(UnknownStream):
        await store.set_blocked("alice", True)


@pytest.mark.parametrize("name", ["", "A", "-a", "_a", "a b", "a/b", "ä", "a\n", "a" * 64])
async def test_names_fit_a_url(store: StreamStore, name: str) -> None:
    with pytest.raises(BadStreamName):
        await store.create(name)


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "a" * 63])
async def test_names_that_are_accepted(store: StreamStore, name: str) -> None:
    stream, _key = await store.create(name)
    assert stream.name == name


async def test_no_key_is_stored(store: StreamStore, tmp_path: Path) -> None:
    _stream, key = await store.create("alice")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"alice" in stored
    assert key.encode() not in stored
