"""The doctor: checks whether this machine can run the server, each with what to do where it cannot.

A check is a function of the settings that returns one finding. Checks change nothing that lasts, and whatever needs
native code (FFmpeg) happens in a child process, as it does in the server.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from ingest.srt.server import RECEIVE_BUFFER_BYTES
from pinkmedia.certificate import CertificateError, CertificateFiles, load_pair
from pinkmedia.config import flag_name
from pinkmedia.listening import ask_server, listen_problem, port_keys
from pinkmedia.settings import Settings

MINIMUM_PYTHON = (3, 11)
CODEC_PROBE_SECONDS = 30.0
"""Loading FFmpeg and encoding a few small pictures takes under a second; a slow machine gets its time."""
LOW_SPACE_BYTES = 256 * 1024 * 1024
"""The database and its log stay far below; under this the disk is about to fill anyway."""
LADDER_CORES = 2
"""What the default ladder (720p and 480p beside a 1080p30 source) needs to keep up with the source."""
MANY_CORES = 4
"""From here on viewers may need more than the node's one, and there is more than encoders need."""
CLOCK_SAMPLE_SECONDS = 0.1
CLOCK_TOLERANCE_SECONDS = 0.02
"""Far more than scheduling noise; a clock being stepped or slewed hard shows more."""

RENEWAL_TIME = timedelta(days=14)
"""What is left of a certificate's life when its renewal must have happened: certbot renews 30 days before the end."""
RENEWAL_ADVICE = "renew it: encoders that check it do not connect when it has expired; no restart is needed"
CLOCK_ADVICE = "is this machine's clock right? Else wait, or put a valid one there"

CODEC_PROBE = """
from fractions import Fraction
import av
for name, mode in (("h264", "r"), ("aac", "r"), ("libx264", "w"), ("aac", "w")):
    av.Codec(name, mode)
encoder = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt = 320, 180, "yuv420p"
encoder.time_base = Fraction(1, 30)
encoder.options = {"preset": "veryfast", "tune": "zerolatency"}
packets = [packet for _ in range(5) for packet in encoder.encode(av.VideoFrame(320, 180, "yuv420p"))]
assert packets, "libx264 encoded nothing"
print(av.ffmpeg_version_info)
"""
"""Run in a child: only the transcode package may load PyAV into a process of the server."""

SANDBOX_PROBE = """
from transcode.sandbox import enter_sandbox, missing_measures
print(*missing_measures(enter_sandbox()))
"""
"""Run in a child: there is no way back out of a sandbox."""
SANDBOX_ADVICE = "streams work all the same; let the service's user make user namespaces (docs: hardening)"


class Verdict(Enum):
    """How a check came out; the value is its sign."""

    PASSED = "✓"
    DOUBTFUL = "!"
    FAILED = "✗"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    verdict: Verdict
    text: str
    advice: str = ""
    """What to do; empty when all is well."""


def diagnose(settings: Settings) -> Iterator[Finding]:
    """Every check in turn, each finding as soon as it is there."""
    yield _passed("configuration is valid")
    yield check_python()
    yield check_codecs()
    yield check_sandbox()
    yield check_player()
    for key in port_keys(settings):
        yield check_port(settings, key)
    if settings.tls_certificate and settings.tls_private_key:
        yield check_certificate(CertificateFiles(settings.tls_certificate, settings.tls_private_key))
    if settings.srt_port:
        yield check_receive_buffer()
    yield check_data_dir(settings)
    yield check_clocks()
    yield check_time_synchronisation()
    yield check_cores(settings)
    yield check_http_workers(settings)


def check_python() -> Finding:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MINIMUM_PYTHON:
        return _passed(f"Python {version}")
    return _failed(f"Python {version} is too old", f"install Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer")


