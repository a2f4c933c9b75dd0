"""The server against peers that are no good publishers; others are not disturbed."""

from __future__ import annotations

import socket
import tracemalloc
from contextlib import suppress

import anyio
import pytest
from anyio.abc import SocketStream
from anyio.streams.tls import TLSStream

from ingest import admission, connection_limits
from ingest.admission import Reception
from ingest.key_attempts import MAX_WRONG_KEYS
from ingest.publisher_media import MAX_TIMELINES_PER_MINUTE
from ingest.rtmp.amf0 import encode_values
from ingest.rtmp.chunks import MAX_PARTIAL_BYTES
from ingest.rtmp.messages import MessageType
from ingest.rtmp.server import RtmpServer
from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Packet
from tests.ingest.recording import KEY, RecordingDoor, RecordingPublication
from tests.ingest.rtmp.peer import HELLO, basic_header, command, connect, message

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024

AUDIO_HEADER = message(b"\xaf\x00\x11\x90", type_id=8, csid=4)
METADATA = message(encode_values(["onMetaData", {"audiocodecid": 10.0}]), type_id=18, csid=4)


async def open_connection(server: RtmpServer, *data: bytes) -> SocketStream:
    stream = await anyio.connect_tcp("127.0.0.1", server.port)
    for each in data:
        await stream.send(each)
    return stream


async def read_until(stream: SocketStream | TLSStream, needle: bytes) -> bytes:
    received = b""
    while needle not in received:
        received += await stream.receive()
    return received


async def read_to_end(stream: SocketStream) -> bytes:
    received = b""
    try:
        while True:
            received += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return received


async def publish(server: RtmpServer, key: str = KEY) -> SocketStream:
    request = command("publish", 2, None, key, stream_id=1)
    return await open_connection(server, HELLO, connect() + request)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "handshake_failed"),
        (b"\x16\x03\x01", "tls_failed"),
        (HELLO + b"\xff" * 64, "protocol_error"),
        (HELLO + b"\x06\x00\x00\x00\xff\xff\xff\x09\x01\x00\x00\x00", "limit_exceeded"),
        (HELLO + connect() + message(b"\xaf\x01x", type_id=8), "protocol_error"),
        (HELLO + connect() + command("play", 2, None, KEY), "play_refused"),
    ],
)
async def test_bad_peers_are_closed_and_others_go_on(
    server: RtmpServer, door: RecordingDoor, data: bytes, reason: str
) -> None:
    with anyio.fail_after(10):
        good = await publish(server)
        await read_until(good, b"NetStream.Publish.Start")
        bad = await open_connection(server, data)
        await read_to_end(bad)
        assert server.counters.closed_by_reason == {reason: 1}
        await good.send(METADATA + AUDIO_HEADER + message(b"\xaf\x01raw", type_id=8, csid=4))
        (publication,) = door.publications
        await publication.has_packets.wait()
        await bad.aclose()
        await good.aclose()
        await publication.has_ended.wait()
    assert publication.ending == ("connection_lost: while publishing", False)
    assert [bytes(packet.payload) for packet in publication.packets] == [b"raw"]


