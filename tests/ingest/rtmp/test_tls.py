"""The TLS layer between two peers in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.errors import CloseReason
from ingest.rtmp.errors import TlsError
from ingest.rtmp.tls import MAX_HANDSHAKE_BYTES, PortTls, TlsLayer, begin_tls, server_context
from tests.certificates import make_pair, trusting_client


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    files = make_pair(tmp_path)
    context = server_context()
    context.load_cert_chain(files.certificate, files.private_key)
    return context


class Client:
    """The publisher's side."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def shake_hands(self, answer: bytes = b"") -> bytes:
        """What it sends next."""
        self._incoming.write(answer)
        with suppress(ssl.SSLWantReadError, ssl.SSLCertVerificationError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def say(self, plaintext: bytes) -> bytes:
        self.tls.write(plaintext)
        return self._outgoing.read()

    def hear(self, data: bytes) -> bytes:
        self._incoming.write(data)
        return self.tls.read(65_536)

    def say_goodbye(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()


def receive(layer: TlsLayer, data: bytes, step: int | None = None) -> bytes:
    """What the layer makes of bytes that come in pieces."""
    step = step or max(1, len(data))
    return b"".join(layer.receive_data(data[start : start + step]) for start in range(0, len(data), step))


def established(context: ssl.SSLContext, client_context: ssl.SSLContext | None = None) -> tuple[TlsLayer, Client]:
    layer, client = TlsLayer(context), Client(client_context or trusting_client())
    layer.receive_data(client.shake_hands())
    layer.receive_data(client.shake_hands(layer.data_to_send()))
    client.shake_hands(layer.data_to_send())
    return layer, client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("step", [None, 1, 7])
def test_both_sides_hear_each_other(context: ssl.SSLContext, version: ssl.TLSVersion, step: int | None) -> None:
    client_context = trusting_client()
    client_context.maximum_version = version
    layer, client = TlsLayer(context), Client(client_context)
    outgoing = client.shake_hands()
    while outgoing:
        assert receive(layer, outgoing, step) == b""
        outgoing = client.shake_hands(layer.data_to_send())
    assert client.tls.version() == version.name.replace("v1_", "v1.")
    assert not layer.has_spoken
    question = bytes(range(256)) * 200  # several records
    assert receive(layer, client.say(question), step) == question
    assert layer.has_spoken
    layer.send(b"answer")
    assert client.hear(layer.data_to_send()) == b"answer"
    assert layer.data_to_send() == b""


def test_what_comes_with_the_end_of_the_handshake_is_not_lost(context: ssl.SSLContext) -> None:
    layer, client = TlsLayer(context), Client(trusting_client())
    layer.receive_data(client.shake_hands())
    finished = client.shake_hands(layer.data_to_send())
    assert layer.receive_data(finished + client.say(b"C0 C1")) == b"C0 C1"


def test_nothing_is_said_before_tls_is_established(context: ssl.SSLContext) -> None:
    layer = TlsLayer(context)
    layer.send(b"too early")
    layer.close()
    assert layer.data_to_send() == b""


def test_the_peers_goodbye(context: ssl.SSLContext) -> None:
    layer, client = established(context)
    assert layer.receive_data(client.say(b"last words") + client.say_goodbye()) == b"last words"
    assert layer.has_ended
    layer.send(b"not sent")
    assert layer.data_to_send() == b""


def test_our_goodbye_comes_after_our_last_words(context: ssl.SSLContext) -> None:
    layer, client = established(context)
    layer.send(b"why")
    layer.close()
    outgoing = layer.data_to_send()
    assert client.hear(outgoing) == b"why"
    assert client.hear(b"") == b""  # closed, where a connection that was cut would raise
    assert layer.receive_data(client.say(b"still talking")) == b"still talking"


@pytest.mark.parametrize(
    ("is_required", "first_byte", "complaint"),
    [
        (True, 0x03, "plain RTMP on the RTMPS port"),
        (True, ord("G"), "not TLS: the first byte is 71"),
        (None, 0x16, "TLS on the plain RTMP port; use the port of rtmps://, or set rtmp_port_accepts_tls"),
    ],
)
def test_the_wrong_port_is_named(
    context: ssl.SSLContext, is_required: bool | None, first_byte: int, complaint: str
) -> None:
    port_tls = None if is_required is None else PortTls(lambda: context, is_required)
    with pytest.raises(TlsError, match=complaint) as caught:
        begin_tls(port_tls, first_byte)
    assert caught.value.reason is CloseReason.TLS_FAILED


def test_a_port_that_takes_both_tells_them_apart(context: ssl.SSLContext) -> None:
    port_tls = PortTls(lambda: context, is_required=False)
    assert begin_tls(port_tls, 0x16) is not None
    assert begin_tls(port_tls, 0x03) is None
    assert begin_tls(None, 0x03) is None


def test_a_publisher_that_does_not_trust_the_certificate(context: ssl.SSLContext) -> None:
    layer, client = TlsLayer(context), Client(ssl.create_default_context())
    layer.receive_data(client.shake_hands())
    alert = client.shake_hands(layer.data_to_send())
    with pytest.raises(TlsError, match="does not trust the certificate"):
        layer.receive_data(alert)


def test_a_publisher_whose_tls_is_too_old(context: ssl.SSLContext) -> None:
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # today's clients speak nothing below 1.2
    old = trusting_client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    layer = TlsLayer(context)
    with pytest.raises(TlsError, match="update it"):
        layer.receive_data(Client(old).shake_hands())
    assert layer.data_to_send()[0] == 0x15  # it is told: an alert


def test_a_record_that_was_tampered_with(context: ssl.SSLContext) -> None:
    layer, client = established(context)
    record = bytearray(client.say(b"C0 C1"))
    record[-1] ^= 1
    with pytest.raises(TlsError, match="bad record mac"):
        layer.receive_data(bytes(record))
    assert layer.has_ended


@pytest.mark.parametrize("garbage", [b"\x16" * 64, b"\x16\x03\x01\x02\x00" + bytes(512), b"\x16\x03\x01\xff\xff"])
def test_what_only_begins_like_tls(context: ssl.SSLContext, garbage: bytes) -> None:
    with pytest.raises(TlsError):
        TlsLayer(context).receive_data(garbage)


def test_a_handshake_without_end_is_bounded(context: ssl.SSLContext) -> None:
    layer = TlsLayer(context)
    record = b"\x16\x03\x01\x40\x00"
    hello = record + b"\x01\x01\xf0\x00" + bytes(16_380)  # the first 16 KiB of a ClientHello of 124
    for received in range(0, MAX_HANDSHAKE_BYTES - len(hello), len(hello)):
        assert layer.receive_data(record + bytes(16_384) if received else hello) == b""
    with pytest.raises(TlsError, match=f"more than {MAX_HANDSHAKE_BYTES} bytes before TLS is established"):
        layer.receive_data(record + bytes(16_384))
