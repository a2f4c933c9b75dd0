"""What a caller's conclusion asks for, and the answer to it (draft-sharabayko-srt §4.3; libsrt's rejection codes)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.srt.errors import Rejection, SrtError
from ingest.srt.handshake import (
    MAX_STREAM_ID_BYTES,
    VERSION_5,
    Extension,
    ExtensionFlag,
    ExtensionType,
    Handshake,
    HandshakeType,
    LatencyOffer,
    SrtFlag,
    decode_text,
)
from ingest.srt.key_material import CipherId, KeyMaterial, StreamKeys
from ingest.srt.packets import MAX_DATAGRAM_BYTES
from ingest.srt.receiver import FLOW_WINDOW_PACKETS
from ingest.srt.sequence import SEQUENCE_MASK
from ingest.srt.stream_id import parse_stream_id

SRT_VERSION = 0x00010504
"""1.5.4: what is answered. By it libsrt decides which AES-GCM it speaks: the one before was another."""
OLDEST_GCM_VERSION = 0x00010504
OLDEST_SRT_VERSION = 0x00010300
"""The first with handshakes of version 5."""
OUR_FLAGS = (
    SrtFlag.TSBPD_SENDER
    | SrtFlag.TSBPD_RECEIVER
    | SrtFlag.CRYPT
    | SrtFlag.TOO_LATE_DROP
    | SrtFlag.PERIODIC_NAK
    | SrtFlag.RETRANSMIT_FLAG
)
MSS_BYTES = MAX_DATAGRAM_BYTES + 28
"""With IP and UDP headers."""


@dataclass(frozen=True, slots=True)
class LatencyLimits:
    """What the operator allows."""

    shortest_ms: int
    longest_ms: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A caller's wish, checked as far as that is possible without its key's stream."""

    handshake: Handshake
    latency_ms: int
    srt_version: int
    flags: int
    key: str = field(repr=False)
    key_material: bytes | None = field(repr=False)


def parse_conclusion(handshake: Handshake, limits: LatencyLimits) -> Conclusion:
    """Raises SrtError."""
    if handshake.version != VERSION_5:
        raise SrtError(Rejection.VERSION, "the caller speaks SRT before 1.3; update it")
    if handshake.first_sequence > SEQUENCE_MASK:
        raise SrtError(Rejection.ROGUE, "the first sequence number is none")
    offer_body = handshake.extension(ExtensionType.HSREQ)
    if offer_body is None:
        raise SrtError(Rejection.ROGUE, "a conclusion without HSREQ")
    offer = LatencyOffer.parse(offer_body)
    if offer.srt_version < OLDEST_SRT_VERSION:
        raise SrtError(Rejection.VERSION, "the caller speaks SRT before 1.3; update it")
    _check_mode(handshake, offer)
    stream_id = handshake.extension(ExtensionType.STREAM_ID) or b""
    if len(stream_id) > MAX_STREAM_ID_BYTES:
        raise SrtError(Rejection.BAD_REQUEST, f"the stream id is longer than {MAX_STREAM_ID_BYTES} bytes")
    latency_ms = min(max(limits.shortest_ms, offer.sender_delay_ms), limits.longest_ms)
    return Conclusion(
        handshake,
        latency_ms,
        offer.srt_version,
        offer.flags,
        parse_stream_id(decode_text(stream_id)),
        handshake.extension(ExtensionType.KMREQ),
    )


def _check_mode(handshake: Handshake, offer: LatencyOffer) -> None:
    if offer.flags & SrtFlag.STREAM:
        raise SrtError(Rejection.MESSAGE_API, "the caller is in file mode; set transtype=live")
    congestion = handshake.extension(ExtensionType.CONGESTION)
    if congestion is not None and decode_text(congestion) != "live":
        raise SrtError(Rejection.CONGESTION, "the caller is in file mode; set transtype=live")
    if handshake.extension(ExtensionType.FILTER) is not None:
        raise SrtError(Rejection.FILTER, "forward error correction is not offered; leave packetfilter out")
    if handshake.extension(ExtensionType.GROUP) is not None:
        raise SrtError(Rejection.GROUP, "bonded connections are not offered")


def agree_on_keys(conclusion: Conclusion, passphrase: str | None) -> StreamKeys | None:
    """None for a connection in clear. Raises SrtError when only one side encrypts, or with another passphrase."""
    key_material = conclusion.key_material
    if key_material is None and passphrase is None:
        return None
    if key_material is None:
        raise SrtError(Rejection.UNSECURE, "this server wants a passphrase; set it in the encoder")
    if passphrase is None:
        raise SrtError(Rejection.UNSECURE, "the encoder has a passphrase, and this stream has none")
    material = KeyMaterial.parse(key_material)
    if material.cipher == CipherId.GCM and conclusion.srt_version < OLDEST_GCM_VERSION:
        raise SrtError(Rejection.CRYPTO, "AES-GCM of libsrt before 1.5.4 is not offered; update it, or use AES-CTR")
    return material.unwrap(passphrase)


def accepting(conclusion: Conclusion, socket_id: int, keys: StreamKeys | None) -> Handshake:
    """The answer that opens the connection."""
    request = conclusion.handshake
    flags = OUR_FLAGS if conclusion.flags & SrtFlag.RETRANSMIT_FLAG else OUR_FLAGS & ~SrtFlag.RETRANSMIT_FLAG
    offer = LatencyOffer(SRT_VERSION, flags, conclusion.latency_ms, conclusion.latency_ms)
    extensions = [Extension(ExtensionType.HSRSP, offer.serialise())]
    extension_field = ExtensionFlag.HSREQ
    if keys is not None and conclusion.key_material is not None:
        extensions.append(Extension(ExtensionType.KMRSP, conclusion.key_material))
        extension_field |= ExtensionFlag.KMREQ
    return Handshake(
        version=VERSION_5,
        encryption_field=request.encryption_field if keys is not None else 0,
        extension_field=extension_field,
        first_sequence=request.first_sequence,
        mss_bytes=min(request.mss_bytes, MSS_BYTES),
        flow_window_packets=FLOW_WINDOW_PACKETS,
        type_id=HandshakeType.CONCLUSION,
        socket_id=socket_id,
        cookie=request.cookie,
        peer_address=request.peer_address,
        extensions=tuple(extensions),
    )


def refusing(request: Handshake, rejection: Rejection) -> Handshake:
    """The answer that says why not: 48 bytes, never more than the request."""
    return Handshake(
        version=VERSION_5,
        encryption_field=0,
        extension_field=0,
        first_sequence=request.first_sequence,
        mss_bytes=request.mss_bytes,
        flow_window_packets=request.flow_window_packets,
        type_id=rejection,
        socket_id=request.socket_id,
        cookie=request.cookie,
        peer_address=request.peer_address,
    )
