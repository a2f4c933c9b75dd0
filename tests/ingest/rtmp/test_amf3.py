"""AMF3 values as bytes, each behind AMF0's marker for one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.amf import MAX_DEPTH, MAX_ELEMENTS, AmfValue
from ingest.rtmp.amf0 import decode_values
from ingest.rtmp.errors import AmfError, LimitExceeded
from ingest.rtmp.messages import Command, Message, MessageType, parse_metadata

AVMPLUS = b"\x11"
EMPTY_ARRAY = "09 01 01"


def decode(hexadecimal: str) -> AmfValue:
    (value,) = decode_values(AVMPLUS + bytes.fromhex(hexadecimal))
    return value


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("00", None),
        ("01", None),
        ("02", False),
        ("03", True),
        ("05 4009000000000000", 3.125),
        ("06 01", ""),
        ("06 07 414243", "ABC"),
        ("06 05 ff41", "\ufffdA"),
        ("07 05 6869", "hi"),
        ("08 01 4000000000000000", 2.0),
        ("0b 05 6869", "hi"),
        ("0c 05 0102", None),
    ],
)
def test_scalars(body: str, expected: AmfValue) -> None:
    value = decode(body)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("u29", "expected"),
    [
        ("00", 0),
        ("7f", 127),
        ("8100", 128),
        ("ff7f", 16_383),
        ("818000", 16_384),
        ("ffff7f", 2_097_151),
        ("80c08000", 2_097_152),
        ("bfffffff", 268_435_455),
        ("c0808000", -268_435_456),
        ("ffffffff", -1),
    ],
)
def test_integers(u29: str, expected: int) -> None:
    value = decode("04" + u29)
    assert value == expected
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (EMPTY_ARRAY, []),
        ("09 05 01 03 02", [True, False]),
        ("09 01 03 61 03 01", {"a": True}),  # associative only
        ("09 05 03 61 01 01 03 02", {"a": None, "0": True, "1": False}),
        ("0a 0b 01 03 61 03 01", {"a": True}),  # dynamic
        ("0a 0b 01 01", {}),
        ("0a 23 03 43 03 61 03 62 03 02", {"a": True, "b": False}),  # sealed, of class C
        ("0a 1b 03 43 03 61 03 03 62 02 01", {"a": True, "b": False}),  # both
        ("0d 05 00 ffffffff 00000001", [-1.0, 1.0]),
        ("0e 05 01 ffffffff 00000001", [4294967295.0, 1.0]),
        ("0f 03 00 3ff8000000000000", [1.5]),
        ("10 05 00 03 43 03 01", [True, None]),
        ("11 05 00 06 03 61 03 04 07 02", {"a": True, "7.0": False}),
    ],
)
def test_collections(body: str, expected: AmfValue) -> None:
    assert decode(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("09 05 01 06 03 61 06 00", ["a", "a"], id="string"),
        pytest.param("09 07 01 06 01 06 03 61 06 00", ["", "a", "a"], id="the empty string has no number"),
        pytest.param("09 01 03 61 06 00 01", {"a": "a"}, id="a name is a string"),
        pytest.param("09 05 01 0a 13 01 03 61 03 0a 01 02", [{"a": True}, {"a": False}], id="traits"),
        pytest.param("09 05 01 0a 0b 01 03 61 03 01 0a 02", [{"a": True}, {"a": True}], id="object"),
        pytest.param(f"09 05 01 {EMPTY_ARRAY} 09 02", [[], []], id="array"),
        pytest.param("09 05 01 08 01 4000000000000000 08 02", [2.0, 2.0], id="date"),
        pytest.param("09 05 01 0b 05 6869 0b 02", ["hi", "hi"], id="XML"),
        pytest.param("09 03 01 09 00", [None], id="an array inside itself"),
        pytest.param("0a 0b 01 03 61 09 03 01 0a 00 01", {"a": [None]}, id="an object inside itself"),
    ],
)
def test_references(body: str, expected: AmfValue) -> None:
    assert decode(body) == expected


def test_reference_numbers_go_on_through_a_message() -> None:
    body = bytes.fromhex("11 06 03 61 05 11 06 00 11 09 03 01 03 11 09 00")
    assert decode_values(body) == ["a", None, "a", [True], [True]]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="no marker"),
        pytest.param("04 ff", id="number cut short"),
        pytest.param("05 40", id="double cut short"),
        pytest.param("06 07 41", id="string cut short"),
        pytest.param("09 05 01 03", id="array cut short"),
        pytest.param("0a 0b 01 03 61 03", id="object without its end"),
        pytest.param("0c ffffffff", id="byte array of 256 MiB"),
        pytest.param("06 00", id="no such string"),
        pytest.param("09 02", id="no such object"),
        pytest.param("0a 01", id="no such traits"),
        pytest.param("0a 07 03 43", id="externalizable"),
        pytest.param("0d 05 00 00000001", id="vector cut short"),
        pytest.param(f"11 03 00 {EMPTY_ARRAY} 01", id="dictionary with an array as its key"),
        pytest.param("12 01", id="no such collection"),
        pytest.param("ff", id="no such marker"),
    ],
)
def test_what_is_refused(body: str) -> None:
    with pytest.raises(AmfError):
        decode(body)


def nested(levels: int) -> str:
    return "09 03 01" * levels + "01"


def chain(length: int) -> str:
    """An array of arrays, each of which holds the one before twice."""
    links = "".join(f"09 05 01 09 {2 * index:02x} 09 {2 * index:02x}" for index in range(1, length))
    return f"09 {2 * length + 1:02x} 01 {EMPTY_ARRAY} {links}"


def test_up_to_the_limits() -> None:
    assert decode(nested(MAX_DEPTH))
    assert decode(chain(3)) == [[], [[], []], [[[], []], [[], []]]]
    assert len(decode_values(b"\x11\x01" * MAX_ELEMENTS)) == MAX_ELEMENTS


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(MAX_DEPTH + 1), id="deep"),
        pytest.param(nested(10_000), id="very deep"),
        pytest.param("09 ffffffff 01" + "01" * 5_000, id="many"),
        pytest.param("0a fffffffb 01" + "01" * 5_000, id="many names"),
        pytest.param("0f 8fffffff 00", id="many numbers"),
        pytest.param(chain(MAX_DEPTH + 2), id="deep by references"),
        pytest.param("09 17 01 09 8149 01" + "01" * 100 + "09 02" * 10, id="many by references"),
    ],
)
def test_limits(body: str) -> None:
    with pytest.raises(LimitExceeded):
        decode(body)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_raise(body: bytes) -> None:
    with suppress(AmfError, LimitExceeded):
        decode_values(AVMPLUS + body)


@pytest.mark.parametrize("format_byte", ["00", ""])
def test_connect_with_its_properties_in_amf3(format_byte: str) -> None:
    name, transaction_id = "02 0007 636f6e6e656374", "00 3ff0000000000000"
    properties = "11 0a 0b 01 07 617070 06 09 6c697665 1d 6f626a656374456e636f64696e67 04 03 01"
    payload = bytes.fromhex(format_byte + name + transaction_id + properties)
    command = Command.parse(Message(MessageType.COMMAND_AMF3, 0, 0, payload))
    assert command == Command("connect", 1.0, [{"app": "live", "objectEncoding": 3.0}])


@pytest.mark.parametrize("format_byte", ["00", ""])
def test_metadata_in_amf3(format_byte: str) -> None:
    name = "02 000a 6f6e4d65746144617461"
    payload = bytes.fromhex(f"{format_byte} {name} 11 09 01 0b 7769647468 04 8a00 01")
    assert parse_metadata(Message(MessageType.DATA_AMF3, 1, 0, payload)) == {"width": 1280.0}


def test_a_command_wholly_in_amf3() -> None:
    payload = bytes.fromhex("00 11 06 0f 7075626c697368 11 04 05 11 01 11 06 07 4b4559")
    assert Command.parse(Message(MessageType.COMMAND_AMF3, 1, 0, payload)) == Command("publish", 5.0, [None, "KEY"], 1)
