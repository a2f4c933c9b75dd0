"""The handshake's information field (draft-sharabayko-srt §3.2.1)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.errors import Rejection, SrtError
from ingest.srt.handshake import (
    HANDSHAKE_BYTES,
    Extension,
    ExtensionType,
    Handshake,
    HandshakeType,
    LatencyOffer,
    address_field,
    decode_text,
    encode_text,
)

CONCLUSION = bytes.fromhex(
    "00000005 0002 0007 0000002a 000005dc 00000064 ffffffff 00274921 00123456 0100007f 00000000 00000000 00000000"
    "0002 0003 00010402 0000003f 0064 0064"
    "0004 000e 12 2029 01 00000000 02 00 02 00 0000 04 04 6c438852715a4d26e0e810b3132ca61f"
    "699ab4eac6b7c66c3a9fa0d6836326c2b294a10764233356"
    "0005 0005 76696c2f 74732f65 6d616572 6f6f662e 00726162"
    "0006 0001 626f6f66"
)


def test_conclusion() -> None:
    handshake = Handshake.parse(CONCLUSION)
    assert (handshake.version, handshake.encryption_field, handshake.extension_field) == (5, 2, 7)
    assert (handshake.first_sequence, handshake.mss_bytes, handshake.flow_window_packets) == (42, 1500, 100)
    assert handshake.type_id == HandshakeType.CONCLUSION
    assert (handshake.socket_id, handshake.cookie) == (0x274921, 0x123456)
    assert handshake.peer_address == address_field("127.0.0.1")
    assert LatencyOffer.parse(_body(handshake, ExtensionType.HSRSP)) == LatencyOffer(0x10402, 0x3F, 100, 100)
    assert len(_body(handshake, ExtensionType.KMRSP)) == 56
    assert decode_text(_body(handshake, ExtensionType.STREAM_ID)) == "/live/stream.foobar"
    assert decode_text(_body(handshake, ExtensionType.CONGESTION)) == "foob"
    assert handshake.extension(ExtensionType.GROUP) is None
    assert handshake.serialise() == CONCLUSION


@pytest.mark.parametrize("size", range(HANDSHAKE_BYTES))
def test_handshake_cut_short(size: int) -> None:
    with pytest.raises(SrtError) as caught:
        Handshake.parse(CONCLUSION[:size])
    assert caught.value.rejection is Rejection.ROGUE


def test_extension_longer_than_its_packet() -> None:
    with pytest.raises(SrtError):
        Handshake.parse(CONCLUSION[:-1])


def test_extension_that_nobody_defined_is_passed_over() -> None:
    handshake = Handshake.parse(CONCLUSION[:HANDSHAKE_BYTES] + bytes.fromhex("1234 0000 0006 0001 6576696c"))
    assert decode_text(_body(handshake, ExtensionType.CONGESTION)) == "live"


def test_hsreq_cut_short() -> None:
    with pytest.raises(SrtError):
        LatencyOffer.parse(bytes(11))


def test_text_that_is_not_utf_8() -> None:
    with pytest.raises(SrtError) as caught:
        decode_text(bytes.fromhex("ff000000"))
    assert caught.value.rejection is Rejection.BAD_REQUEST


@pytest.mark.parametrize(
    ("host", "field"),
    [
        ("127.0.0.1", "0100007f 00000000 00000000 00000000"),
        ("fe80::1%eth0", "000080fe 00000000 00000000 01000000"),
        ("2001:db8::5:6", "b80d0120 00000000 00000000 06000500"),
    ],
)
def test_address_field(host: str, field: str) -> None:
    assert address_field(host) == bytes.fromhex(field)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=128))
def test_text_round_trip(text: str) -> None:
    assert decode_text(encode_text(text)) == text


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 16)), max_size=8), st.integers(0, 0x7FFFFFFF))
def test_round_trip(extensions: list[tuple[int, int]], first_sequence: int) -> None:
    handshake = Handshake(
        version=5,
        encryption_field=0,
        extension_field=5,
        first_sequence=first_sequence,
        mss_bytes=1500,
        flow_window_packets=8192,
        type_id=HandshakeType.CONCLUSION,
        socket_id=7,
        cookie=8,
        extensions=tuple(Extension(type_id, bytes(range(4 * words))) for type_id, words in extensions),
    )
    assert Handshake.parse(handshake.serialise()) == handshake


@given(st.binary(max_size=200))
def test_arbitrary_bytes(body: bytes) -> None:
    with suppress(SrtError):
        Handshake.parse(body)
    with suppress(SrtError):
        Handshake.parse(CONCLUSION[:HANDSHAKE_BYTES] + body)
    with suppress(SrtError):
        LatencyOffer.parse(body)
    with suppress(SrtError):
        decode_text(body)


def _body(handshake: Handshake, type_id: ExtensionType) -> bytes:
    body = handshake.extension(type_id)
    assert body is not None
    return body
