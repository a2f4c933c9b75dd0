"""The command line, run as people and scripts run it: exit codes, what goes to which stream, and one-line errors."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import pinkmedia
from pinkmedia.keys import is_key
from tests.pinkmedia.command_line import run_command


def assert_refused(result: subprocess.CompletedProcess[str], message: str, exit_code: int) -> None:
    assert result.stderr == f"pinkmedia: {message}\n"
    assert result.stdout == ""
    assert result.returncode == exit_code


def test_version(tmp_path: Path) -> None:
    result = run_command("--version", directory=tmp_path)
    assert result.stdout == f"pinkmedia {pinkmedia.__version__}\n"
    assert result.returncode == 0


def test_without_a_command_it_explains_itself(tmp_path: Path) -> None:
    result = run_command(directory=tmp_path)
    assert all(command in result.stdout for command in ("serve", "demo", "push", "stream", "database", "doctor"))
    assert result.returncode == 0


class TestDatabase:
    def test_migrate_does_what_it_has_said_before(self, tmp_path: Path) -> None:
        told = run_command("database", "migrate", "--dry-run", directory=tmp_path)
        assert told.returncode == 0, told.stderr
        assert "CREATE TABLE broadcast" in told.stdout
        done = run_command("database", "migrate", directory=tmp_path)
        assert (len(done.stdout), done.stderr) == (len(told.stdout), "This is done.\n")
        again = run_command("database", "migrate", directory=tmp_path)
        assert (again.stdout, again.stderr) == ("", "The database is up to date.\n")


class TestStream:
    def test_create_prints_the_key_alone_on_the_last_line(self, tmp_path: Path) -> None:
        result = run_command("stream", "create", "alice", directory=tmp_path)
        assert result.returncode == 0, result.stderr
        assert is_key(result.stdout.splitlines()[-1])
        assert (tmp_path / "data" / "pinkmedia.sqlite3").exists()

    def test_rotate_key_prints_another_one(self, tmp_path: Path) -> None:
        created = run_command("stream", "create", "alice", directory=tmp_path)
        rotated = run_command("stream", "rotate-key", "alice", directory=tmp_path)
        assert is_key(rotated.stdout.splitlines()[-1])
        assert rotated.stdout != created.stdout

    def test_a_stream_has_a_tier(self, tmp_path: Path) -> None:
        created = run_command("stream", "create", "alice", "--tier", "partner", directory=tmp_path)
        assert is_key(created.stdout.splitlines()[-1])
        assert "partner" in run_command("stream", "list", directory=tmp_path).stdout
        changed = run_command("stream", "set-tier", "alice", "passthrough", directory=tmp_path)
        assert (changed.returncode, changed.stdout) == (0, "")
        assert "passthrough" in run_command("stream", "list", directory=tmp_path).stdout

    def test_a_tier_that_there_is_not(self, tmp_path: Path) -> None:
        result = run_command("stream", "create", "alice", "--tier", "gold", directory=tmp_path)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
        assert "'partner', 'standard', 'passthrough'" in result.stderr

    def test_a_stream_is_blocked_and_unblocked(self, tmp_path: Path) -> None:
        def rows() -> list[str]:
            listed = run_command("stream", "list", directory=tmp_path).stdout
            return [line for line in listed.splitlines() if "alice" in line]

        run_command("stream", "create", "alice", directory=tmp_path)
        assert run_command("stream", "block", "alice", directory=tmp_path).returncode == 0
        assert all("blocked" in row for row in rows())
        assert run_command("stream", "unblock", "alice", directory=tmp_path).returncode == 0
        assert not any("blocked" in row for row in rows())

    def test_a_private_stream_and_an_address_for_a_viewer(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", directory=tmp_path)
        assert run_command("stream", "set-private", "alice", directory=tmp_path).returncode == 0
        assert "private" in run_command("stream", "list", directory=tmp_path).stdout
        (tmp_path / "secrets.txt").write_text("s" * 40)
        signing = ("stream", "sign-url", "alice", "--playback-secret-file", "secrets.txt")
        free = run_command(*signing, "--public-url", "https://live.example.com", directory=tmp_path)
        assert re.fullmatch(
            r"https://live\.example\.com/signed/\d{10}\.[\w-]{43}/live/alice/index\.m3u8\n", free.stdout
        )
        bound = run_command(*signing, "--hours", "1", "--address", "2001:db8::1", directory=tmp_path)
        assert re.fullmatch(
            r"http://localhost:8080/signed/\d{10}\.ip\.[\w-]{43}/live/alice/index\.m3u8\n", bound.stdout
        )
        assert "s" * 40 not in free.stdout + free.stderr
        assert run_command("stream", "set-public", "alice", directory=tmp_path).returncode == 0
        assert "private" not in run_command("stream", "list", directory=tmp_path).stdout

    def test_an_address_that_cannot_be_signed(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", directory=tmp_path)
        assert_refused(
            run_command("stream", "sign-url", "alice", directory=tmp_path),
            "nothing can be signed without a secret: set playback_secret_file",
            exit_code=2,
        )
        (tmp_path / "secrets.txt").write_text("s" * 40)
        environment = {"PINKMEDIA_PLAYBACK_SECRET_FILE": "secrets.txt"}
        signing = ("stream", "sign-url")
        unknown = run_command(*signing, "bob", directory=tmp_path, environment=environment)
        assert (unknown.returncode, "there is no stream 'bob'" in unknown.stderr) == (1, True)
        bad = run_command(*signing, "alice", "--address", "here", directory=tmp_path, environment=environment)
        assert_refused(bad, "'here' is not an IP address", exit_code=2)

    def test_a_passphrase_is_made_or_read_and_taken_away(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", directory=tmp_path)
        made = run_command("stream", "set-passphrase", "alice", directory=tmp_path)
        assert re.fullmatch(r"[\w-]{24}\n", made.stdout)
        (tmp_path / "secret.txt").write_text("a passphrase of ours\n")
        read = run_command("stream", "set-passphrase", "alice", "--from-file", "secret.txt", directory=tmp_path)
        assert read.stdout == "a passphrase of ours\n"
        assert run_command("stream", "clear-passphrase", "alice", directory=tmp_path).returncode == 0

    def test_a_passphrase_that_srt_does_not_take(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", directory=tmp_path)
        (tmp_path / "secret.txt").write_text("short\n")
        result = run_command("stream", "set-passphrase", "alice", "--from-file", "secret.txt", directory=tmp_path)
        assert result.returncode == 2
        assert "10 to 79 characters" in result.stderr
        assert "short" not in result.stderr

    def test_list_shows_only_the_end_of_a_key(self, tmp_path: Path) -> None:
        key = run_command("stream", "create", "alice", directory=tmp_path).stdout.strip()
        listed = run_command("stream", "list", directory=tmp_path).stdout
        assert "alice" in listed
        assert f"…{key[-4:]}" in listed
        assert key not in listed

    def test_the_data_folder_may_be_chosen(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", "--data-dir", "elsewhere", directory=tmp_path)
        listed = run_command("stream", "list", directory=tmp_path, environment={"PINKMEDIA_DATA_DIR": "elsewhere"})
        assert "alice" in listed.stdout

    def test_a_taken_name(self, tmp_path: Path) -> None:
        run_command("stream", "create", "alice", directory=tmp_path)
        assert_refused(
            run_command("stream", "create", "alice", directory=tmp_path),
            "stream 'alice' exists already; for a new key: pinkmedia stream rotate-key alice",
            exit_code=1,
        )

    def test_a_bad_name(self, tmp_path: Path) -> None:
        result = run_command("stream", "create", "Alice", directory=tmp_path)
        assert result.stderr.startswith("pinkmedia: 'Alice' cannot be a stream's name")
        assert result.returncode == 2

    def test_an_unknown_name(self, tmp_path: Path) -> None:
        result = run_command("stream", "rotate-key", "bob", directory=tmp_path)
        assert result.stderr.startswith("pinkmedia: there is no stream 'bob'")
        assert result.returncode == 1

    def test_a_data_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "data").touch()
        result = run_command("stream", "list", directory=tmp_path)
        assert result.stderr.startswith("pinkmedia: cannot write to the data folder")
        assert result.stderr.count("\n") == 1
        assert result.returncode == 1


class TestRefusals:
    @pytest.mark.parametrize("command", ["serve", "demo", "stream list"])
    def test_an_unknown_key_in_the_file(self, tmp_path: Path, command: str) -> None:
        (tmp_path / "pinkmedia.toml").write_text("http_prot = 80\n")
        result = run_command(*command.split(), directory=tmp_path)
        assert_refused(result, "pinkmedia.toml: unknown key http_prot; did you mean http_port?", exit_code=2)

    def test_an_unknown_variable(self, tmp_path: Path) -> None:
        result = run_command("serve", directory=tmp_path, environment={"PINKMEDIA_PORT": "1"})
        assert result.stderr.startswith("pinkmedia: environment: unknown key PINKMEDIA_PORT;")
        assert result.returncode == 2

    def test_a_bad_value_of_a_flag(self, tmp_path: Path) -> None:
        result = run_command("serve", "--http-port", "web", directory=tmp_path)
        message = "flag: --http-port cannot be 'web': it must be a whole number from 1 to 65535"
        assert_refused(result, message, exit_code=2)

    @pytest.mark.parametrize(
        "arguments", [["serve", "--http-prot", "1"], ["serv"], ["stream", "create"], ["push", "test"]]
    )
    def test_a_command_line_that_makes_no_sense_is_one_line(self, tmp_path: Path, arguments: list[str]) -> None:
        result = run_command(*arguments, directory=tmp_path)
        assert result.stderr.startswith("pinkmedia: ")
        assert result.stderr.count("\n") == 1
        assert result.returncode == 2


class TestPushKey:
    @pytest.mark.parametrize("stdin", ["", "\n", "two words\n"])
    def test_standard_input_must_hold_one_key(self, tmp_path: Path, stdin: str) -> None:
        result = run_command(
            "push", "test", "rtmp://127.0.0.1/live", "--key-file", "-", directory=tmp_path, stdin=stdin
        )
        assert_refused(result, "--key-file -: it must hold one stream key and nothing else", exit_code=2)

    def test_a_key_file_must_exist(self, tmp_path: Path) -> None:
        result = run_command("push", "test", "rtmp://127.0.0.1/live", "--key-file", "none", directory=tmp_path)
        assert_refused(result, "--key-file none: No such file or directory", exit_code=2)
