"""The stream store, on a real file."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from pinkmedia.errors import EnvironmentFault
from pinkmedia.keys import is_key
from pinkmedia.store import DATABASE_NAME, BadStreamName, StreamExists, StreamStore, UnknownStream

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StreamStore]:
    opened = await StreamStore.open(tmp_path / "data")
    yield opened
    await opened.close()


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


async def test_a_name_is_taken_once(store: StreamStore) -> None:
    await store.create("alice")
    with pytest.raises(StreamExists, match="stream 'alice' exists already"):
        await store.create("alice")
    assert len(await store.list()) == 1


async def test_only_a_stream_that_exists_gets_a_new_key(store: StreamStore) -> None:
    with pytest.raises(UnknownStream, match="there is no stream 'alice'"):
        await store.rotate_key("alice")


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


async def test_folder_and_files_belong_to_their_owner_alone(store: StreamStore, tmp_path: Path) -> None:
    await store.create("alice")
    folder = tmp_path / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_streams_outlive_the_store(tmp_path: Path) -> None:
    first = await StreamStore.open(tmp_path)
    stream, _key = await first.create("alice")
    await first.close()
    second = await StreamStore.open(tmp_path)
    assert await second.list() == [stream]
    await second.close()


async def test_two_stores_write_to_one_file_at_once(store: StreamStore, tmp_path: Path) -> None:
    other = await StreamStore.open(tmp_path / "data")
    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(store.create, f"a{number}")
            group.start_soon(other.create, f"b{number}")
    assert len(await store.list()) == len(await other.list()) == 20
    await other.close()


async def test_stores_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    async def open_and_close() -> None:
        await (await StreamStore.open(tmp_path)).close()

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(open_and_close)


async def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match=r"cannot write to the data folder .*--data-dir"):
        await StreamStore.open(tmp_path / "file" / "data")


async def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_text("not a database, but long enough to be looked at" * 10)
    with pytest.raises(EnvironmentFault, match=r"cannot use the database .*not a database"):
        await StreamStore.open(tmp_path)


async def test_a_failing_file_is_one_clear_line(store: StreamStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "data" / DATABASE_NAME) as database:
        database.execute("DROP TABLE stream")
    database.close()
    with pytest.raises(EnvironmentFault, match="cannot use the database"):
        await store.list()
