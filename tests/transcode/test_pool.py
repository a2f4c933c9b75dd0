"""Real worker processes: what they make, how they end, and that their end is always noticed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import structlog

from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Packet, Rendition, VideoTrack
from tests.codecs.published import SVT_AV1, VPX_VP9, X265, Encoder, video_source
from tests.transcode.sources import FRAME_TICKS, ORIGIN_TICKS, decoded, encoded_source
from transcode import watchdog, worker_process
from transcode.ladder import Rung
from transcode.messages import Progress
from transcode.outbox import BACKLOG_SECONDS
from transcode.pool import TranscodeWorker, WorkerPool
from transcode.stills import Stills

pytestmark = pytest.mark.anyio

RUNGS = (Rung("240p", 426, 240, Fraction(30), 400_000), Rung("120p", 214, 120, Fraction(30), 100_000))
FFMPEG_WITHOUT = """
from av.codec import codec, context

class CodecContext:
    @staticmethod
    def create(name, mode, whole=context.CodecContext):
        if name == "{codec}":
            raise codec.UnknownCodecError(name)
        return whole.create(name, mode)

context.CodecContext = CodecContext
"""
"""Run by the worker's interpreter before anything else."""
STUCK_FOR_EVER = """
import threading
from transcode import engine

engine.Engine.write = lambda self, packet: threading.Event().wait()
"""
FAULTY_THREAD = """
import threading
from transcode import encoder

def run(self, *arguments):
    if self.rung.name == "240p":
        raise MemoryError

encoder.RungEncoder._run = run
"""
DEADLINE_SECONDS = 30
"""Generous: a machine that runs the tests may be busy."""


class Recorder:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.renditions: list[Rendition] = []
        self.packets: dict[str, list[Packet]] = defaultdict(list)
        self.stills: list[Stills] = []
        self.paused: list[str] = []
        self.has_paused = asyncio.Event()
        self.failures: list[str] = []
        self.has_packets = asyncio.Event()
        self.has_failed = asyncio.Event()

    def on_rung_paused(self, rendition_name: str) -> None:
        self.paused.append(rendition_name)
        self.has_paused.set()

    def on_stills(self, stills: Stills) -> None:
        self.stills.append(stills)

    def on_renditions(self, renditions: Sequence[Rendition]) -> None:
        assert not self.packets
        self.renditions += renditions

    def on_packet(self, rendition_name: str, packet: Packet) -> None:
        assert self.renditions
        assert not self.failures
        self.packets[rendition_name].append(packet)
        self.has_packets.set()

    def on_failure(self, reason: str) -> None:
        self.failures.append(reason)
        self.has_failed.set()


@asynccontextmanager
async def running_pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool()
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def start(pool: WorkerPool, source: VideoTrack) -> tuple[TranscodeWorker, Recorder]:
    worker, sink = pool.take(), Recorder()
    worker.configure(source, RUNGS, sink)
    return worker, sink


async def happens(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), DEADLINE_SECONDS)


def assert_complete(sink: Recorder, packets: list[Packet]) -> None:
    assert [rendition.name for rendition in sink.renditions] == ["240p", "120p"]
    for rendition in sink.renditions:
        assert isinstance(rendition.track, VideoTrack)
        made = sink.packets[rendition.name]
        assert [packet.pts_ticks for packet in made] == [packet.pts_ticks for packet in packets]
        assert {packet.track_id for packet in made} == {rendition.track.track_id}
        assert len(decoded(rendition.track, made)) == len(packets)
    assert sink.failures == []


async def test_draining_delivers_everything() -> None:
    source, packets = encoded_source(30)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.force_idr_at(ORIGIN_TICKS + 15 * FRAME_TICKS)
        for packet in packets:
            worker.write(packet)
        await worker.drain(DEADLINE_SECONDS)
        assert_complete(sink, packets)
        assert [packet.is_sync for packet in sink.packets["120p"]].index(True, 1) == 15
        assert not is_running(worker)


async def test_renditions_say_what_their_encoders_make() -> None:
    source, packets = encoded_source(2)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_packets)
        first = sink.renditions[0]
        assert isinstance(first.track, VideoTrack)
        assert (first.track.width, first.track.height, first.track.frame_rate) == (426, 240, Fraction(30))
        assert first.track.codec_string.startswith("avc1.6400")
        assert (first.bit_rate_bps, first.is_passthrough) == (400_000, False)


async def test_a_worker_that_still_starts_can_be_used_at_once() -> None:
    source, packets = encoded_source(5)
    pool = WorkerPool(spares=0)
    worker, sink = start(pool, source)
    for packet in packets:
        worker.write(packet)
    await worker.drain(DEADLINE_SECONDS)
    assert_complete(sink, packets)
    await pool.close()


