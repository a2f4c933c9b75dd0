"""RTMP messages (RTMP 1.0 §5.4, §6, §7.1): the types, and those that a server sends or takes apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import decode_values, encode_values
from ingest.rtmp.errors import AmfError, ChunkError

AGGREGATE_HEADER_BYTES = 11
AGGREGATE_TRAILER_BYTES = 4
"""The back pointer; its value differs between senders and nobody needs it."""


class MessageType(IntEnum):
    """Message type id."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_ACKNOWLEDGEMENT_SIZE = 5
    SET_PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    DATA_AMF3 = 15
    COMMAND_AMF3 = 17
    DATA_AMF0 = 18
    COMMAND_AMF0 = 20
    AGGREGATE = 22


class UserControlEvent(IntEnum):
    """Event type of a user control message (§7.1.7)."""

    STREAM_BEGIN = 0
    PING_REQUEST = 6
    PING_RESPONSE = 7


@dataclass(frozen=True, slots=True)
class Message:
    """One message, whatever its chunks were."""

    type_id: int
    """A MessageType, or a number that means nothing to us."""
    stream_id: int
    """Message stream id; 0 is the connection itself."""
    timestamp_ms: int
    """Milliseconds modulo 2^32, any origin."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """A remote call: type 20, or 17 (§7.1.1)."""

    name: str
    transaction_id: float
    """Echoed in the answer."""
    arguments: Sequence[AmfValue]
    """The command object first, null where there is none."""
    stream_id: int = 0

    @classmethod
    def parse(cls, message: Message) -> Self:
        """Raises AmfError."""
        match decode_values(_amf0_body(message)):
            case [str() as name, float() as transaction_id, *arguments]:
                return cls(name, transaction_id, arguments, message.stream_id)
        raise AmfError("a command lacks its name or transaction id")

    def to_message(self) -> Message:
        body = encode_values([self.name, self.transaction_id, *self.arguments])
        return Message(MessageType.COMMAND_AMF0, self.stream_id, 0, body)

    def argument(self, index: int) -> AmfValue:
        """None where the sender left it out."""
        return self.arguments[index] if index < len(self.arguments) else None


def parse_metadata(message: Message) -> dict[str, AmfValue] | None:
    """The properties of an onMetaData message (type 18 or 15), with or without @setDataFrame; None for other data.

    Raises AmfError.
    """
    values = decode_values(_amf0_body(message))
    if values[:1] == ["@setDataFrame"]:
        del values[0]
    match values:
        case ["onMetaData", dict() as properties, *_]:
            return properties
    return None


def split_aggregate(message: Message) -> Iterator[Message]:
    """The messages inside a type 22 (§7.1.6); times follow the aggregate's own. Raises ChunkError."""
    body, position, first_ms = message.payload, 0, None
    while position < len(body):
        payload_position = position + AGGREGATE_HEADER_BYTES
        length = int.from_bytes(body[position + 1 : position + 4])
        end = payload_position + length
        if end > len(body):
            raise ChunkError("an aggregate message is cut short")
        # The timestamp's high byte comes last, as in FLV tags.
        own_ms = int.from_bytes(body[position + 4 : position + 7]) | body[position + 7] << 24
        first_ms = own_ms if first_ms is None else first_ms
        timestamp_ms = (message.timestamp_ms + own_ms - first_ms) & 0xFFFFFFFF
        yield Message(body[position], message.stream_id, timestamp_ms, body[payload_position:end])
        position = end + AGGREGATE_TRAILER_BYTES


def control(type_id: MessageType, value: int, tail: bytes = b"") -> Message:
    """A protocol control message of one 32-bit number (§5.4)."""
    return Message(type_id, 0, 0, value.to_bytes(4) + tail)


def user_control(event: UserControlEvent, value: int) -> Message:
    """A user control message of one 32-bit number (§7.1.7)."""
    return Message(MessageType.USER_CONTROL, 0, 0, event.to_bytes(2) + value.to_bytes(4))


def _amf0_body(message: Message) -> bytes:
    """Types 17 and 15 begin with a format byte of 0, which some senders leave out (§7.1.1)."""
    has_format_byte = message.type_id in (MessageType.COMMAND_AMF3, MessageType.DATA_AMF3)
    return message.payload[1:] if has_format_byte and message.payload[:1] == b"\x00" else message.payload
