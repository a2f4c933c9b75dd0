"""The server's TLS certificate: two PEM files, looked at before they are used and again whenever they change.

A certificate lives for weeks and a broadcast for hours, so a renewed one is taken while the server runs: connections
that begin later get it, those there are go on with what they have. A pair that cannot be used never replaces one that
can.

    PinkmediaError
    └── UsageError
        └── CertificateError    files that are no usable pair
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ingest.rtmp.tls import server_context
from pinkmedia.errors import UsageError

WATCH_SECONDS = 5.0
"""How often the files are looked at: a renewed certificate has days left to be taken, a person who waits has not."""
MAX_PEM_BYTES = 256 * 1024
"""A chain of a few certificates takes 10 KB; what is larger is another file."""

log = structlog.get_logger(__name__)


class CertificateError(UsageError):
    """Files that are no usable pair; the text names the file."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the pair lies."""

    certificate: Path
    """The server's own certificate first, then those between it and its authority, in PEM."""
    private_key: Path
    """In PEM, without a passphrase."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself."""

    names: tuple[str, ...]
    """Host names that it is for."""
    valid_from: datetime
    valid_until: datetime


def load_pair(files: CertificateFiles) -> tuple[ssl.SSLContext, CertificateFacts]:
    """What serves a pair, and what it says. Raises CertificateError when it is none, or none that OpenSSL takes."""
    facts = _read_facts(files)
    context = server_context()
    try:
        context.load_cert_chain(files.certificate, files.private_key)
    except OSError as error:  # an SSLError is one
        raise CertificateError(f"{files.certificate}: cannot be used: {_reason(error)}") from None
    return context, facts


def _read_facts(files: CertificateFiles) -> CertificateFacts:
    certificate = _read_certificate(files.certificate)
    if not _belong_together(certificate, _read_public_key(files.private_key)):
        raise CertificateError(
            f"{files.private_key}: this key does not belong to the certificate in {files.certificate}"
            " (whose first certificate must be the server's own)"
        )
    return CertificateFacts(_names(certificate), certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _belong_together(certificate: x509.Certificate, public_key: PublicKeyTypes) -> bool:
    try:
        return certificate.public_key() == public_key
    except (ValueError, UnsupportedAlgorithm):  # a certificate of a kind that no key of ours can have
        return False


_Signature: TypeAlias = tuple[tuple[int, int, int], ...]
"""Of both files: device, inode and time of change."""


class ServerCertificate:
    """The pair in use. Raises CertificateError when there is none to begin with."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._seen: _Signature | None = None
        self._asked = asyncio.Event()
        self._load()

    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        return self._context

    def ask_reload(self) -> None:
        """Look at the files now, whether they seem to have changed or not."""
        self._asked.set()

    async def watch(self) -> None:
        """Take what changes; runs until it is cancelled."""
        while True:
            was_asked = await self._asked_within(WATCH_SECONDS)
            await asyncio.to_thread(self.reload, is_forced=was_asked)

    def reload(self, *, is_forced: bool) -> None:
        """Take the pair in the files if they have changed since the last look. A bad one is logged and left alone."""
        if not is_forced and self._seen == _signature(self._files):
            return
        try:
            self._load()
        except CertificateError as error:
            log.error(
                "tls_certificate_not_taken",
                reason=str(error),
                advice="the one before stays in use; put a matching pair there (pinkmedia doctor checks it)",
            )

    def _load(self) -> None:
        # First the signature: what changes while it is read is a change for the next look.
        self._seen = _signature(self._files)
        self._context, facts = load_pair(self._files)
        log.info("tls_certificate_taken", names=facts.names, valid_until=facts.valid_until.isoformat())
        if facts.valid_until < datetime.now(UTC):
            log.warning("tls_certificate_expired", advice="renew it: encoders that check it will not connect")

    async def _asked_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            return False
        self._asked.clear()
        return True


def _signature(files: CertificateFiles) -> _Signature:
    return tuple(_file_signature(path) for path in (files.certificate, files.private_key))


def _file_signature(path: Path) -> tuple[int, int, int]:
    """Through symbolic links, which is how certbot puts a new pair in place."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_dev, status.st_ino, status.st_mtime_ns)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read(path))[0]
    except ValueError:
        raise CertificateError(f"{path}: not a certificate in PEM") from None


def _read_public_key(path: Path) -> PublicKeyTypes:
    """Of a private key."""
    try:
        return load_pem_private_key(_read(path), password=None).public_key()
    except TypeError:
        raise CertificateError(f"{path}: this key is locked with a passphrase; give one without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(f"{path}: not a private key in PEM") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM_BYTES)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    """Also of an SSLError, which is one."""
    return (getattr(error, "reason", None) or error.strerror or str(error)).lower()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    addresses = map(str, alternatives.get_values_for_type(x509.IPAddress))
    return (*alternatives.get_values_for_type(x509.DNSName), *addresses)
