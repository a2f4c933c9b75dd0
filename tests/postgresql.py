"""A real PostgreSQL of the tests' own: in a folder of its own, on a free port of this machine, with a password."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.support import free_ports

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian has them, by major version: not on the path."""
SUPERUSER = "tests"
START_SECONDS = 30
UNPRIVILEGED = "postgres"
"""The server refuses to run as root; Debian's package makes this user for it."""


class PostgresqlServer:
    """A context manager that starts and stops it."""

    def __init__(self) -> None:
        self.password = "a password of the tests"
        self._bin = _programs()
        (self._port,) = free_ports(1)
        self._folder = Path(tempfile.mkdtemp(prefix="pinkmedia-postgresql-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self._folder, UNPRIVILEGED)
            self._user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
        self._count = 0

    def __enter__(self) -> PostgresqlServer:
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        if self._user:
            shutil.chown(password_file, UNPRIVILEGED)
        self._run(
            *("initdb", "--no-sync", "--encoding=UTF8", "--locale=C", f"--username={SUPERUSER}"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", f"--pgdata={self._folder}/data"),
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-h 127.0.0.1 -p {self._port} -k {self._folder} -c fsync=off"
        self._control("start", "--options", options, "--log", f"{self._folder}/log")

    def stop(self) -> None:
        """Ends it at once, and everybody's connection."""
        self._control("stop", "--mode=fast")

    def new_database(self) -> str:
        """The URL of an empty one, without the password."""
        self._count += 1
        name = f"test_{self._count}"
        environment = os.environ | {"PGPASSWORD": self.password}
        address = (f"--host={self._folder}", f"--port={self._port}", f"--username={SUPERUSER}")
        self._run("createdb", *address, name, env=environment)
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self._port}/{name}"

    def _control(self, *arguments: str) -> None:
        wait = ("--wait", f"--timeout={START_SECONDS}", "--silent")
        self._run("pg_ctl", *arguments, *wait, f"--pgdata={self._folder}/data")

    def _run(self, program: str, *arguments: str, **options: Any) -> None:
        output = self._folder / "output"  # not a pipe: the server inherits it and would keep it open
        with output.open("wb") as file:
            done = subprocess.run(
                [self._bin / program, *arguments],
                **(self._user | options),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        if done.returncode:
            pytest.fail(f"{program} failed\n{output.read_text()}")


def _programs() -> Path:
    """Those of the newest version there is."""
    found = sorted(PROGRAMS.glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("pg_ctl")
    if on_path is None:
        pytest.fail("PostgreSQL is missing; ./scripts/test installs it")
    return Path(on_path).parent
