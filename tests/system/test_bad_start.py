"""What cannot be started says so in one line."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.certificates import make_pair
from tests.pinkmedia.command_line import clean_environment
from tests.support import free_ports

START_SECONDS = 30.0
PORT_KEYS = "http_port", "rtmp_port", "srt_port"


def refused(tmp_path: Path, **settings: object) -> tuple[int, str]:
    """The exit code and the last line on standard error of a server that does not start."""
    ports = dict(zip(PORT_KEYS, free_ports(len(PORT_KEYS)), strict=True))
    keys = {"data_dir": tmp_path / "data", "host": "127.0.0.1", **ports}
    variables = {f"PINKMEDIA_{key.upper()}": str(value) for key, value in (keys | settings).items()}
    done = subprocess.run(
        [sys.executable, "-m", "pinkmedia", "serve"],
        cwd=tmp_path,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize("key", PORT_KEYS)
def test_a_port_in_use(tmp_path: Path, key: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM if key == "srt_port" else socket.SOCK_STREAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        exit_code, line = refused(tmp_path, **{key: port})
    assert exit_code == 1
    assert str(port) in line
    assert "in use" in line


@pytest.mark.parametrize(("secret", "complaint"), [("short", "10 to 79 characters"), (None, "cannot be read")])
def test_a_passphrase_file_of_no_use(tmp_path: Path, secret: str | None, complaint: str) -> None:
    path = tmp_path / "passphrase.txt"
    if secret is not None:
        path.write_text(secret)
    exit_code, line = refused(tmp_path, srt_passphrase_file=path)
    assert exit_code == 2
    assert str(path) in line
    assert complaint in line


def test_a_file_of_playback_secrets_of_no_use(tmp_path: Path) -> None:
    path = tmp_path / "secrets.txt"
    path.write_text("too short")
    exit_code, line = refused(tmp_path, playback_secret_file=path)
    assert exit_code == 2
    assert f"{path}: needs 1 to 8 secrets" in line
    assert "too short" not in line


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    exit_code, line = refused(tmp_path, data_dir=tmp_path / "file")
    assert exit_code == 1
    assert str(tmp_path / "file") in line


def test_a_broken_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "pinkmedia.toml").write_text("http_port = \n")
    exit_code, line = refused(tmp_path)
    assert exit_code == 2
    assert "pinkmedia.toml" in line


def test_a_certificate_without_its_key(tmp_path: Path) -> None:
    files = make_pair(tmp_path)
    (tmp_path / "other").mkdir()
    key = make_pair(tmp_path / "other").private_key
    exit_code, line = refused(tmp_path, tls_certificate=files.certificate, tls_private_key=key)
    assert exit_code == 2
    assert f"{key}: this key does not belong to the certificate in {files.certificate}" in line


def test_an_unknown_key(tmp_path: Path) -> None:
    (tmp_path / "pinkmedia.toml").write_text("htp_port = 8080\n")
    exit_code, line = refused(tmp_path)
    assert exit_code == 2
    assert "htp_port" in line
    assert "http_port" in line
