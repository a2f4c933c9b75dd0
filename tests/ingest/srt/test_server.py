"""The SRT server on a real socket, with a caller that is spelled out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from ingest.admission import Reception
from ingest.srt import publisher
from ingest.srt.errors import Rejection
from ingest.srt.handshake import HandshakeType
from ingest.srt.negotiation import LatencyLimits
from ingest.srt.packets import ControlType, KeyFlag
from ingest.srt.server import SrtServer, SrtSettings
from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Packet
from tests.ingest.recording import KEY, RecordingDoor, RecordingPublication
from tests.ingest.srt.caller import Caller, CallerKeys
from tests.ingest.srt.clip import CLIP_PICTURES

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct passphrase"
PAYLOAD_BYTES = 7 * 188
SETTINGS = SrtSettings(LatencyLimits(20, 8000))


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.srt.server.REFUSAL_DELAY_SECONDS", 0.0)


@pytest.fixture
def door() -> RecordingDoor:
    return RecordingDoor()


@pytest.fixture
async def server(door: RecordingDoor) -> AsyncIterator[SrtServer]:
    server = SrtServer(Reception(door), SETTINGS)
    await server.start("127.0.0.1", 0)
    yield server
    await server.close("the test is over")


def payloads(clip: Path) -> list[bytes]:
    data = clip.read_bytes()
    return [data[start : start + PAYLOAD_BYTES] for start in range(0, len(data), PAYLOAD_BYTES)]


async def publish_all(caller: Caller, clip: Path) -> None:
    for payload in payloads(clip):
        caller.publish(payload)
        await anyio.lowlevel.checkpoint()  # the server reads meanwhile
    caller.say(ControlType.SHUTDOWN)


async def published(door: RecordingDoor) -> RecordingPublication:
    """The door's publication, when it has ended."""
    with anyio.fail_after(10):
        await door.publications[-1].has_ended.wait()
    return door.publications[-1]


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_publishing(server: SrtServer, door: RecordingDoor, ts_clip: Path, is_encrypted: bool) -> None:
    door.srt_passphrase = PASSPHRASE if is_encrypted else None
    async with Caller(server.port) as caller:
        answer = await caller.call(KEY, keys=CallerKeys(PASSPHRASE) if is_encrypted else None)
        assert answer.type_id == HandshakeType.CONCLUSION
        await publish_all(caller, ts_clip)
        publication = await published(door)
    assert publication.ending == ("publisher_left: shutdown", True)
    assert [track.track_id for track in publication.track_sets[0]] == [1, 2]
    assert sum(packet.track_id == 1 for packet in publication.packets) == CLIP_PICTURES
    assert server.counters.closed_by_reason == {"publisher_left": 1}


async def test_a_key_refresh(server: SrtServer, door: RecordingDoor, ts_clip: Path) -> None:
    door.srt_passphrase = PASSPHRASE
    pieces = payloads(ts_clip)
    async with Caller(server.port) as caller:
        await caller.call(KEY, keys=CallerKeys(PASSPHRASE))
        for payload in pieces[:20]:
            caller.publish(payload)
        fresh = CallerKeys(PASSPHRASE, KeyFlag.ODD)
        caller.say(ControlType.USER_DEFINED, subtype=3, body=fresh.material)
        answer = await caller.control(ControlType.USER_DEFINED)
        assert (answer.subtype, answer.body) == (4, fresh.material)
        caller.use(fresh)
        for payload in pieces[20:]:
            caller.publish(payload)
            await anyio.lowlevel.checkpoint()
        (line,) = server.statistics()
        caller.say(ControlType.SHUTDOWN)
        publication = await published(door)
    assert line.undecrypted_packets == 0
    assert sum(packet.track_id == 1 for packet in publication.packets) == CLIP_PICTURES


async def test_wrong_key(server: SrtServer) -> None:
    async with Caller(server.port) as caller:
        assert (await caller.call("wrong")).type_id == Rejection.UNAUTHORIZED
    assert server.counters.closed_by_reason == {"bad_key": 1}


@pytest.mark.parametrize(
    ("of_stream", "of_caller", "rejection"),
    [
        (PASSPHRASE, "another passphrase", Rejection.BAD_SECRET),
        (PASSPHRASE, None, Rejection.UNSECURE),
        (None, PASSPHRASE, Rejection.UNSECURE),
    ],
)
async def test_encryption_that_does_not_fit(
    server: SrtServer, door: RecordingDoor, of_stream: str | None, of_caller: str | None, rejection: Rejection
) -> None:
    door.srt_passphrase = of_stream
    async with Caller(server.port) as caller:
        answer = await caller.call(KEY, keys=None if of_caller is None else CallerKeys(of_caller))
    assert answer.type_id == rejection
    assert not door.publications
    assert server.counters.closed_by_reason == {"encryption": 1}


