"""One publisher's RTMP connection as a pure object: bytes and time in, events and bytes out.

    HANDSHAKE ─► CONNECTING ─► CONNECTED ─► REQUESTED ─► PUBLISHING ─► ENDED
     C0 C1 C2     connect        publish     the owner's    media        goodbye
                                              answer
    any state ─► CLOSED  by an error of the peer, a deadline, or the owner

Commands that encoders send besides these (releaseStream, FCPublish, _checkbw …) get the empty answer that they wait
for, in any order and any number. References are to RTMP 1.0.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import ClassVar

from ingest.elementary import MediaKind
from ingest.errors import CloseReason
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.capabilities import can_reconnect, server_capabilities
from ingest.rtmp.chunks import ChunkReader
from ingest.rtmp.errors import CommandError, LimitExceeded, PlayRefused, RtmpError, StreamKeyError
from ingest.rtmp.events import (
    Event,
    MediaReceived,
    MetadataReceived,
    PublishEnded,
    PublishRequested,
    SessionClosed,
)
from ingest.rtmp.handshake import ServerHandshake
from ingest.rtmp.messages import (
    Command,
    Message,
    MessageType,
    UserControlEvent,
    parse_metadata,
    split_aggregate,
)
from ingest.rtmp.replies import (
    BAD_KEY_CODE,
    CONNECT_INFORMATION,
    CONNECT_PROPERTIES,
    DENIAL_CODES,
    DENIED,
    REJECTED,
    WINDOW_BYTES,
    information,
)
from ingest.rtmp.speaker import Speaker
from ingest.rtmp.stream_key import parse_stream_key

HANDSHAKE_SECONDS = 5.0
"""From connection to C2: three round trips on the worst mobile link."""
PUBLISH_SECONDS = 10.0
"""From C2 to publish: encoders take four round trips."""
STALL_SECONDS = 15.0
"""Publishing without any media: longer than a mobile handover, shorter than viewers' patience."""
GOODBYE_SECONDS = 5.0
"""From the goodbye to the publisher's own close."""
MAX_UNADMITTED_BYTES = 64 * 1024
"""After the handshake and before admission; encoders send about 2 KiB."""
MAX_MESSAGE_STREAMS = 4
"""createStream calls of one connection; encoders make one."""


class State(Enum):
    """How far a connection has come."""

    HANDSHAKE = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    REQUESTED = auto()
    PUBLISHING = auto()
    ENDED = auto()
    CLOSED = auto()


_TIMEOUTS = {
    State.HANDSHAKE: (CloseReason.HANDSHAKE_TIMEOUT, f"no complete handshake within {HANDSHAKE_SECONDS:g} s"),
    State.CONNECTING: (CloseReason.PUBLISH_TIMEOUT, f"no publish command within {PUBLISH_SECONDS:g} s"),
    State.CONNECTED: (CloseReason.PUBLISH_TIMEOUT, f"no publish command within {PUBLISH_SECONDS:g} s"),
    State.PUBLISHING: (CloseReason.STALLED, f"no media for {STALL_SECONDS:g} s"),
    State.ENDED: (CloseReason.PUBLISHER_LEFT, "unpublished"),
}
"""Why a connection closes whose deadline passes, by state; in the others there is none."""


