"""What a worker cannot do, tried in real worker processes."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.transcode.sources import encoded_source
from tests.transcode.test_pool import happens, run_before_workers, running_pool, start
from transcode.pool import TranscodeWorker
from transcode.sandbox import (
    ADDRESS_SPACE_BYTES,
    MEASURES,
    NICENESS,
    OPEN_FILES,
    OUT_OF_MEMORY_SCORE,
    REFUSABLE,
    missing_measures,
)

pytestmark = pytest.mark.anyio

TRY_AND_TELL = """
import os, socket, sys
from transcode import engine
from transcode.faults import TranscodeFault

def attempt():
{attempt}

def tried(*arguments, **named):
    try:
        attempt()
    except Exception as error:
        raise TranscodeFault(f"refused: {{type(error).__name__}}") from None
    raise TranscodeFault("it could")

engine.Engine.__init__ = tried
"""
"""Runs in the worker when it is configured, and tells by its failure how the attempt ended."""


@pytest.fixture
async def worker() -> AsyncIterator[TranscodeWorker]:
    async with running_pool() as pool:
        worker = pool.take()
        await worker.wait_until_warm()
        yield worker


async def outcome(attempt: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, TranscodeWorker]:
    """How this code, run in a configured worker, ended."""
    indented = "\n".join(f"    {line}" for line in attempt.splitlines())
    run_before_workers(TRY_AND_TELL.format(attempt=indented), folder, monkeypatch)
    async with running_pool() as pool:
        worker, sink = start(pool, encoded_source(1)[0])
        await happens(sink.has_failed)
        return sink.failures[0], worker


async def test_what_every_kernel_grants_is_in_force(worker: TranscodeWorker) -> None:
    assert set(missing_measures(worker.sandbox)) <= REFUSABLE
    assert missing_measures(tuple(MEASURES)) == ()


async def test_limits(worker: TranscodeWorker) -> None:
    assert worker.pid is not None
    limits = {
        resource.RLIMIT_AS: ADDRESS_SPACE_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    assert {which: resource.prlimit(worker.pid, which) for which in limits} == {
        which: (value, value) for which, value in limits.items()
    }


async def test_it_gives_way_and_dies_before_the_node(worker: TranscodeWorker) -> None:
    assert worker.pid is not None
    if "low_priority" in worker.sandbox:
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
    if "first_out_of_memory" in worker.sandbox:
        assert int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text()) == OUT_OF_MEMORY_SCORE


async def test_it_has_no_privileges_and_cannot_gain_any(worker: TranscodeWorker) -> None:
    threads = list(Path(f"/proc/{worker.pid}/task").iterdir())
    assert len(threads) > 1  # its privileges are each thread's own
    for thread in threads:
        status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines())
        assert status["NoNewPrivs"] == "1"
        if "no_capabilities" in worker.sandbox:
            assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff")} == {0}


async def test_it_has_its_socket_and_standard_streams_and_nothing_else(worker: TranscodeWorker) -> None:
    links = {fd.name: str(fd.readlink()) for fd in Path(f"/proc/{worker.pid}/fd").iterdir()}
    kinds = {name: link.split(":")[0] for name, link in links.items()}
    assert [kinds.pop(name) for name in ("0", "1", "2")] == ["/dev/null", "/dev/null", "pipe"]
    assert list(kinds.values()) == ["socket"]


async def test_it_stands_in_no_folder_that_matters(worker: TranscodeWorker) -> None:
    assert Path(f"/proc/{worker.pid}/cwd").readlink() == Path("/")


async def test_it_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = f"with open({str(tmp_path / 'loot')!r}, 'wb', 0) as file:\n    file.write(b'x')"
    failure, worker = await outcome(attempt, tmp_path, monkeypatch)
    # In a user namespace of its own it may not even make an empty one in some folders.
    assert failure.startswith("refused: ")
    assert not (tmp_path / "loot").exists() or (tmp_path / "loot").stat().st_size == 0
    assert "no_file_written" in worker.sandbox


async def test_it_maps_no_endless_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failure, _worker = await outcome(f"bytearray({ADDRESS_SPACE_BYTES})", tmp_path, monkeypatch)
    assert failure == "refused: MemoryError"


async def test_it_reaches_nobody_by_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visited = asyncio.Event()
    server = await asyncio.start_server(lambda _reader, _writer: visited.set(), "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        attempt = f"socket.create_connection(({host!r}, {port}), 5).close()"
        failure, worker = await outcome(attempt, tmp_path, monkeypatch)
        if "no_network" in worker.sandbox:
            assert failure == "refused: OSError"
        else:
            await happens(visited)


async def test_what_it_writes_on_standard_error_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    failure, _worker = await outcome("print('a word', file=sys.stderr, flush=True)", tmp_path, monkeypatch)
    assert failure == "it could"
    assert "a word" in capfd.readouterr().out
