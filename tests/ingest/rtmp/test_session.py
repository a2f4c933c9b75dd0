"""The scripts of known encoders, and those of peers that are none."""

from __future__ import annotations

import pytest

from ingest.elementary import MediaKind
from ingest.errors import CloseReason
from ingest.rtmp import session as limits
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.chunks import ChunkReader
from ingest.rtmp.events import Event, MediaReceived, MetadataReceived, PublishEnded, PublishRequested, SessionClosed
from ingest.rtmp.messages import Command, Message, MessageType, control
from ingest.rtmp.replies import OUTGOING_CHUNK_SIZE, information
from ingest.rtmp.session import PublisherSession, State
from tests.ingest.rtmp.peer import HELLO, chunks, command, connect, message

METADATA = (
    b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08\x00\x00\x00\x14"
    b"\x00\x09framerate\x00\x40\x3e\x00\x00\x00\x00\x00\x00\x00\x00\x09"
)
OBS = (
    HELLO,
    message(b"\x00\x00\x10\x00", type_id=1, csid=2, stream_id=0),
    connect(),
    command("releaseStream", 2, None, "KEY"),
    command("FCPublish", 3, None, "KEY"),
    command("createStream", 4, None),
    command("_checkbw", 5, None),
    command("publish", 6, None, "KEY", "live", stream_id=1, csid=4),
)
FFMPEG = (
    HELLO,
    connect(),
    command("releaseStream", 2, None, "KEY"),
    command("FCPublish", 3, None, "KEY"),
    command("createStream", 4, None),
    command("publish", 5, None, "KEY", "live", stream_id=1, csid=8),
)
GSTREAMER = (
    HELLO,
    connect(),
    command("releaseStream", 0, None, "KEY"),
    command("FCPublish", 0, None, "KEY"),
    command("createStream", 2, None),
    command("publish", 3, None, "KEY", "live", stream_id=1),
)
HAIVISION = (
    HELLO,
    connect(),
    command("createStream", 2, None),
    command("FCPublish", 3, None, "KEY"),
    command("publish", 4, None, "KEY", stream_id=1),
)


def feed(session: PublisherSession, *data: bytes, now: float = 0.0) -> list[Event]:
    return [event for each in data for event in session.receive_data(each, now)]


def answers(session: PublisherSession) -> list[Message]:
    """What the server says, after its handshake if that is still in it."""
    data = session.data_to_send()
    reader = ChunkReader()
    reader.receive_data(message(OUTGOING_CHUNK_SIZE.to_bytes(4), type_id=1, csid=2))
    return reader.receive_data(data[3073:] if data[:1] == b"\x03" and len(data) >= 3073 else data)


def commands(session: PublisherSession) -> list[Command]:
    return [Command.parse(each) for each in answers(session) if each.type_id == MessageType.COMMAND_AMF0]


def status_code(answer: Command) -> object:
    information = answer.argument(1)
    return information.get("code") if isinstance(information, dict) else None


def publishing() -> PublisherSession:
    session = PublisherSession(0.0)
    feed(session, *OBS)
    session.accept_publish(0.0)
    session.data_to_send()
    return session


@pytest.mark.parametrize("script", [OBS, FFMPEG, GSTREAMER, HAIVISION])
def test_encoder_scripts(script: tuple[bytes, ...]) -> None:
    session = PublisherSession(0.0)
    assert feed(session, *script) == [PublishRequested("KEY")]
    replies = commands(session)
    assert (replies[0].name, replies[0].transaction_id) == ("_result", 1)
    assert status_code(replies[0]) == "NetConnection.Connect.Success"
    assert [reply.argument(1) for reply in replies if reply.argument(1) == 1] == [1]  # createStream's stream id
    session.accept_publish(0.0)
    begin, start = answers(session)
    assert begin.payload == bytes.fromhex("0000 00000001")
    assert start.stream_id == 1
    assert status_code(Command.parse(start)) == "NetStream.Publish.Start"
    assert feed(session, message(b"\xaf\x01x", type_id=8, size=4096)) == [
        MediaReceived(MediaKind.AUDIO, 0, b"\xaf\x01x")
    ]


@pytest.mark.parametrize("script", [OBS, GSTREAMER])
def test_byte_by_byte(script: tuple[bytes, ...]) -> None:
    data = b"".join(script)
    session = PublisherSession(0.0)
    assert feed(session, *(data[index : index + 1] for index in range(len(data)))) == [PublishRequested("KEY")]


def test_handshake_answer_echoes_c1() -> None:
    session = PublisherSession(0.0)
    feed(session, HELLO[:1536])
    assert session.data_to_send() == b""
    feed(session, HELLO[1536:1537])
    answer = session.data_to_send()
    assert len(answer) == 3073
    assert answer[0] == 3
    assert answer[1537:] == HELLO[1:1537]


