"""A publisher that does what it likes, and an owner that answers when it likes: what holds whatever they do."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ingest.errors import CloseReason
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import encode_values
from ingest.rtmp.chunks import DEFAULT_CHUNK_SIZE, MAX_PARTIAL_BYTES, ChunkReader
from ingest.rtmp.events import Event, MediaReceived, MetadataReceived, PublishEnded, PublishRequested, SessionClosed
from ingest.rtmp.handshake import BLOB_BYTES
from ingest.rtmp.messages import Command, Message, MessageType
from ingest.rtmp.session import MAX_UNADMITTED_BYTES, PublisherSession, State
from tests.ingest.rtmp.peer import HELLO, chunks, command, connect, message

SERVER_HELLO_BYTES = 1 + 2 * BLOB_BYTES
LETTERS: dict[type[Event], str] = {
    PublishRequested: "R",
    MetadataReceived: "m",
    MediaReceived: "m",
    PublishEnded: "E",
    SessionClosed: "C",
}
LEGAL_ORDER = re.compile("(R(m*E?)?)?C?")
PUBLISH = command("createStream", 2, None) + command("publish", 3, None, "KEY", stream_id=1)

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
command_names = st.sampled_from(
    [
        "connect",
        "createStream",
        "publish",
        "play",
        "FCPublish",
        "FCUnpublish",
        "closeStream",
        "deleteStream",
        "_checkbw",
    ]
) | st.text(max_size=8)
time_fields = st.sampled_from([0, 1, 40, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF])
media_types = st.sampled_from([MessageType.AUDIO, MessageType.VIDEO])
cuts = st.lists(st.floats(0, 1), max_size=4)
"""Where what is sent is cut into reads."""

while_open = precondition(lambda machine: machine.session.state is not State.CLOSED)
after_hello = precondition(lambda machine: machine.session.state not in (State.HANDSHAKE, State.CLOSED))
while_publishing = precondition(lambda machine: machine.session.state is State.PUBLISHING)


class Client:
    """The publisher's ears: reads what the server says."""

    def __init__(self) -> None:
        self._hello_left = SERVER_HELLO_BYTES
        self._reader = ChunkReader()

    def receive_data(self, data: bytes) -> list[Message]:
        hello, data = data[: self._hello_left], data[self._hello_left :]
        self._hello_left -= len(hello)
        return self._reader.receive_data(data)


