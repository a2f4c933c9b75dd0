"""TLS certificates made for tests, and a client that trusts anybody."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pinkmedia.certificate import CertificateFiles


def make_pair(
    folder: Path, name: str = "localhost", *, days_left: float = 90, days_since: float = 1
) -> CertificateFiles:
    """A self-signed certificate and its key, put in place as a renewal does it: each file replaced at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=days_since))
        .not_valid_after(now + timedelta(days=days_left))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    files = CertificateFiles(folder / "certificate.pem", folder / "key.pem")
    replace(files.certificate, certificate.public_bytes(Encoding.PEM))
    replace(files.private_key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def replace(path: Path, data: bytes) -> None:
    """As a new file, so that its inode changes even if the clock does not."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def trusting_client() -> ssl.SSLContext:
    """Takes any certificate, as encoders usually do."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def subject_of(certificate: bytes | None) -> str:
    """The common name of a certificate in DER."""
    assert certificate is not None
    (attribute,) = x509.load_der_x509_certificate(certificate).subject
    return str(attribute.value)