async def test_a_killed_process_is_one_failure_and_the_next_worker_works() -> None:
    source, packets = encoded_source(5)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_packets)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await happens(sink.has_failed)
        worker.write(packets[1])
        worker.force_idr_at(packets[1].pts_ticks)
        await worker.wait_until_reaped()
        assert sink.failures == ["worker was killed by SIGKILL"]
        second, second_sink = start(pool, source)
        for packet in packets:
            second.write(packet)
        await second.drain(DEADLINE_SECONDS)
        assert_complete(second_sink, packets)


async def test_killing_is_silent() -> None:
    source, packets = encoded_source(1)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        worker.kill()
        worker.write(packets[0])
        await worker.wait_until_reaped()
        assert (sink.failures, dict(sink.packets)) == ([], {})
        assert not is_running(worker)


async def test_garbage_is_skipped() -> None:
    source, packets = encoded_source(20, gop_frames=10)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        for packet in [*packets[:5], *garbage(packets[5:10]), *packets[10:]]:
            worker.write(packet)
        await worker.drain(DEADLINE_SECONDS)
        assert_complete(sink, packets[:5] + packets[10:])


async def test_what_ffmpeg_says_of_garbage_is_logged_with_the_stream() -> None:
    source, packets = encoded_source(6)
    with structlog.testing.capture_logs() as said:
        async with running_pool() as pool:
            worker, sink = pool.take(), Recorder()
            worker.configure(source, RUNGS, sink, stream_name="alice")
            for packet in [packets[0], *garbage(packets[1:])]:
                worker.write(packet)
            await worker.drain(DEADLINE_SECONDS)
    lines = [line for line in said if line["event"] == "worker_said"]
    assert {(line["stream"], line["pid"]) for line in lines} == {("alice", worker.pid)}
    assert lines[0]["text"].startswith("[h264 @ ")
    assert "skipped" in lines[-1]["text"]


def garbage(packets: list[Packet]) -> list[Packet]:
    payloads = [b"", b"\x00", b"\xff" * 1000, b"\x00\x00\x00\x05\x65abcd", b"\x00\x00\x00\x01\x65"]
    return [replace(packet, payload=payload) for packet, payload in zip(packets, payloads, strict=True)]


async def test_a_source_that_is_too_large_is_a_failure_with_its_reason() -> None:
    source, _ = encoded_source(1)
    async with running_pool() as pool:
        _, sink = start(pool, replace(source, width=16384, height=8192))
        await happens(sink.has_failed)
        assert "pictures of 16384×8192 are too large" in sink.failures[0]


async def test_a_worker_that_falls_behind_is_given_up() -> None:
    source, packets = encoded_source(2)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        large = replace(packets[1], payload=bytes(100_000))
        for index in range(100):
            worker.write(replace(large, received_at=index * BACKLOG_SECONDS / 50))
        assert sink.failures == []  # never from within write()
        await happens(sink.has_failed)
        await worker.wait_until_reaped()
        assert sink.failures == ["worker fell too far behind its source"]


async def test_a_worker_without_memory_fails_and_the_others_go_on() -> None:
    source, packets = encoded_source(5)
    async with running_pool() as pool:
        sound, sound_sink = start(pool, source)
        poor = pool.take()
        await poor.wait_until_warm()
        assert poor.pid is not None
        resource.prlimit(poor.pid, resource.RLIMIT_AS, (1024 * 1024, 1024 * 1024))  # no more than it has
        poor_sink = Recorder()
        poor.configure(source, RUNGS, poor_sink)
        for packet in packets:
            poor.write(packet)
            sound.write(packet)
        await happens(poor_sink.has_failed)
        await sound.drain(DEADLINE_SECONDS)
        assert len(poor_sink.failures) == 1
        assert_complete(sound_sink, packets)


async def test_a_thread_that_fails_ends_its_worker_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_before_workers(FAULTY_THREAD, tmp_path, monkeypatch)
    source, packets = encoded_source(1)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_failed)
        assert sink.failures == ["MemoryError in encoder-240p"]


async def until_reported(worker: TranscodeWorker, taken: int, delivered_pts_ticks: int | None) -> Progress:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            report = worker.progress
            if report and (report.packets_taken, report.delivered_pts_ticks) == (taken, delivered_pts_ticks):
                return report
            await asyncio.sleep(0.02)


