"""RTMPS against the listening server, with real peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import uvloop
from anyio.abc import SocketStream
from anyio.streams.tls import TLSAttribute, TLSStream

from ingest.admission import Reception
from ingest.rtmp.server import RtmpServer
from ingest.rtmp.tls import PortTls
from pinkmedia.certificate import ServerCertificate
from tests.certificates import make_pair, subject_of, trusting_client
from tests.ingest.recording import KEY, RecordingDoor
from tests.ingest.rtmp.peer import HELLO, command, connect, message
from tests.ingest.rtmp.test_interop import AAC, AUDIO, run_ffmpeg
from tests.ingest.rtmp.test_server import AUDIO_HEADER, METADATA, read_until

pytestmark = pytest.mark.anyio

SOUND = message(b"\xaf\x01raw", type_id=8, csid=4)


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]]:
    """The program runs on uvloop; its sockets have ways of their own."""
    return "asyncio", {"loop_factory": uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop}


@pytest.fixture
def door() -> RecordingDoor:
    return RecordingDoor()


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    return ServerCertificate(make_pair(tmp_path, "old.example"))


@pytest.fixture
async def server(door: RecordingDoor) -> AsyncIterator[RtmpServer]:
    server = RtmpServer(Reception(door))
    yield server
    with anyio.fail_after(10):
        await server.close("test is over")
    assert server.connection_count == 0


@pytest.fixture
async def rtmps(server: RtmpServer, certificate: ServerCertificate) -> RtmpServer:
    await server.start("127.0.0.1", 0, PortTls(certificate.context, is_required=True))
    return server


async def open_tls(server: RtmpServer, *data: bytes, step: int = 65_536) -> TLSStream:
    stream = await TLSStream.wrap(
        await anyio.connect_tcp("127.0.0.1", server.port), ssl_context=trusting_client(), hostname="localhost"
    )
    for each in data:
        for start in range(0, len(each), step):
            await stream.send(each[start : start + step])
    return stream


async def publish_tls(server: RtmpServer, key: str = KEY) -> TLSStream:
    stream = await open_tls(server, HELLO, connect() + command("publish", 2, None, key, stream_id=1))
    await read_until(stream, b"NetStream.Publish.")
    return stream


async def read_to_end(stream: SocketStream | TLSStream) -> bytes:
    """Raises when the connection is reset, or cut without TLS's goodbye."""
    received = b""
    try:
        while True:
            received += await stream.receive()
    except anyio.EndOfStream:
        return received


async def test_ffmpeg_publishes(rtmps: RtmpServer, door: RecordingDoor) -> None:
    url = f"rtmps://127.0.0.1:{rtmps.port}/live/{KEY}"
    with anyio.fail_after(30):
        code, stderr = await run_ffmpeg(*AUDIO, *AAC, "-t", "1", "-f", "flv", "-tls_verify", "0", url)
        assert code == 0, stderr
        (publication,) = door.publications
        await publication.has_ended.wait()
    assert publication.ending == ("unpublished", True)
    assert len(publication.packets) >= 40
    assert [request.protocol for request in door.requests] == ["rtmps"]


async def test_ffmpeg_hears_why_its_key_is_refused(rtmps: RtmpServer) -> None:
    url = f"rtmps://127.0.0.1:{rtmps.port}/live/wrong-key"
    with anyio.fail_after(30):
        code, stderr = await run_ffmpeg(*AUDIO, *AAC, "-t", "1", "-f", "flv", "-tls_verify", "0", url)
    assert code != 0
    assert "wrong stream key" in stderr


async def test_ffmpeg_that_does_not_trust_the_certificate(rtmps: RtmpServer) -> None:
    url = f"rtmps://127.0.0.1:{rtmps.port}/live/{KEY}"
    with anyio.fail_after(30):
        code, _ = await run_ffmpeg(*AUDIO, *AAC, "-t", "1", "-f", "flv", "-tls_verify", "1", url)
        assert code != 0
        await rtmps.close("wait until it is counted")
    assert rtmps.counters.closed_by_reason == {"tls_failed": 1}


async def test_ffmpeg_with_plain_rtmp_on_the_rtmps_port(rtmps: RtmpServer) -> None:
    with anyio.fail_after(30):
        url = f"rtmp://127.0.0.1:{rtmps.port}/live/{KEY}"
        code, _ = await run_ffmpeg(*AUDIO, *AAC, "-t", "1", "-f", "flv", url)
    assert code != 0
    assert rtmps.counters.closed_by_reason == {"tls_failed": 1}


