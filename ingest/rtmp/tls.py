"""TLS below RTMP (RTMPS) as a pure object: the peer's bytes in, what they say out, and the other way round.

    socket ─► receive_data ─► session        OpenSSL works on two buffers in memory
           ◄─ data_to_send ◄─ send

Not the event loop's own TLS, because the connection must do with it what it does without: look at the first byte
before it decides, say its last word and close one half only (uvloop's TLS cannot), and meet one deadline.

It is OpenSSL that bounds a record (16 KiB) and a flight of the handshake. What it has deciphered leaves within the
same call, so that no more than an unfinished record stays; what it wants to say is bounded by the transport.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ingest.rtmp.errors import TlsError
from ingest.rtmp.handshake import VERSION

TLS_HANDSHAKE_RECORD = 0x16
"""First byte of a ClientHello (RFC 8446 §5.1)."""
MAX_HANDSHAKE_BYTES = 64 * 1024
"""From the peer until TLS is established; ClientHello and Finished are under 4 KiB, post-quantum keys included."""
MAX_RECORD_BYTES = 16 * 1024
"""Plaintext of one record (RFC 8446 §5.1): OpenSSL hands out one for each read."""

_CAUSES = {
    "UNSUPPORTED_PROTOCOL": "the publisher speaks no TLS 1.2 or newer; update it",
    "NO_SHARED_CIPHER": "the publisher knows no cipher of today; update it",
    "TLSV1_ALERT_UNKNOWN_CA": "the publisher does not trust the certificate; does the file hold the whole chain?",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the publisher does not take the certificate; is it for the URL's host name?",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the publisher does not take the certificate; is it for the URL's host name?",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the publisher says that the certificate has expired",
}
"""What is likely wrong, by OpenSSL's name for it; others are logged by that name."""


@dataclass(frozen=True, slots=True)
class PortTls:
    """How a port takes TLS."""

    context: Callable[[], ssl.SSLContext]
    """Asked for each connection, so that a renewed certificate needs no restart."""
    is_required: bool
    """Else the first byte decides between TLS and plain RTMP."""


def begin_tls(port_tls: PortTls | None, first_byte: int) -> TlsLayer | None:
    """What lies below RTMP on a connection that begins with this byte: None when nothing does. Raises TlsError."""
    if first_byte == TLS_HANDSHAKE_RECORD:
        if port_tls is None:
            raise TlsError("TLS on the plain RTMP port; use the port of rtmps://, or set rtmp_port_accepts_tls")
        return TlsLayer(port_tls.context())
    if port_tls is None or not port_tls.is_required:
        return None
    if first_byte == VERSION:
        raise TlsError("plain RTMP on the RTMPS port; use an rtmps:// URL, or the port of rtmp://")
    raise TlsError(f"not TLS: the first byte is {first_byte}, not {TLS_HANDSHAKE_RECORD}")


class TlsLayer:
    """The server's side of one connection's TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshake_bytes = 0
        self._is_established = False
        self.has_spoken = False
        """The peer has said something over TLS."""
        self.has_ended = False
        """The peer has said that nothing follows (RFC 8446 §6.1), or TLS has failed."""

    def receive_data(self, data: bytes) -> bytes:
        """What the peer's bytes say; empty during the handshake. Raises TlsError; the layer is unusable then."""
        try:
            if self._is_established:
                self._incoming.write(data)
            else:
                self._shake_hands(data)
            plaintext = b"".join(self._read()) if self._is_established else b""
        except ssl.SSLError as error:
            self.has_ended = True
            raise TlsError(_cause(error)) from error
        self.has_spoken = self.has_spoken or bool(plaintext)
        return plaintext

    def send(self, plaintext: bytes) -> None:
        """Say something, once TLS is established; before, RTMP has nothing to say. After its end nothing is said."""
        if not plaintext or not self._is_established or self.has_ended:
            return
        try:
            self._tls.write(plaintext)
        except ssl.SSLError:
            self.has_ended = True

    def close(self) -> None:
        """Say that nothing follows."""
        with suppress(ssl.SSLError):  # it wants the peer's answer, or TLS was never established: there is no more to do
            self._tls.unwrap()

    def data_to_send(self) -> bytes:
        """What the peer is to get now; each byte is returned once."""
        return self._outgoing.read()

    def _shake_hands(self, data: bytes) -> None:
        self._handshake_bytes += len(data)
        if self._handshake_bytes > MAX_HANDSHAKE_BYTES:
            raise TlsError(f"more than {MAX_HANDSHAKE_BYTES} bytes before TLS is established")
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        self._is_established = True

    def _read(self) -> Iterator[bytes]:
        try:
            while record := self._tls.read(MAX_RECORD_BYTES):
                yield record
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # both have said that nothing follows
            pass
        self.has_ended = True


def server_context() -> ssl.SSLContext:
    """For the server's side: TLS 1.2 or newer, and nothing that costs memory between connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0  # encoders come back once in hours: nothing is gained by resuming
    return context


def _cause(error: ssl.SSLError) -> str:
    name = error.reason or type(error).__name__
    return _CAUSES.get(name, f"TLS failed: {name.lower().replace('_', ' ')}")