async def test_a_worker_reports_what_it_has_come_to_and_what_it_costs() -> None:
    source, packets = encoded_source(10)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        assert (await until_reported(worker, 0, None)).taken_pts_ticks is None
        for packet in packets:
            worker.write(replace(packet, received_at=time.monotonic()))
        report = await until_reported(worker, 10, packets[-1].pts_ticks)
        assert report.taken_pts_ticks == packets[-1].pts_ticks
        assert report.pictures_waiting <= 1  # of the rung that is behind
        assert report.resident_bytes > 10_000_000
        assert 0.0 < report.cpu_seconds <= pool.load.cpu_seconds
        assert pool.load.transcoding == 1
        assert 0.0 < worker.lag_seconds < DEADLINE_SECONDS
        assert sink.failures == []
        worker.kill()
        await worker.wait_until_reaped()
        assert (pool.load.transcoding, pool.load.lag_seconds) == (0, 0.0)
        assert pool.load.cpu_seconds >= report.cpu_seconds


async def test_a_stopped_process_is_noticed_without_a_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    source, packets = encoded_source(1)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_packets)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        monkeypatch.setattr(watchdog, "SILENT_SECONDS", 1.0)
        await happens(sink.has_failed)
        await worker.wait_until_reaped()
        assert sink.failures == ["worker hangs: not a word for 1 s"]


async def test_a_main_thread_that_is_stuck_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_before_workers(STUCK_FOR_EVER, tmp_path, monkeypatch)
    monkeypatch.setattr(watchdog, "STUCK_SECONDS", 1.0)
    source, packets = encoded_source(1)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_failed)
        await worker.wait_until_reaped()
        assert sink.failures == ["worker hangs: no packet taken in for 1 s"]


async def test_draining_a_stuck_worker_ends_in_time_and_reaps_it() -> None:
    source, packets = encoded_source(1)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        worker.write(packets[0])
        await happens(sink.has_packets)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)
        await worker.drain(0.1)
        assert not is_running(worker)
        assert sink.failures == []


async def test_closing_the_pool_leaves_no_process() -> None:
    source, _packets = encoded_source(1)
    async with running_pool() as pool:
        taken, _sink = start(pool, source)
        spare = pool.take()
        await spare.wait_until_warm()
    assert not is_running(taken)
    assert not is_running(spare)


async def test_a_worker_sees_nothing_of_the_nodes_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINKMEDIA_TEST_SECRET", "hush")
    async with running_pool() as pool:
        worker = pool.take()
        await worker.wait_until_warm()
        with open(f"/proc/{worker.pid}/environ", "rb") as environ:  # noqa: PTH123 - not a file on a disk
            assert b"hush" not in environ.read()


def run_workers_without(codec: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_before_workers(FFMPEG_WITHOUT.format(codec=codec), folder, monkeypatch)


def run_before_workers(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sitecustomize.py").write_text(script)
    environment = worker_process.environment()
    environment["PYTHONPATH"] = f"{folder}:{environment['PYTHONPATH']}"
    monkeypatch.setattr(worker_process, "environment", lambda: environment)


async def test_a_machine_without_a_codec_is_told_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_workers_without("libx264", tmp_path, monkeypatch)
    pool = WorkerPool()
    with pytest.raises(EnvironmentFault, match="FFmpeg lacks libx264"):
        await pool.start()
    await pool.close()


async def test_a_machine_without_a_decoder_fails_its_sources_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_workers_without("libdav1d", tmp_path, monkeypatch)
    source, packets = encoded_source(5)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        assert worker.missing_decoders == ("libdav1d",)
        for packet in packets:
            worker.write(packet)
        await worker.drain(DEADLINE_SECONDS)
        assert_complete(sink, packets)
        _, sink = start(pool, video_source(SVT_AV1)[0])
        await happens(sink.has_failed)
        assert sink.failures == ["FFmpeg lacks libdav1d, the decoder of av1: install PyAV's own wheel"]


@pytest.mark.parametrize("encoder", [X265, SVT_AV1, VPX_VP9], ids=repr)
async def test_sources_in_other_codecs(encoder: Encoder) -> None:
    source, packets = video_source(encoder)
    async with running_pool() as pool:
        worker, sink = start(pool, source)
        for packet in packets:
            worker.write(packet)
        await worker.drain(DEADLINE_SECONDS)
        assert_complete(sink, packets)


async def test_workers_die_with_their_node() -> None:
    node = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", NODE_SCRIPT), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    assert node.stdout is not None
    printed = b""
    while not printed.strip().isdigit():  # warnings may come first
        printed = await node.stdout.readline()
        assert printed, "the node has ended"
    worker = os.pidfd_open(int(printed))
    node.kill()
    await node.wait()
    has_died = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker, has_died.set)
    await happens(has_died)
    loop.remove_reader(worker)
    os.close(worker)


NODE_SCRIPT = """
import asyncio
from transcode.pool import WorkerPool

async def main():
    pool = WorkerPool()
    await pool.start()
    print(pool.take().pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def is_running(worker: TranscodeWorker) -> bool:
    assert worker.pid is not None
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    return True
