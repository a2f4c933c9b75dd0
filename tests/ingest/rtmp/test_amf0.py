"""AMF0 values as bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.amf import MAX_BODY_BYTES, MAX_DEPTH, MAX_ELEMENTS, AmfValue
from ingest.rtmp.amf0 import decode_values, encode_values
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
        ("03 0001 61 05 0000 09 07 0000", [{"a": None}, {"a": None}]),  # the same object again
        ("0a 00000001 05 03 0000 09 07 0001 07 0000", [[None], {}, {}, [None]]),
        ("0a 00000002 07 0000 05", [[None, None]]),  # itself, while it is being read
        ("0a 00000001 03 0001 61 07 0000 0000 09", [[{"a": None}]]),
        ("07 0000", None),
        ("0a 00000000 07 0001", None),
        ("0002", None),
        ("0200ff41", None),
        ("04", None),  # movie clip
        ("09", None),
        ("0e", None),  # record set
        ("12", None),
        ("0affffffff", None),
        ("05 11 0401 05", [None, 1.0, None]),  # one value in AMF3
        ("03 0001 61 11 09 01 01 0001 62 05 0000 09", [{"a": [], "b": None}]),
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


def nested(levels: int) -> bytes:
    return b"\x0a\x00\x00\x00\x01" * levels + b"\x05"


def chain(length: int) -> bytes:
    """Arrays of two, each of them twice the one before."""
    twice = (b"\x0a\x00\x00\x00\x02" + (b"\x07" + index.to_bytes(2)) * 2 for index in range(length))
    return b"\x0a\x00\x00\x00\x00" + b"".join(twice)


def test_up_to_the_limits() -> None:
    assert decode_values(nested(MAX_DEPTH))
    assert decode_values(b"\x05" * MAX_ELEMENTS) == [None] * MAX_ELEMENTS
    assert decode_values(chain(3))[-1] == [[[[], []], [[], []]], [[[], []], [[], []]]]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(MAX_DEPTH + 1), id="deep"),
        pytest.param(b"\x0a\x00\x00\x00\x01" * 10_000, id="very deep"),
        pytest.param(b"\x05" * (MAX_ELEMENTS + 1), id="many"),
        pytest.param(b"\x0a\xff\xff\xff\xff" + b"\x05" * 5_000, id="many in one array"),
        pytest.param(bytes(MAX_BODY_BYTES + 1), id="long"),
        pytest.param(chain(MAX_DEPTH + 1), id="deep by references"),
        pytest.param(
            b"\x0a\x00\x00\x00\x64" + b"\x05" * 100 + b"\x07\x00\x00" * 10,
            id="many by references",
        ),
    ],
)
def test_limits(body: bytes) -> None:
    with pytest.raises(LimitExceeded):
        decode_values(body)


def test_long_string() -> None:
    assert encode_values(["x" * 65_536])[:5] == b"\x0c\x00\x01\x00\x00"