class PublisherSession:
    """The server's side of one connection. ``now`` is monotonic seconds everywhere."""

    def __init__(self, now: float) -> None:
        self._state = State.HANDSHAKE
        self._deadline: float | None = now + HANDSHAKE_SECONDS
        self._handshake = ServerHandshake()
        self._reader = ChunkReader()
        self._speaker = Speaker()
        self._events: list[Event] = []
        self._connect: dict[str, AmfValue] = {}
        """The properties of the connect command."""
        self._message_stream_count = 0
        self._publish_stream_id = 0
        self._received_bytes = 0
        self._acknowledged_bytes = 0
        self._window_bytes = WINDOW_BYTES

    @property
    def state(self) -> State:
        return self._state

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Bytes from the peer. Its errors become a SessionClosed event; after that, nothing is read any more."""
        if self._state is State.CLOSED:
            return []
        self._received_bytes += len(data)
        try:
            self._receive(data, now)
        except RtmpError as error:
            self._fail(error)
        return self._take_events()

    def data_to_send(self) -> bytes:
        """What the peer is to get now; each byte is returned once."""
        return self._speaker.data_to_send()

    def get_timer(self) -> float | None:
        """When to call ``handle_timer`` next, if ever."""
        return self._deadline

    def handle_timer(self, now: float) -> list[Event]:
        """Time has passed; a deadline missed becomes a SessionClosed event."""
        if self._deadline is not None and now >= self._deadline:
            reason, detail = _TIMEOUTS[self._state]
            self._tell_rejected(detail)
            self._close(reason, detail)
        return self._take_events()

    def accept_publish(self, now: float) -> None:
        """Answer PublishRequested: media may come."""
        if self._state is not State.REQUESTED:
            return
        self._state, self._deadline = State.PUBLISHING, now + STALL_SECONDS
        self._speaker.user_control(UserControlEvent.STREAM_BEGIN, self._publish_stream_id)
        self._send_status("status", "NetStream.Publish.Start", "Publishing")

    def deny_publish(self, reason: CloseReason, detail: str) -> list[Event]:
        """Answer PublishRequested: the publisher is told ``detail``, and the session is closed."""
        if self._state is State.REQUESTED:
            self._send_status("error", DENIAL_CODES.get(reason, DENIED), detail)
        self._close(reason, detail)
        return self._take_events()

    def shut_down(self, reason: CloseReason, detail: str) -> list[Event]:
        """End the connection from this side: the publisher is told ``detail`` first."""
        self._tell_rejected(detail)
        self._close(reason, detail)
        return self._take_events()

    def request_reconnect(self, description: str, tc_url: str) -> bool:
        """Ask the publisher to go on at another server, if it knows how to; until then its media still counts.

        Enhanced RTMP v2, "Reconnect Request".
        """
        if self._state is not State.PUBLISHING or not can_reconnect(self._connect):
            return False
        request = information("status", "NetConnection.Connect.ReconnectRequest", description)
        self._speaker.connection_status(request | {"tcUrl": tc_url})
        return True

    # Receiving

    def _receive(self, data: bytes, now: float) -> None:
        if self._state is State.HANDSHAKE:
            data = self._receive_handshake(data, now)
        for message in self._reader.receive_data(data):
            self._receive_message(message, now)
            if self._state is State.CLOSED:
                return
        self._acknowledge()
        if self._state in (State.CONNECTING, State.CONNECTED, State.REQUESTED):
            self._check_unadmitted()

    def _receive_handshake(self, data: bytes, now: float) -> bytes:
        rest = self._handshake.receive_data(data)
        self._speaker.shake_hands(self._handshake.data_to_send())
        if self._handshake.is_complete:
            self._state, self._deadline = State.CONNECTING, now + PUBLISH_SECONDS
            self._received_bytes = len(rest)
        return rest

    def _check_unadmitted(self) -> None:
        if self._received_bytes > MAX_UNADMITTED_BYTES:
            raise LimitExceeded(f"more than {MAX_UNADMITTED_BYTES} bytes before admission")

    def _acknowledge(self) -> None:
        """§5.4.3: the total so far, each time that a window's worth has come."""
        if self._received_bytes - self._acknowledged_bytes >= self._window_bytes:
            self._acknowledged_bytes = self._received_bytes
            self._speaker.control(MessageType.ACKNOWLEDGEMENT, self._received_bytes & 0xFFFFFFFF)

    def _receive_message(self, message: Message, now: float) -> None:
        """Types that nobody defines, shared objects and acknowledgements are passed over."""
        match message.type_id:
            case MessageType.AUDIO:
                self._receive_media(MediaKind.AUDIO, message, now)
            case MessageType.VIDEO:
                self._receive_media(MediaKind.VIDEO, message, now)
            case MessageType.AGGREGATE:
                for inner in split_aggregate(message):
                    if inner.type_id in (MessageType.AUDIO, MessageType.VIDEO):
                        self._receive_message(inner, now)
            case MessageType.COMMAND_AMF0 | MessageType.COMMAND_AMF3:
                self._receive_command(Command.parse(message), now)
            case MessageType.DATA_AMF0 | MessageType.DATA_AMF3:
                self._receive_data_message(message)
            case MessageType.USER_CONTROL:
                self._receive_user_control(message.payload)
            case MessageType.WINDOW_ACKNOWLEDGEMENT_SIZE:
                self._window_bytes = int.from_bytes(message.payload[:4]) or WINDOW_BYTES

    def _receive_media(self, kind: MediaKind, message: Message, now: float) -> None:
        """An empty body is a sign of life. After the goodbye, what was under way is dropped."""
        if self._state is State.PUBLISHING:
            self._deadline = now + STALL_SECONDS
            if message.payload:
                self._events.append(MediaReceived(kind, message.timestamp_ms, message.payload))
        elif self._state is not State.ENDED:
            raise CommandError("media before the answer to publish")

    def _receive_data_message(self, message: Message) -> None:
        properties = parse_metadata(message) if self._state is State.PUBLISHING else None
        if properties is not None:
            self._events.append(MetadataReceived(properties))

    def _receive_user_control(self, payload: bytes) -> None:
        if len(payload) >= 6 and int.from_bytes(payload[:2]) == UserControlEvent.PING_REQUEST:
            sent_at = int.from_bytes(payload[2:6])
            self._speaker.user_control(UserControlEvent.PING_RESPONSE, sent_at)

    # Commands

    def _receive_command(self, command: Command, now: float) -> None:
        handler = self._COMMANDS.get(command.name)
        if handler is not None:
            handler(self, command, now)
        elif command.transaction_id:  # releaseStream, FCPublish, _checkbw, getStreamLength and what else there is
            self._speaker.result(command, None)

    def _on_connect(self, command: Command, now: float) -> None:
        properties = command.argument(0)
        if self._state is not State.CONNECTING or not isinstance(properties, dict):
            raise CommandError("connect without its properties, or twice")
        self._connect = properties
        self._state = State.CONNECTED
        self._speaker.announce()
        # Clients look for enhanced RTMP's properties in one of the two places.
        enhanced = server_capabilities(properties)
        self._speaker.result(command, CONNECT_INFORMATION | enhanced, CONNECT_PROPERTIES | enhanced)

    def _connected(self, name: str) -> str:
        """A property of connect."""
        value = self._connect.get(name)
        return value if isinstance(value, str) else ""

    def _on_create_stream(self, command: Command, now: float) -> None:
        if self._state is State.CONNECTING:
            raise CommandError("createStream before connect")
        self._message_stream_count += 1
        if self._message_stream_count > MAX_MESSAGE_STREAMS:
            raise LimitExceeded(f"more than {MAX_MESSAGE_STREAMS} message streams")
        self._speaker.result(command, float(self._message_stream_count))

    def _on_publish(self, command: Command, now: float) -> None:
        """§7.2.2.6; the publishing type (live, record, append) makes no difference."""
        if self._state is not State.CONNECTED:
            raise CommandError("publish without connect, or twice")
        self._publish_stream_id = command.stream_id
        name = command.argument(1)
        key = parse_stream_key(self._connected("app"), name if isinstance(name, str) else "", self._connected("tcUrl"))
        self._state, self._deadline = State.REQUESTED, None
        self._events.append(PublishRequested(key))

    def _on_play(self, command: Command, now: float) -> None:
        self._publish_stream_id = command.stream_id
        raise PlayRefused("this server is watched in a browser; RTMP is for publishing only")

    def _on_goodbye(self, command: Command, now: float) -> None:
        """FCUnpublish, closeStream and deleteStream come in any combination; the first one counts."""
        if self._state is State.PUBLISHING:
            self._state, self._deadline = State.ENDED, now + GOODBYE_SECONDS
            self._events.append(PublishEnded())

    _COMMANDS: ClassVar[dict[str, Callable[[PublisherSession, Command, float], None]]] = {
        "connect": _on_connect,
        "createStream": _on_create_stream,
        "publish": _on_publish,
        "play": _on_play,
        "FCUnpublish": _on_goodbye,
        "closeStream": _on_goodbye,
        "deleteStream": _on_goodbye,
    }

    # Ending

    def _send_status(self, level: str, code: str, description: str) -> None:
        self._speaker.stream_status(self._publish_stream_id, level, code, description)

    def _tell_rejected(self, description: str) -> None:
        if self._state in (State.REQUESTED, State.PUBLISHING):
            self._send_status("error", REJECTED, description)

    def _fail(self, error: RtmpError) -> None:
        """The peer's mistake ends the session; one that a person made is explained in the encoder."""
        if isinstance(error, StreamKeyError):
            self._send_status("error", BAD_KEY_CODE, str(error))
        elif isinstance(error, PlayRefused):
            self._send_status("error", "NetStream.Play.Failed", str(error))
        else:
            self._tell_rejected(str(error))
        self._close(error.reason, str(error))

    def _close(self, reason: CloseReason, detail: str) -> None:
        if self._state is not State.CLOSED:
            self._state, self._deadline = State.CLOSED, None
            self._events.append(SessionClosed(reason, detail))

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events