def check_codecs() -> Finding:
    """H.264 and AAC can be decoded and encoded."""
    try:
        probe = subprocess.run(  # noqa: S603 - our own text
            [sys.executable, "-c", CODEC_PROBE], capture_output=True, text=True, timeout=CODEC_PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return _failed("FFmpeg did not answer", "try again when the machine is less busy")
    if probe.returncode == 0:
        return _passed(f"FFmpeg {probe.stdout.strip()}: H.264 and AAC work, libx264 encodes")
    reason = (probe.stderr.strip().splitlines() or ["the process died"])[-1]
    return _failed(f"FFmpeg's codecs do not work: {reason}", f"{sys.executable} -m pip install --force-reinstall av")


def check_sandbox() -> Finding:
    """Transcode workers are confined as they are meant to be."""
    probe = subprocess.run([sys.executable, "-c", SANDBOX_PROBE], capture_output=True, text=True)  # noqa: S603 - our own
    if probe.returncode != 0:
        return _failed("transcode workers cannot be confined", (probe.stderr.strip().splitlines() or [""])[-1])
    missing = probe.stdout.split()
    if not missing:
        return _passed("transcode workers are confined: no network, no privileges, no files written")
    return _doubtful(f"transcode workers are less confined than meant: {', '.join(missing)} refused", SANDBOX_ADVICE)


def check_player() -> Finding:
    """hls.js has been built into the package."""
    package = importlib.util.find_spec("web")
    folder = Path((package and package.origin) or "").parent / "static" / "vendor"
    if any(folder.glob("hls*.js")):
        return _passed("hls.js is built in")
    return _failed(
        "hls.js is not built in: the watch page cannot play", "scripts/bootstrap, or install the wheel again"
    )


def check_port(settings: Settings, key: str) -> Finding:
    """A port that can be listened on, or is by a pinkmedia that runs already."""
    port = getattr(settings, key)
    problem = listen_problem(settings, key)
    if not problem:
        return _passed(f"{key} {port} is free")
    if b"pinkmedia_live_streams" in (ask_server(settings, "/metrics") or b""):
        return _passed(f"{key} {port} is held by a pinkmedia that runs already")
    return _failed(f"{key} {port}: {problem}", f"stop what holds it, or choose another with {flag_name(key)}")


def check_receive_buffer() -> Finding:
    """SRT's socket gets the buffer it asks for."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        granted_bytes = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux doubles it for its own use
    text = f"SRT's receive buffer is {granted_bytes // 1024} KiB"
    if granted_bytes >= RECEIVE_BUFFER_BYTES:
        return _passed(text)
    return _doubtful(text, f"sysctl net.core.rmem_max={RECEIVE_BUFFER_BYTES}: bursts of several publishers need room")


def check_certificate(files: CertificateFiles) -> Finding:
    """The pair for RTMPS can be read, belongs together, and is valid for a while."""
    try:
        _context, facts = load_pair(files)
    except CertificateError as error:
        return _failed(str(error), "put a matching pair there, in PEM, readable for this user")
    now = datetime.now(UTC)
    names = ", ".join(facts.names) or "no host name"
    if facts.valid_from > now:
        return _failed(
            f"certificate for {names} is not valid before {facts.valid_from:%Y-%m-%d %H:%M} UTC", CLOCK_ADVICE
        )
    if facts.valid_until < now:
        return _failed(f"certificate for {names} expired on {facts.valid_until:%Y-%m-%d}", RENEWAL_ADVICE)
    text = f"certificate for {names} is valid until {facts.valid_until:%Y-%m-%d}"
    return _passed(text) if facts.valid_until - now >= RENEWAL_TIME else _doubtful(text, RENEWAL_ADVICE)


def check_data_dir(settings: Settings) -> Finding:
    """The data folder can be written to, and its disk has room."""
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_bytes = shutil.disk_usage(existing).free
    except OSError as error:
        return _failed(f"data folder {folder}: {error.strerror}", "make it writable, or choose another with --data-dir")
    room = f"data folder {folder} is writable, {free_bytes / 1e9:.1f} GB free"
    return _passed(room) if free_bytes >= LOW_SPACE_BYTES else _doubtful(room, "free some space on this disk")


def check_clocks() -> Finding:
    """The wall clock runs as fast as the monotonic one: playlists carry the first, media is timed by the second."""
    wall, monotonic = time.time(), time.monotonic()
    time.sleep(CLOCK_SAMPLE_SECONDS)
    drift_seconds = (time.time() - wall) - (time.monotonic() - monotonic)
    if abs(drift_seconds) <= CLOCK_TOLERANCE_SECONDS:
        return _passed("wall clock and monotonic clock agree")
    return _doubtful(
        f"the wall clock jumped {drift_seconds:+.3f} s", "let NTP settle; latency read-outs are off until then"
    )


def check_time_synchronisation() -> Finding:
    """The kernel's own word (adjtimex(2)) whether something disciplines the clock."""
    states = {0: True, 1: True, 2: True, 3: True, 4: True, 5: False}  # TIME_OK … TIME_WAIT, TIME_ERROR
    match states.get(_kernel_clock_state()):
        case True:
            return _passed("the clock is synchronised")
        case False:
            return _doubtful(
                "the clock is not synchronised", "timedatectl set-ntp true (viewers' latency read-outs depend on it)"
            )
        case _:
            return _doubtful("the kernel does not tell whether the clock is synchronised", "check it on the host")


def check_cores(settings: Settings) -> Finding:
    """Enough cores for the ladder."""
    cores = len(os.sched_getaffinity(0))
    if cores >= LADDER_CORES or not settings.transcode:
        return _passed(f"{cores} CPU cores")
    return _doubtful(f"{cores} CPU core for transcoding", f"use {LADDER_CORES} or more, or --no-transcode")


def check_http_workers(settings: Settings) -> Finding:
    """As many processes for viewers as the machine has use for."""
    cores, workers = len(os.sched_getaffinity(0)), settings.http_workers
    if workers > cores:
        return _doubtful(f"{workers} HTTP workers on {cores} CPU cores", f"--http-workers {cores} or fewer")
    if workers:
        return _passed(f"viewers are served by {workers} processes")
    hint = "; from some hundred viewers on, --http-workers 2 uses more cores" if cores >= MANY_CORES else ""
    return _passed(f"viewers are served by the node itself{hint}")


def _passed(text: str) -> Finding:
    return Finding(Verdict.PASSED, text)


def _doubtful(text: str, advice: str) -> Finding:
    return Finding(Verdict.DOUBTFUL, text, advice)


def _failed(text: str, advice: str) -> Finding:
    return Finding(Verdict.FAILED, text, advice)


def _kernel_clock_state() -> int:
    """adjtimex(2) asked to change nothing: its return value is the clock's state, -1 where it is forbidden."""
    question = ctypes.create_string_buffer(256)  # struct timex, 208 bytes, all zero: modes = 0 only reads
    try:
        return int(ctypes.CDLL(None).adjtimex(question))
    except AttributeError:
        return -1
