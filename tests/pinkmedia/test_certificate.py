"""The TLS certificate: what is refused, and when a new one is taken."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pinkmedia import certificate
from pinkmedia.certificate import CertificateError, CertificateFiles, ServerCertificate, load_pair
from tests.certificates import make_pair, replace


def refusal(files: CertificateFiles) -> str:
    with pytest.raises(CertificateError) as caught:
        load_pair(files)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_pair_says_whom_it_is_for_and_how_long(tmp_path: Path) -> None:
    context, facts = load_pair(make_pair(tmp_path, "live.example.com", days_left=90))
    assert facts.names == ("live.example.com",)
    assert abs(facts.valid_until - datetime.now(UTC) - timedelta(days=90)) < timedelta(hours=1)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("which", ["certificate", "private_key"])
@pytest.mark.parametrize(
    ("data", "complaint"),
    [(None, "cannot be read: no such file or directory"), (b"", "in PEM"), (b"-----BEGIN junk\n\xff", "in PEM")],
)
def test_files_that_are_no_pair(tmp_path: Path, which: str, data: bytes | None, complaint: str) -> None:
    files = make_pair(tmp_path)
    path: Path = getattr(files, which)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    assert refusal(files).startswith(f"{path}: ")
    assert complaint in refusal(files)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    files = make_pair(tmp_path)
    assert "is a directory" in refusal(CertificateFiles(tmp_path, files.private_key))


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    files = make_pair(tmp_path)
    (tmp_path / "other").mkdir()
    other = make_pair(tmp_path / "other")
    assert "does not belong to the certificate" in refusal(CertificateFiles(files.certificate, other.private_key))


def test_a_key_with_a_passphrase_is_not_asked_for(tmp_path: Path) -> None:
    files = make_pair(tmp_path)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    replace(files.private_key, locked)
    assert refusal(files) == f"{files.private_key}: this key is locked with a passphrase; give one without"


class TestReload:
    def test_nothing_changes_while_the_files_do_not(self, tmp_path: Path) -> None:
        pair = ServerCertificate(make_pair(tmp_path))
        before = pair.context()
        pair.reload(is_forced=False)
        assert pair.context() is before

    def test_new_files_are_taken(self, tmp_path: Path) -> None:
        pair = ServerCertificate(make_pair(tmp_path))
        before = pair.context()
        make_pair(tmp_path)
        pair.reload(is_forced=False)
        assert pair.context() is not before

    def test_a_link_that_leads_elsewhere_is_a_new_file(self, tmp_path: Path) -> None:
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
            make_pair(tmp_path / name)
        (tmp_path / "live").symlink_to("old")
        pair = ServerCertificate(CertificateFiles(tmp_path / "live" / "certificate.pem", tmp_path / "live" / "key.pem"))
        before = pair.context()
        (tmp_path / "live").unlink()
        (tmp_path / "live").symlink_to("new")
        pair.reload(is_forced=False)
        assert pair.context() is not before

    def test_a_bad_pair_is_told_once_and_the_old_one_stays(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files = make_pair(tmp_path)
        pair = ServerCertificate(files)
        before = pair.context()
        replace(files.private_key, b"half a file")
        for _ in range(3):
            pair.reload(is_forced=False)
        assert pair.context() is before
        assert capsys.readouterr().out.count("tls_certificate_not_taken") == 1
        make_pair(tmp_path)  # the renewal goes on
        pair.reload(is_forced=False)
        assert pair.context() is not before

    def test_a_file_that_is_gone_for_a_moment(self, tmp_path: Path) -> None:
        files = make_pair(tmp_path)
        pair = ServerCertificate(files)
        before = pair.context()
        files.certificate.unlink()
        pair.reload(is_forced=True)
        assert pair.context() is before

    @pytest.mark.anyio
    async def test_who_watches_takes_it_at_once_when_asked(self, tmp_path: Path) -> None:
        pair = ServerCertificate(make_pair(tmp_path))
        before = pair.context()
        watch = asyncio.create_task(pair.watch())
        make_pair(tmp_path)
        pair.ask_reload()
        await taken(pair, before)
        watch.cancel()

    @pytest.mark.anyio
    async def test_who_watches_takes_it_unasked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(certificate, "WATCH_SECONDS", 0.01)
        pair = ServerCertificate(make_pair(tmp_path))
        before = pair.context()
        watch = asyncio.create_task(pair.watch())
        make_pair(tmp_path)
        await taken(pair, before)
        watch.cancel()


async def taken(pair: ServerCertificate, before: ssl.SSLContext) -> None:
    with anyio.fail_after(10):
        while pair.context() is before:
            await anyio.sleep(0.005)  # the change raises no event