@pytest.mark.parametrize(("first_bytes", "complaint"), [(b"\x06", "RTMPE"), (b"GET / HTTP/1.1", "not RTMP")])
def test_not_rtmp(first_bytes: bytes, complaint: str) -> None:
    (closed,) = feed(PublisherSession(0.0), first_bytes)
    assert isinstance(closed, SessionClosed)
    assert closed.reason is CloseReason.HANDSHAKE_FAILED
    assert complaint in closed.detail


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (CloseReason.BAD_KEY, "NetStream.Publish.BadName"),
        (CloseReason.ALREADY_PUBLISHING, "NetStream.Publish.BadName"),
        (CloseReason.NOT_ALLOWED, "NetStream.Publish.Denied"),
        (CloseReason.TOO_MANY_BAD_KEYS, "NetStream.Publish.Denied"),
        (CloseReason.SHUTTING_DOWN, "NetStream.Failed"),
        (CloseReason.UNAVAILABLE, "NetStream.Failed"),
    ],
)
def test_denials(reason: CloseReason, code: str) -> None:
    session = PublisherSession(0.0)
    feed(session, *OBS)
    session.data_to_send()
    assert session.deny_publish(reason, "because") == [SessionClosed(reason, "because")]
    (status,) = commands(session)
    assert status.argument(1) == information("error", code, "because")
    assert session.state is State.CLOSED


def test_missing_key_is_explained_to_the_publisher() -> None:
    session = PublisherSession(0.0)
    (closed,) = feed(session, HELLO, connect(), command("publish", 2, None, "", stream_id=1))
    assert isinstance(closed, SessionClosed)
    assert closed.reason is CloseReason.BAD_KEY
    assert status_code(commands(session)[-1]) == "NetStream.Publish.BadName"


def test_play_is_refused() -> None:
    session = PublisherSession(0.0)
    (closed,) = feed(session, HELLO, connect(), command("play", 2, None, "KEY", stream_id=1))
    assert isinstance(closed, SessionClosed)
    assert closed.reason is CloseReason.PLAY_REFUSED
    assert status_code(commands(session)[-1]) == "NetStream.Play.Failed"


def test_metadata() -> None:
    assert feed(publishing(), message(METADATA, type_id=18, size=4096)) == [MetadataReceived({"framerate": 30.0})]


def test_amf3_metadata_with_and_without_format_byte() -> None:
    expected = [MetadataReceived({"framerate": 30.0})]
    assert feed(publishing(), message(b"\x00" + METADATA, type_id=15, size=4096)) == expected
    assert feed(publishing(), message(METADATA, type_id=15, size=4096)) == expected


def test_aggregate_is_split() -> None:
    inner = [(8, 500, b"\xaf\x01a"), (9, 520, b"\x27\x01\x00\x00\x00v")]
    body = b"".join(
        bytes((kind,)) + len(data).to_bytes(3) + time.to_bytes(3) + bytes(4) + data + bytes(4)
        for kind, time, data in inner
    )
    assert feed(publishing(), message(body, type_id=22, time_ms=1000)) == [
        MediaReceived(MediaKind.AUDIO, 1000, b"\xaf\x01a"),
        MediaReceived(MediaKind.VIDEO, 1020, b"\x27\x01\x00\x00\x00v"),
    ]


@pytest.mark.parametrize("name", ["FCUnpublish", "closeStream", "deleteStream"])
def test_goodbye_counts_once(name: str) -> None:
    session = publishing()
    goodbye = command(name, 7, None, 1) + command("deleteStream", 8, None, 1)
    assert feed(session, goodbye, now=1.0) == [PublishEnded()]
    assert session.get_timer() == 1.0 + limits.GOODBYE_SECONDS
    (closed,) = session.handle_timer(10.0)
    assert isinstance(closed, SessionClosed)
    assert closed.reason is CloseReason.PUBLISHER_LEFT


def test_ping_is_answered() -> None:
    session = publishing()
    feed(session, message(bytes.fromhex("0006 01020304"), type_id=4, csid=2, stream_id=0))
    assert [each.payload for each in answers(session)] == [bytes.fromhex("0007 01020304")]


def test_acknowledgements() -> None:
    session = publishing()
    feed(session, message((1000).to_bytes(4), type_id=5, csid=2, stream_id=0))
    session.data_to_send()
    feed(session, b"".join(chunks(bytes(2000), size=4096)))
    (acknowledgement,) = answers(session)
    assert acknowledgement.type_id == MessageType.ACKNOWLEDGEMENT
    assert int.from_bytes(acknowledgement.payload) > 2000


@pytest.mark.parametrize(
    ("script", "seconds", "reason"),
    [
        ((), limits.HANDSHAKE_SECONDS, CloseReason.HANDSHAKE_TIMEOUT),
        ((HELLO[:1000],), limits.HANDSHAKE_SECONDS, CloseReason.HANDSHAKE_TIMEOUT),
        ((HELLO,), limits.PUBLISH_SECONDS, CloseReason.PUBLISH_TIMEOUT),
        ((HELLO, connect()), limits.PUBLISH_SECONDS, CloseReason.PUBLISH_TIMEOUT),
    ],
)
def test_deadlines(script: tuple[bytes, ...], seconds: float, reason: CloseReason) -> None:
    session = PublisherSession(0.0)
    feed(session, *script)
    assert session.get_timer() == seconds
    assert session.handle_timer(seconds - 0.1) == []
    (closed,) = session.handle_timer(seconds)
    assert isinstance(closed, SessionClosed)
    assert closed.reason is reason