async def test_tls_on_the_plain_port(server: RtmpServer) -> None:
    await server.start("127.0.0.1", 0)
    with anyio.fail_after(10):
        async with await anyio.connect_tcp("127.0.0.1", server.port) as stream:
            await stream.send(b"\x16\x03\x01\x02\x00\x01")
            assert await read_to_end(stream) == b""
    assert server.counters.closed_by_reason == {"tls_failed": 1}


async def test_one_port_takes_both(server: RtmpServer, certificate: ServerCertificate, door: RecordingDoor) -> None:
    await server.start("127.0.0.1", 0, PortTls(certificate.context, is_required=False))
    with anyio.fail_after(10):
        async with await anyio.connect_tcp("127.0.0.1", server.port) as plain:
            await plain.send(HELLO + connect() + command("publish", 2, None, KEY, stream_id=1))
            await read_until(plain, b"NetStream.Publish.Start")
            async with await publish_tls(server):
                assert (server.connection_count, server.tls_connection_count) == (2, 1)
    assert [request.protocol for request in door.requests] == ["rtmp", "rtmps"]


async def test_byte_by_byte(rtmps: RtmpServer, door: RecordingDoor) -> None:
    request = connect() + command("publish", 2, None, KEY, stream_id=1)
    with anyio.fail_after(30):
        async with await open_tls(rtmps, HELLO[:100], step=1) as stream:
            await stream.send(HELLO[100:])
            for start in range(len(request)):
                await stream.send(request[start : start + 1])
            await read_until(stream, b"NetStream.Publish.Start")
    assert len(door.publications) == 1


async def test_the_last_words_are_heard(rtmps: RtmpServer, door: RecordingDoor) -> None:
    with anyio.fail_after(10):
        async with await publish_tls(rtmps) as stream:
            door.requests[0].disconnect("the stream key was changed")
            assert b"the stream key was changed" in await read_to_end(stream)
    assert door.publications[0].ending == ("disconnected: the stream key was changed", False)


async def test_a_publisher_that_ends_tls(rtmps: RtmpServer, door: RecordingDoor) -> None:
    with anyio.fail_after(10):
        socket, _ = await (await publish_tls(rtmps)).unwrap()
        async with socket:
            await door.publications[0].has_ended.wait()
            await rtmps.close("the peer's socket is not waited for")
    assert rtmps.counters.closed_by_reason == {"connection_lost": 1}


async def test_half_a_tls_handshake_meets_the_deadline(rtmps: RtmpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.rtmp.session.HANDSHAKE_SECONDS", 0.01)
    with anyio.fail_after(10):
        async with await anyio.connect_tcp("127.0.0.1", rtmps.port) as stream:
            await stream.send(b"\x16\x03\x01\x02\x00\x01")
            assert await read_to_end(stream) == b""
    assert rtmps.counters.closed_by_reason == {"handshake_timeout": 1}


async def test_a_renewed_certificate_serves_those_who_come_after(
    rtmps: RtmpServer, certificate: ServerCertificate, door: RecordingDoor, tmp_path: Path
) -> None:
    with anyio.fail_after(10):
        async with await publish_tls(rtmps) as first:
            make_pair(tmp_path, "new.example")
            certificate.reload(is_forced=False)
            async with await publish_tls(rtmps) as second:
                assert [subject_of(_certificate_of(stream)) for stream in (first, second)] == [
                    "old.example",
                    "new.example",
                ]
            await first.send(METADATA + AUDIO_HEADER + SOUND)
            await door.publications[0].has_packets.wait()
    assert [bytes(packet.payload) for packet in door.publications[0].packets] == [b"raw"]


async def test_a_publisher_that_takes_no_answers(rtmps: RtmpServer, door: RecordingDoor) -> None:
    pings = message(bytes.fromhex("0006 01020304"), type_id=4, csid=2, stream_id=0) * 2_000
    with anyio.fail_after(20):
        stream = await publish_tls(rtmps)
        with suppress(anyio.BrokenResourceError):
            while True:
                await stream.send(pings)
        await door.publications[0].has_ended.wait()
        await anyio.aclose_forcefully(stream)
    assert rtmps.counters.closed_by_reason == {"not_reading": 1}


def _certificate_of(stream: TLSStream) -> bytes | None:
    return stream.extra(TLSAttribute.ssl_object).getpeercert(binary_form=True)