async def test_half_a_handshake_meets_its_deadline(server: RtmpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.rtmp.session.HANDSHAKE_SECONDS", 0.01)
    with anyio.fail_after(10):
        async with await open_connection(server, HELLO[:800]) as stream:
            await read_to_end(stream)
    assert server.counters.closed_by_reason == {"handshake_timeout": 1}


async def test_stalled_publisher(server: RtmpServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.rtmp.session.STALL_SECONDS", 0.01)
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            assert b"NetStream.Publish.Rejected" in await read_to_end(stream)
    (publication,) = door.publications
    assert publication.ending is not None
    assert publication.ending[0].startswith("stalled")


async def test_wrong_key(server: RtmpServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WRONG_KEY_DELAY_SECONDS", 0.0)
    with anyio.fail_after(10):
        async with await publish(server, "wrong") as stream:
            assert b"NetStream.Publish.BadName" in await read_to_end(stream)
    assert not door.publications


async def test_broken_media(server: RtmpServer, door: RecordingDoor) -> None:
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await stream.send(message(b"\x17\x00\x00\x00\x00\x01", type_id=9))
            assert b"AVC configuration is cut short" in await read_to_end(stream)
    assert server.counters.closed_by_reason == {"bad_media": 1}


async def test_time_that_jumps_for_ever(server: RtmpServer, door: RecordingDoor) -> None:
    sound = (message(b"\xaf\x01raw", type_id=8, csid=4, time_ms=100_000 * (index % 2)) for index in range(100))
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await stream.send(METADATA + AUDIO_HEADER + b"".join(sound))
            assert b"change too often" in await read_to_end(stream)
    assert server.counters.closed_by_reason == {"bad_media": 1}
    assert len(door.publications[0].track_sets) < MAX_TIMELINES_PER_MINUTE


async def test_a_publication_that_fails_holds_nothing(
    server: RtmpServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(publication: RecordingPublication, packet: Packet) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(RecordingPublication, "write", fail)
    awaits_video = message(encode_values(["onMetaData", {"audiocodecid": 10.0, "videocodecid": 7.0}]), type_id=18)
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await stream.send(awaits_video + AUDIO_HEADER + message(b"\xaf\x01raw", type_id=8, csid=4))
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await door.publications[0].has_ended.wait()
    assert door.publications[0].ending == ("connection_lost: while publishing", False)


async def test_publisher_that_takes_no_answers(server: RtmpServer, door: RecordingDoor) -> None:
    pings = message(bytes.fromhex("0006 01020304"), type_id=4, csid=2, stream_id=0) * 10_000
    with anyio.fail_after(20):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            with suppress(anyio.BrokenResourceError):
                while True:
                    await stream.send(pings)
            await door.publications[0].has_ended.wait()
    assert server.counters.closed_by_reason == {"not_reading": 1}


@pytest.mark.parametrize(("declared_bytes", "sent_bytes"), [(8 * MEBIBYTE, 3 * MEBIBYTE), (10 * MEBIBYTE, MEBIBYTE)])
async def test_unfinished_messages_are_bounded(
    server: RtmpServer, door: RecordingDoor, declared_bytes: int, sent_bytes: int
) -> None:
    one_chunk_each = message(sent_bytes.to_bytes(4), type_id=MessageType.SET_CHUNK_SIZE, csid=2, stream_id=0)
    header = bytes(3) + declared_bytes.to_bytes(3) + bytes((MessageType.VIDEO, 1, 0, 0, 0))
    body = bytes(sent_bytes)
    with anyio.fail_after(30):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await stream.send(one_chunk_each)
            tracemalloc.start()
            with suppress(anyio.BrokenResourceError):
                for csid in range(8, 40):
                    await stream.send(basic_header(0, csid) + header + body)
            await door.publications[0].has_ended.wait()
            peak_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert server.counters.closed_by_reason == {"limit_exceeded": 1}
    assert peak_bytes < 2 * MAX_PARTIAL_BYTES


async def test_disconnect_tells_the_publisher(server: RtmpServer, door: RecordingDoor) -> None:
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            door.requests[0].disconnect("the stream key was changed")
            door.requests[0].disconnect("again")
            assert b"the stream key was changed" in await read_to_end(stream)
    assert door.publications[0].ending == ("disconnected: the stream key was changed", False)


async def test_close_tells_every_publisher(door: RecordingDoor) -> None:
    server = RtmpServer(Reception(door))
    await server.start("127.0.0.1", 0)
    with anyio.fail_after(10):
        stream = await publish(server)
        await read_until(stream, b"NetStream.Publish.Start")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.close, "maintenance")
            assert b"maintenance" in await read_to_end(stream)
            await stream.aclose()
    assert server.counters.closed_by_reason == {"shutting_down": 1}


async def test_too_many_connections_from_one_address(door: RecordingDoor) -> None:
    server = RtmpServer(Reception(door), max_connections_per_address=2)
    await server.start("127.0.0.1", 0)
    with anyio.fail_after(10):
        async with await publish(server) as first, await open_connection(server), await open_connection(server) as last:
            assert await read_to_end(last) == b""
            await read_until(first, b"NetStream.Publish.Start")
        await server.close("test is over")
    assert server.counters.closed_by_reason["too_many_connections"] == 1


async def test_too_many_connections_in_a_second(door: RecordingDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "CONNECTION_WINDOW_SECONDS", 3600.0)
    server = RtmpServer(Reception(door), max_connections_per_address=2)
    await server.start("127.0.0.1", 0)
    with anyio.fail_after(10):
        for _ in range(2):
            async with await publish(server) as stream:
                await read_until(stream, b"NetStream.Publish.Start")
        async with await open_connection(server) as refused:
            assert await read_to_end(refused) == b""
        await server.close("test is over")
    assert server.counters.closed_by_reason == {"connection_lost": 2, "too_many_connections": 1}


async def test_an_address_with_too_many_wrong_keys(
    server: RtmpServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "WRONG_KEY_DELAY_SECONDS", 0.0)
    with anyio.fail_after(10):
        for number in range(MAX_WRONG_KEYS):
            async with await publish(server, f"wrong-{number}") as stream:
                await read_until(stream, b"NetStream.Publish.BadName")
        async with await publish(server, "wrong-again") as refused:
            assert b"too many wrong stream keys from this address" in await read_to_end(refused)
        async with await anyio.connect_tcp("127.0.0.1", server.port, local_host="127.0.0.2") as other:
            await other.send(HELLO + connect() + command("publish", 2, None, KEY, stream_id=1))
            await read_until(other, b"NetStream.Publish.Start")
    assert server.counters.closed_by_reason["too_many_bad_keys"] == 1
    assert len(door.requests) == MAX_WRONG_KEYS + 1


async def test_an_encoder_left_alone_with_an_old_key_locks_nobody_out(
    server: RtmpServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "WRONG_KEY_DELAY_SECONDS", 0.0)
    with anyio.fail_after(10):
        for _ in range(2 * MAX_WRONG_KEYS):
            async with await publish(server, "wrong") as stream:
                await read_until(stream, b"NetStream.Publish.BadName")
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")


async def test_what_a_publisher_was_cut_off_for_is_told_when_it_comes_back(
    server: RtmpServer, door: RecordingDoor
) -> None:
    with anyio.fail_after(10):
        async with await publish(server) as stream:
            await read_until(stream, b"NetStream.Publish.Start")
            await stream.send(message(b"\x90vp08", type_id=9))
            assert b"VP8 video is not supported" in await read_to_end(stream)
        async with await publish(server) as again:
            answer = await read_to_end(again)
    assert b"NetStream.Publish.Denied" in answer
    assert b"VP8 video is not supported" in answer
    assert len(door.requests) == 1


async def test_a_publisher_that_can_is_sent_elsewhere(server: RtmpServer, door: RecordingDoor) -> None:
    request = command("publish", 2, None, KEY, stream_id=1)
    with anyio.fail_after(10):
        stream = await open_connection(server, HELLO, connect("live", {"capsEx": 1.0}) + request)
        await read_until(stream, b"NetStream.Publish.Start")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.send_elsewhere, "rtmp://elsewhere/live", "the server is shutting down")
            await read_until(stream, b"rtmp://elsewhere/live")
            await stream.aclose()  # it has connected there
    assert server.connection_count == 0


async def test_a_wrong_key_counts_also_when_its_answer_is_not_waited_for(
    server: RtmpServer, door: RecordingDoor
) -> None:
    with anyio.fail_after(10):
        for number in range(MAX_WRONG_KEYS):
            async with await publish(server, f"wrong-{number}"):
                while len(door.requests) <= number:
                    await anyio.sleep(0)
        async with await publish(server) as refused:
            assert b"too many wrong stream keys" in await read_to_end(refused)
    assert server.counters.closed_by_reason["too_many_bad_keys"] == 1


async def test_port_in_use(door: RecordingDoor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f"port {port} on 127.0.0.1 is in use"):
            await RtmpServer(Reception(door)).start("127.0.0.1", port)