def test_stalled_publisher_is_told() -> None:
    session = publishing()
    feed(session, message(b"", type_id=8), now=5.0)
    assert session.get_timer() == 5.0 + limits.STALL_SECONDS
    (closed,) = session.handle_timer(5.0 + limits.STALL_SECONDS)
    assert isinstance(closed, SessionClosed)
    assert closed.reason is CloseReason.STALLED
    assert status_code(commands(session)[-1]) == "NetStream.Publish.Rejected"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ((HELLO, message(b"\xaf\x01x", type_id=8)), CloseReason.PROTOCOL_ERROR),
        ((HELLO, command("publish", 2, None, "KEY")), CloseReason.PROTOCOL_ERROR),
        ((HELLO, command("createStream", 2, None)), CloseReason.PROTOCOL_ERROR),
        ((HELLO, connect(), connect()), CloseReason.PROTOCOL_ERROR),
        ((HELLO, command("connect", 1, None)), CloseReason.PROTOCOL_ERROR),
        ((HELLO, message(b"", type_id=20)), CloseReason.PROTOCOL_ERROR),
        ((HELLO, message(b"\x05\x05", type_id=20)), CloseReason.PROTOCOL_ERROR),
        ((HELLO, connect(), *[command("createStream", 2, None)] * 5), CloseReason.LIMIT_EXCEEDED),
        ((HELLO, connect(), *[message(bytes(1000), type_id=99)] * 70), CloseReason.LIMIT_EXCEEDED),
    ],
)
def test_wrong_order(script: tuple[bytes, ...], reason: CloseReason) -> None:
    *_, closed = feed(PublisherSession(0.0), *script)
    assert isinstance(closed, SessionClosed)
    assert closed.reason is reason


def test_undefined_messages_are_passed_over() -> None:
    session = publishing()
    for type_id in (0, 7, 10, 16, 19, 21, 99):
        assert feed(session, message(b"\x00\x01", type_id=type_id, csid=7)) == []
    assert feed(session, message(control(MessageType.ACKNOWLEDGEMENT, 1).payload, type_id=3, csid=2)) == []


def test_the_key_is_not_in_the_event_s_text() -> None:
    assert "KEY" not in repr(PublishRequested("KEY"))


def test_shut_down_tells_the_publisher_and_is_final() -> None:
    session = publishing()
    assert session.shut_down(CloseReason.DISCONNECTED, "key rotated") == [
        SessionClosed(CloseReason.DISCONNECTED, "key rotated")
    ]
    assert session.shut_down(CloseReason.DISCONNECTED, "again") == []
    assert status_code(commands(session)[-1]) == "NetStream.Publish.Rejected"
    assert feed(session, message(b"\xaf\x01x", type_id=8)) == []


def test_a_client_of_old_is_told_nothing_of_enhanced_rtmp() -> None:
    session = PublisherSession(0.0)
    feed(session, HELLO, connect())
    (result,) = commands(session)
    assert all("capsEx" not in part for part in result.arguments if isinstance(part, dict))


@pytest.mark.parametrize("asked", [{"capsEx": 15.0}, {"fourCcList": ["hvc1"]}, {"videoFourCcInfoMap": {"*": 4.0}}])
def test_an_enhanced_client_is_told_what_is_served(asked: dict[str, AmfValue]) -> None:
    session = PublisherSession(0.0)
    feed(session, HELLO, connect("live", asked))
    (result,) = commands(session)
    for part in result.arguments:
        assert isinstance(part, dict)
        assert part["capsEx"] == 15
        assert {"avc1", "mp4a"} <= set(part["fourCcList"])  # type: ignore[arg-type]
        assert part["videoFourCcInfoMap"]["avc1"] == part["audioFourCcInfoMap"]["mp4a"] == 4  # type: ignore[index, call-overload]


def reconnecting(session: PublisherSession, flags: AmfValue) -> list[Command]:
    script = [HELLO, connect("live", {"capsEx": flags}), *OBS[3:]]
    feed(session, *script)
    session.accept_publish(0.0)
    session.data_to_send()
    session.request_reconnect("the server is shutting down", "rtmp://elsewhere/live")
    return commands(session)


def test_a_publisher_that_can_is_sent_elsewhere() -> None:
    session = PublisherSession(0.0)
    (request,) = reconnecting(session, 1.0)
    assert (request.name, request.stream_id) == ("onStatus", 0)
    assert status_code(request) == "NetConnection.Connect.ReconnectRequest"
    assert isinstance(request.arguments[1], dict)
    assert request.arguments[1]["tcUrl"] == "rtmp://elsewhere/live"
    assert feed(session, message(b"\xaf\x01x", type_id=8)) == [MediaReceived(MediaKind.AUDIO, 0, b"\xaf\x01x")]


@pytest.mark.parametrize("flags", [0.0, 14.0, float("nan"), float("inf"), "1", None])
def test_one_that_cannot_is_not(flags: AmfValue) -> None:
    assert reconnecting(PublisherSession(0.0), flags) == []
