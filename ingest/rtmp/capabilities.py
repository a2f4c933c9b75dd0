"""What both sides of a connection tell each other in connect (Enhanced RTMP v2, "Enhancing NetConnection connect").

A client that says nothing of it may send enhanced tags all the same: OBS does. What it says decides only what is said
to it, because older clients stumble over properties they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntFlag

from ingest.flv.codec_table import AUDIO_CODECS, VIDEO_CODECS
from ingest.rtmp.amf import AmfValue

CAN_FORWARD = 4
"""Of a FourCcInfoMask: what comes in a codec goes out to viewers."""


class Capability(IntFlag):
    """CapsExMask."""

    RECONNECT = 1
    MULTITRACK = 2
    MOD_EX = 4
    TIMESTAMP_NANO_OFFSET = 8


_CLIENT_FIELDS = ("capsEx", "fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap")


def server_capabilities(connect: Mapping[str, AmfValue]) -> dict[str, AmfValue]:
    """What the answer to this client's connect says in addition; nothing to one that does not ask."""
    if not any(field in connect for field in _CLIENT_FIELDS):
        return {}
    return {
        "capsEx": float(sum(Capability)),
        "fourCcList": [name.decode() for name in (*VIDEO_CODECS, *AUDIO_CODECS)],
        "videoFourCcInfoMap": _info_map(VIDEO_CODECS),
        "audioFourCcInfoMap": _info_map(AUDIO_CODECS),
    }


def can_reconnect(connect: Mapping[str, AmfValue]) -> bool:
    """Whether the client follows a reconnect request."""
    flags = connect.get("capsEx")
    return isinstance(flags, float) and flags.is_integer() and bool(int(flags) & Capability.RECONNECT)


def _info_map(four_ccs: Iterable[bytes]) -> dict[str, AmfValue]:
    return {name.decode(): float(CAN_FORWARD) for name in four_ccs}
