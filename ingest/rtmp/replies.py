"""What the server answers to publishers: words that encoders look for, in one place."""

from __future__ import annotations

from ingest.errors import CloseReason
from ingest.rtmp.amf import AmfValue
from ingest.rtmp.messages import Message, MessageType, control

WINDOW_BYTES = 2_500_000
"""Window acknowledgement size in both directions until the peer sets its own; what Adobe's server announces."""
OUTGOING_CHUNK_SIZE = 65_536
"""FFmpeg adopts it for sending, so it decides how efficiently its media arrives."""
BAD_KEY_CODE = "NetStream.Publish.BadName"
"""For a key that is wrong, missing, or cannot be one."""
DENIED = "NetStream.Publish.Denied"
"""For the right key at the wrong moment."""
REJECTED = "NetStream.Publish.Rejected"
"""The code for whatever ends a publisher that was, or would have been, admitted; the description says more."""

_DYNAMIC_LIMIT = b"\x02"
"""Limit type of Set Peer Bandwidth (RTMP 1.0 §5.4.5)."""


def information(level: str, code: str, description: str) -> dict[str, AmfValue]:
    """The information object of an answer or an onStatus (RTMP 1.0 §7.2.2)."""
    return {"level": level, "code": code, "description": description}


DENIAL_CODES = {
    CloseReason.BAD_KEY: BAD_KEY_CODE,
    CloseReason.ALREADY_PUBLISHING: "NetStream.Publish.BadName",
    CloseReason.SHUTTING_DOWN: "NetStream.Failed",
    CloseReason.UNAVAILABLE: "NetStream.Failed",
}
"""For a publisher that is not let in; for all other reasons it is DENIED.

OBS writes the description into its log for BadName, Denied, Rejected and Failed only; of all it shows "could not access
the specified channel or stream key" when they come before publishing starts.
"""

CONNECT_ANNOUNCEMENTS: tuple[Message, ...] = (
    control(MessageType.WINDOW_ACKNOWLEDGEMENT_SIZE, WINDOW_BYTES),
    control(MessageType.SET_PEER_BANDWIDTH, WINDOW_BYTES, _DYNAMIC_LIMIT),
    control(MessageType.SET_CHUNK_SIZE, OUTGOING_CHUNK_SIZE),
)
"""Sent before the answer to connect."""
CONNECT_PROPERTIES: dict[str, AmfValue] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0, "mode": 1.0}
"""Adobe's last server version: some encoders take a server without one for ancient."""
CONNECT_INFORMATION: dict[str, AmfValue] = {
    **information("status", "NetConnection.Connect.Success", "Connection succeeded."),
    "objectEncoding": 0.0,
}
"""Encoding 0: commands stay AMF0 whatever the client asked for."""
