"""The server's half of a conversation: what it says, as chunks waiting to be sent.

Each kind of message has its chunk stream, as Adobe's servers have it; some encoders rely on that.
"""

from __future__ import annotations

from ingest.rtmp.amf import AmfValue
from ingest.rtmp.chunks import ChunkWriter
from ingest.rtmp.messages import Command, Message, MessageType, UserControlEvent, control, user_control
from ingest.rtmp.replies import CONNECT_ANNOUNCEMENTS, OUTGOING_CHUNK_SIZE, information

_CONTROL_CSID = 2
_COMMAND_CSID = 3
_STATUS_CSID = 5


class Speaker:
    """Collects what the server says until it is sent."""

    def __init__(self) -> None:
        self._writer = ChunkWriter()
        self._outgoing = bytearray()

    def data_to_send(self) -> bytes:
        """Each byte is returned once."""
        outgoing = bytes(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def shake_hands(self, data: bytes) -> None:
        """Handshake bytes, which are no chunks."""
        self._outgoing += data

    def announce(self) -> None:
        """What comes before the answer to connect; chunks are larger from here on."""
        for message in CONNECT_ANNOUNCEMENTS:
            self._say(_CONTROL_CSID, message)
        self._writer.chunk_size = OUTGOING_CHUNK_SIZE

    def control(self, type_id: MessageType, value: int) -> None:
        self._say(_CONTROL_CSID, control(type_id, value))

    def user_control(self, event: UserControlEvent, value: int) -> None:
        self._say(_CONTROL_CSID, user_control(event, value))

    def result(self, command: Command, answer: AmfValue, properties: AmfValue = None) -> None:
        """The answer to a command."""
        self._say(_COMMAND_CSID, Command("_result", command.transaction_id, [properties, answer]).to_message())

    def connection_status(self, status: dict[str, AmfValue]) -> None:
        """onStatus of the connection itself."""
        self._say(_COMMAND_CSID, Command("onStatus", 0.0, [None, status]).to_message())

    def stream_status(self, stream_id: int, level: str, code: str, description: str) -> None:
        """onStatus on the message stream that was published to: GStreamer looks for it there only."""
        status = Command("onStatus", 0.0, [None, information(level, code, description)], stream_id)
        self._say(_STATUS_CSID, status.to_message())

    def _say(self, csid: int, message: Message) -> None:
        self._outgoing += self._writer.write(csid, message)
