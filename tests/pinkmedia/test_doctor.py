"""The doctor's checks, on this machine as it is."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinkmedia import doctor
from pinkmedia.doctor import Verdict
from pinkmedia.errors import EnvironmentFault
from pinkmedia.listening import port_keys, require_free_ports
from pinkmedia.settings import Settings
from tests.certificates import make_pair
from tests.pinkmedia.command_line import run_command


@pytest.fixture
def held_port() -> Iterator[int]:
    """A port that something else than pinkmedia listens on, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
        yield port


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
    return port


def test_codecs_work_in_a_process_of_their_own() -> None:
    finding = doctor.check_codecs()
    assert finding.verdict is Verdict.PASSED
    assert "libx264 encodes" in finding.text


def test_workers_are_confined_in_a_process_of_their_own() -> None:
    finding = doctor.check_sandbox()
    assert finding.verdict is not Verdict.FAILED
    assert "confined" in finding.text


def test_a_free_port_is_fine(free_port: int) -> None:
    finding = doctor.check_port(Settings(host="127.0.0.1", http_port=free_port), "http_port")
    assert finding == doctor.Finding(Verdict.PASSED, f"http_port {free_port} is free")


def test_a_held_port_names_the_flag_that_chooses_another(held_port: int, free_port: int) -> None:
    settings = Settings(host="127.0.0.1", http_port=free_port, rtmp_port=held_port)
    finding = doctor.check_port(settings, "rtmp_port")
    assert finding.verdict is Verdict.FAILED
    assert finding.text == f"rtmp_port {held_port}: address already in use"
    assert "--rtmp-port" in finding.advice
    with pytest.raises(EnvironmentFault, match=f"port {held_port}: address already in use.*--rtmp-port"):
        require_free_ports(settings)


def test_an_address_of_another_machine_cannot_be_listened_on(free_port: int) -> None:
    finding = doctor.check_port(Settings(host="192.0.2.1", http_port=free_port), "http_port")
    assert finding.verdict is Verdict.FAILED


def test_the_ports_that_are_looked_at_are_those_listened_on() -> None:
    assert port_keys(Settings(srt_port=0)) == ("http_port", "rtmp_port")
    settings = Settings(rtmps_port=1936, tls_certificate=Path("a.pem"), tls_private_key=Path("b.pem"))
    assert port_keys(settings) == ("http_port", "rtmp_port", "rtmps_port", "srt_port")


def test_a_held_udp_port(free_port: int) -> None:
    settings = Settings(host="127.0.0.1", http_port=free_port, srt_port=free_port)
    assert doctor.check_port(settings, "srt_port").verdict is Verdict.PASSED
    with socket.socket(type=socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", free_port))
        finding = doctor.check_port(settings, "srt_port")
    assert finding.text == f"srt_port {free_port}: address already in use"


def test_the_receive_buffer_of_srt() -> None:
    finding = doctor.check_receive_buffer()
    assert re.fullmatch(r"SRT's receive buffer is \d+ KiB", finding.text)
    assert (finding.verdict is Verdict.PASSED) == (finding.advice == "")


@pytest.mark.parametrize(
    ("days_left", "days_since", "verdict", "text"),
    [
        (90, 1, Verdict.PASSED, "certificate for localhost is valid until "),
        (13, 1, Verdict.DOUBTFUL, "certificate for localhost is valid until "),
        (-1, 90, Verdict.FAILED, "certificate for localhost expired on "),
        (90, -1, Verdict.FAILED, "certificate for localhost is not valid before "),
    ],
)
def test_certificates(tmp_path: Path, days_left: float, days_since: float, verdict: Verdict, text: str) -> None:
    finding = doctor.check_certificate(make_pair(tmp_path, days_left=days_left, days_since=days_since))
    assert finding.verdict is verdict
    assert finding.text.startswith(text)
    assert bool(finding.advice) is (verdict is not Verdict.PASSED)


def test_a_pair_that_cannot_be_used(tmp_path: Path) -> None:
    files = make_pair(tmp_path)
    files.private_key.unlink()
    result = run_command(
        "doctor",
        *("--tls-certificate", str(files.certificate), "--tls-private-key", str(files.private_key)),
        directory=tmp_path,
    )
    assert result.returncode == 1
    assert f"✗ {files.private_key}: cannot be read: no such file or directory" in result.stdout


def test_a_data_folder_may_be_one_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert doctor.check_data_dir(Settings(data_dir=tmp_path / "a" / "b")).verdict is not Verdict.FAILED
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = doctor.check_data_dir(Settings(data_dir=tmp_path / "file" / "data"))
    assert finding.verdict is Verdict.FAILED
    assert "--data-dir" in finding.advice


def test_clocks_never_fail_a_machine() -> None:
    assert doctor.check_clocks().verdict is not Verdict.FAILED
    assert doctor.check_time_synchronisation().verdict is not Verdict.FAILED


def test_passthrough_needs_no_spare_core() -> None:
    assert doctor.check_cores(Settings(transcode=False)).verdict is Verdict.PASSED


def test_the_command_fails_when_a_check_does(tmp_path: Path, held_port: int) -> None:
    result = run_command("doctor", "--host", "127.0.0.1", "--rtmp-port", str(held_port), directory=tmp_path)
    assert result.returncode == 1
    assert "✓ configuration is valid" in result.stdout
    assert f"✗ rtmp_port {held_port}: address already in use" in result.stdout
    assert result.stderr == ""


def test_the_command_shows_a_configuration_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pinkmedia.toml").write_text("http_prot = 1\n")
    result = run_command("doctor", directory=tmp_path)
    assert result.returncode == 1
    assert "✗ pinkmedia.toml: unknown key http_prot; did you mean http_port?" in result.stdout


@pytest.mark.parametrize(
    ("cores", "workers", "verdict", "words"),
    [
        (2, 0, Verdict.PASSED, "the node itself$"),
        (8, 0, Verdict.PASSED, "--http-workers 2 uses more cores"),
        (8, 8, Verdict.PASSED, "8 processes"),
        (2, 3, Verdict.DOUBTFUL, "3 HTTP workers on 2 CPU cores"),
    ],
)
def test_processes_for_viewers_suit_the_machine(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int, verdict: Verdict, words: str
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(cores)))
    finding = doctor.check_http_workers(Settings(http_workers=workers))
    assert finding.verdict is verdict
    assert re.search(words, finding.text)
