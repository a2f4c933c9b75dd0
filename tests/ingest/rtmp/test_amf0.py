"""AMF0 values as bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.amf0 import MAX_BODY_BYTES, AmfValue, decode_values, encode_values
from ingest.rtmp.errors import AmfError, LimitExceeded

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("003ff0000000000000", [1.0]),
        ("0101 0100", [True, False]),
        ("020003414243", ["ABC"]),
        ("05 06 0d", [None, None, None]),
        ("03 0001 61 05 0000 09", [{"a": None}]),
        ("08 00000000 0001 61 0101 0000 09", [{"a": True}]),  # a count of 0, as some senders write
        ("08 00000014 0001 61 0101", [{"a": True}]),  # no end marker
        ("0a 00000002 05 0101", [[None, True]]),
        ("0b 4000000000000000 0000", [2.0]),
        ("0c 00000002 6869", ["hi"]),
        ("0f 00000002 6869", ["hi"]),
        ("10 0001 43 0001 61 05 0000 09", [{"a": None}]),
        ("07 0000", [None]),
        ("0002", None),
        ("0200ff41", None),
        ("04", None),
        ("09", None),
        ("0affffffff", None),
        ("05 11 0401", [None]),  # what follows in AMF3 is not read
        ("0200 02 ff41", ["\ufffdA"]),
    ],
)
def test_decode(body: str, expected: list[AmfValue] | None) -> None:
    if expected is None:
        with pytest.raises(AmfError):
            decode_values(bytes.fromhex(body))
    else:
        assert decode_values(bytes.fromhex(body)) == expected


@given(st.lists(values, max_size=4))
def test_round_trip(sent: list[AmfValue]) -> None:
    with suppress(LimitExceeded):
        assert decode_values(encode_values(sent)) == sent


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_raise(body: bytes) -> None:
    with suppress(AmfError, LimitExceeded):
        decode_values(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x00\x00\x00\x01" * 10_000,  # nested
        b"\x0a\xff\xff\xff\xff" + b"\x05" * 5_000,  # many
        bytes(MAX_BODY_BYTES + 1),  # long
    ],
)
def test_limits(body: bytes) -> None:
    with pytest.raises(LimitExceeded):
        decode_values(body)


def test_long_string() -> None:
    assert encode_values(["x" * 65_536])[:5] == b"\x0c\x00\x01\x00\x00"