async def test_the_servers_passphrase_holds_where_the_stream_has_none(door: RecordingDoor) -> None:
    server = SrtServer(Reception(door), SrtSettings(LatencyLimits(20, 8000), PASSPHRASE))
    await server.start("127.0.0.1", 0)
    async with Caller(server.port) as caller:
        assert (await caller.call(KEY, keys=CallerKeys(PASSPHRASE))).type_id == HandshakeType.CONCLUSION
    await server.close("the test is over")


async def test_encrypted_only(door: RecordingDoor) -> None:
    server = SrtServer(Reception(door), SrtSettings(LatencyLimits(20, 8000), is_encrypted_only=True))
    await server.start("127.0.0.1", 0)
    async with Caller(server.port) as caller:
        assert (await caller.call(KEY)).type_id == Rejection.UNSECURE
    await server.close("the test is over")


async def test_already_publishing(server: SrtServer, door: RecordingDoor) -> None:
    door.is_single = True
    async with Caller(server.port) as first, Caller(server.port, socket_id=77) as second:
        assert (await first.call(KEY)).type_id == HandshakeType.CONCLUSION
        assert (await second.call(KEY)).type_id == Rejection.CONFLICT


async def test_a_restarted_encoder_replaces_its_silent_connection(
    server: SrtServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "SILENT_SECONDS", 0.0)
    door.is_single = True
    async with Caller(server.port) as first, Caller(server.port, socket_id=77) as second:
        await first.call(KEY)
        assert (await second.call(KEY)).type_id == HandshakeType.CONCLUSION
        await first.control(ControlType.SHUTDOWN)
    assert [publication.ending for publication in door.publications] == [
        ("connection_lost: the publisher has come back", False),
        None,
    ]


async def test_disconnect(server: SrtServer, door: RecordingDoor) -> None:
    async with Caller(server.port) as caller:
        await caller.call(KEY)
        door.requests[0].disconnect("the stream key was changed")
        await caller.control(ControlType.SHUTDOWN)
    assert door.publications[0].ending == ("disconnected: the stream key was changed", False)


async def test_close_tells_every_publisher(door: RecordingDoor) -> None:
    server = SrtServer(Reception(door), SETTINGS)
    await server.start("127.0.0.1", 0)
    async with Caller(server.port) as caller:
        await caller.call(KEY)
        await server.close("maintenance")
        await caller.control(ControlType.SHUTDOWN)
    assert server.counters.closed_by_reason == {"shutting_down": 1}


async def test_a_fault_of_ours_costs_its_publisher_only(
    server: SrtServer, door: RecordingDoor, ts_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RecordingPublication.write

    def fail_for_the_first(publication: RecordingPublication, packet: Packet) -> None:
        if publication is door.publications[0]:
            raise RuntimeError("a bug")
        write(publication, packet)

    monkeypatch.setattr(RecordingPublication, "write", fail_for_the_first)
    async with Caller(server.port) as first, Caller(server.port, socket_id=77) as second:
        await first.call(KEY)
        await second.call(KEY)
        await publish_all(first, ts_clip)
        await first.control(ControlType.SHUTDOWN)
        await publish_all(second, ts_clip)
        publication = await published(door)
    assert door.publications[0].ending == ("internal_error: the server failed", False)
    assert publication is door.publications[1]
    assert sum(packet.track_id == 1 for packet in publication.packets) == CLIP_PICTURES


async def test_nothing_to_play(server: SrtServer, door: RecordingDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "STALL_SECONDS", 0.0)
    async with Caller(server.port) as caller:
        await caller.call(KEY)
        caller.publish(b"not a transport stream")
        await caller.control(ControlType.SHUTDOWN)
    assert server.counters.closed_by_reason == {"stalled": 1}


async def test_too_many_connections_from_one_address(door: RecordingDoor) -> None:
    server = SrtServer(Reception(door), SETTINGS, max_connections_per_address=1)
    await server.start("127.0.0.1", 0)
    async with Caller(server.port) as first, Caller(server.port, socket_id=77) as second:
        await first.call(KEY)
        assert (await second.call(KEY)).type_id == Rejection.BACKLOG
    await server.close("the test is over")


async def test_noise_disturbs_nobody(server: SrtServer, door: RecordingDoor, ts_clip: Path) -> None:
    async with Caller(server.port) as caller, Caller(server.port, socket_id=77) as noise:
        await caller.call(KEY)
        for number, payload in enumerate(payloads(ts_clip)):
            caller.publish(payload)
            for size in (0, 1, 15, 16, 64, 1400):
                noise.send((number.to_bytes(4) * 400)[:size])
            await anyio.lowlevel.checkpoint()
        caller.say(ControlType.SHUTDOWN)
        publication = await published(door)
    assert sum(packet.track_id == 1 for packet in publication.packets) == CLIP_PICTURES


async def test_a_port_that_is_taken(server: SrtServer, door: RecordingDoor) -> None:
    other = SrtServer(Reception(door), SETTINGS)
    with pytest.raises(EnvironmentFault, match=f"port {server.port} .* is in use.*srt_port"):
        await other.start("127.0.0.1", server.port)