class PublisherAndOwner(RuleBasedStateMachine):
    """Both sides of one session."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session = PublisherSession(self.now)
        self.client = Client()
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self.happened = ""
        """A letter for each event."""

    # What is sent and heard

    def send(self, data: bytes, fractions: list[float]) -> None:
        ends = sorted({0, *(int(fraction * len(data)) for fraction in fractions), len(data)})
        for start, end in pairwise(ends):
            self.note(self.session.receive_data(data[start:end], self.now))

    def send_message(self, payload: bytes, fractions: list[float], **fields: int) -> None:
        self.send(message(payload, size=self.chunk_size, **fields), fractions)

    def note(self, events: list[Event]) -> None:
        self.happened += "".join(LETTERS[type(event)] for event in events)
        for each in self.client.receive_data(self.session.data_to_send()):
            if each.type_id == MessageType.COMMAND_AMF0:
                assert Command.parse(each).name in {"_result", "onStatus"}

    @initialize(step=st.integers(0, 4))
    def begin(self, step: int) -> None:
        """As far as a good publisher gets."""
        for data in (HELLO, connect(), PUBLISH)[:step]:
            self.send(data, [])
        if step == 4:
            self.accept()

    # The publisher

    @while_open
    @rule(where=cuts)
    def hello(self, where: list[float]) -> None:
        self.send(HELLO, where)

    @after_hello
    @rule(where=cuts)
    def connect_and_publish(self, where: list[float]) -> None:
        if self.chunk_size == DEFAULT_CHUNK_SIZE:
            self.send(connect() + PUBLISH, where)

    @after_hello
    @rule(
        name=command_names,
        transaction_id=st.sampled_from([0.0, 1.0, 7.0, float("nan")]),
        arguments=st.lists(values, max_size=3),
        type_and_prefix=st.sampled_from([(20, b""), (17, b""), (17, b"\0")]),
        stream_id=st.integers(0, 3),
        where=cuts,
    )
    def any_command(
        self,
        name: str,
        transaction_id: float,
        arguments: list[AmfValue],
        type_and_prefix: tuple[int, bytes],
        stream_id: int,
        where: list[float],
    ) -> None:
        type_id, prefix = type_and_prefix
        body = prefix + encode_values([name, transaction_id, *arguments])
        self.send_message(body, where, type_id=type_id, csid=3, stream_id=stream_id)

    @while_publishing
    @rule(type_id=media_types, payload=st.binary(max_size=600), fmt=st.integers(0, 1), time_ms=time_fields, where=cuts)
    def media(self, type_id: int, payload: bytes, fmt: int, time_ms: int, where: list[float]) -> None:
        self.send_message(payload, where, type_id=type_id, csid=4 + type_id, fmt=fmt, time_ms=time_ms)

    @after_hello
    @rule(
        csid=st.integers(2, 40),
        type_id=st.sampled_from([8, 9, 15, 18, 20, 22]),
        payload=st.binary(max_size=600),
        kept=st.integers(1, 4),
    )
    def unfinished_message(self, csid: int, type_id: int, payload: bytes, kept: int) -> None:
        """Its first chunks only."""
        pieces = chunks(payload, type_id=type_id, csid=csid, size=self.chunk_size)
        self.send(b"".join(pieces[:kept]), [])

    @after_hello
    @rule(values=st.lists(values, max_size=3), type_id=st.sampled_from([15, 18]), with_name=st.booleans(), where=cuts)
    def data_message(self, values: list[AmfValue], type_id: int, with_name: bool, where: list[float]) -> None:
        body = encode_values(["@setDataFrame", "onMetaData", *values] if with_name else values)
        self.send_message(body, where, type_id=type_id, csid=5)

    @after_hello
    @rule(size=st.sampled_from([0, 1, 127, 128, 200, 4096, 0xFFFFFF, 0x7FFFFFFF, 0x80000000]), where=cuts)
    def set_chunk_size(self, size: int, where: list[float]) -> None:
        self.send_message(size.to_bytes(4), where, type_id=1, csid=2, stream_id=0)
        self.chunk_size = max(size, 1)

    @after_hello
    @rule(type_id=st.sampled_from([2, 3, 4, 5, 6, 0, 7, 16, 22, 99]), payload=st.binary(max_size=12), where=cuts)
    def control(self, type_id: int, payload: bytes, where: list[float]) -> None:
        self.send_message(payload, where, type_id=type_id, csid=2, stream_id=0)

    @after_hello
    @rule(csid=st.integers(0, 40))
    def abort(self, csid: int) -> None:
        self.send_message(csid.to_bytes(4), [], type_id=2, csid=2, stream_id=0)

    @rule(data=st.binary(max_size=200), where=cuts)
    def garbage(self, data: bytes, where: list[float]) -> None:
        self.send(data, where)

    # The owner

    @precondition(lambda machine: machine.session.state is State.REQUESTED)
    @rule()
    def accept(self) -> None:
        self.session.accept_publish(self.now)
        self.note([])

    @rule()
    def accept_whatever_the_state(self) -> None:
        before = self.session.state
        self.session.accept_publish(self.now)
        assert self.session.state is (State.PUBLISHING if before is State.REQUESTED else before)

    @precondition(lambda machine: machine.session.state is State.REQUESTED)
    @rule(reason=st.sampled_from(CloseReason))
    def deny(self, reason: CloseReason) -> None:
        self.note(self.session.deny_publish(reason, "because"))
        assert self.session.state is State.CLOSED

    @rule(tc_url=st.text(max_size=20))
    def ask_to_reconnect(self, tc_url: str) -> None:
        self.session.request_reconnect("moved", tc_url)
        self.note([])

    @rule()
    def shut_down(self) -> None:
        self.note(self.session.shut_down(CloseReason.SHUTTING_DOWN, "over"))
        assert self.session.state is State.CLOSED

    @rule(seconds=st.sampled_from([0.0, 0.1, 3.0, 6.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due_at = self.session.get_timer()
        events = self.session.handle_timer(self.now)
        assert bool(events) == (due_at is not None and self.now >= due_at)
        self.note(events)

    # What holds

    @invariant()
    def events_come_in_order(self) -> None:
        assert LEGAL_ORDER.fullmatch(self.happened), self.happened

    @invariant()
    def the_end_is_told_and_final(self) -> None:
        is_closed = self.session.state is State.CLOSED
        assert is_closed == self.happened.endswith("C")
        if is_closed:
            assert self.session.get_timer() is None
            assert self.session.data_to_send() == b""

    @invariant()
    def states_follow_from_events(self) -> None:
        is_requested = "R" in self.happened
        assert is_requested or self.session.state not in (State.REQUESTED, State.PUBLISHING, State.ENDED)

    @invariant()
    def a_deadline_is_set_unless_the_owner_is_awaited(self) -> None:
        has_deadline = self.session.get_timer() is not None
        assert has_deadline == (self.session.state not in (State.REQUESTED, State.CLOSED))

    @invariant()
    def what_is_unfinished_is_bounded(self) -> None:
        reader = self.session._reader
        held = sum(len(stream.partial) for stream in reader._streams.values())
        assert held == reader._partial_bytes or self.session.state is State.CLOSED
        assert held <= MAX_PARTIAL_BYTES
        if self.session.state in (State.CONNECTING, State.CONNECTED, State.REQUESTED):
            assert held <= MAX_UNADMITTED_BYTES


TestPublisherAndOwner = PublisherAndOwner.TestCase
TestPublisherAndOwner.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
