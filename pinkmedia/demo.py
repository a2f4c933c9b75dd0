"""The demo: a server in this process, and a publisher of the test picture as its child.

The server owns the main thread, the event loop and the signals. Beside it one thread waits until the server is
ready, says where to watch, and keeps the publisher alive; it ends, and reaps the publisher, when the server returns.
The publisher is a process like any other person's: it knows the server's address and a stream key, nothing else.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import structlog

from pinkmedia.database.configured import open_database
from pinkmedia.database.streams import StreamStore
from pinkmedia.listening import ask_server, local_host, require_free_ports
from pinkmedia.settings import Settings, bracketed
from pinkmedia.tiers import Tier

STREAM_NAME = "demo"
READY_POLL_SECONDS = 0.1
"""Between questions whether the server is ready: short beside its start, long beside an answer."""
FIRST_RESTART_SECONDS = 0.5
"""Before the publisher's first restart; doubled with each restart that follows."""
LONGEST_RESTART_SECONDS = 10.0
"""A publisher that cannot run must not keep a core busy by starting."""
PUBLISHER_POLL_SECONDS = 0.2
"""Between looks whether the publisher has died: less than the shortest restart delay."""
STEADY_RUN_SECONDS = 30.0
"""After this long the publisher counts as having run, and its next restart is quick again."""
EXIT_GRACE_SECONDS = 3.0
"""What the publisher has to say goodbye before it is killed."""

_log = structlog.get_logger(__name__)


def run_demo(settings: Settings, *, has_publisher: bool) -> int:
    """Serve until interrupted, and publish the test picture unless that is left to a person.

    Returns the server's exit code. Raises EnvironmentFault when the machine cannot run it.
    """
    require_free_ports(settings)  # before readiness is asked for: another server must not answer in ours' place
    from pinkmedia.node import run

    key = asyncio.run(_fresh_key(settings))
    stop = threading.Event()
    companion = threading.Thread(target=_accompany, args=(settings, key, stop, has_publisher), name="demo")
    companion.start()
    try:
        return run(settings)
    except KeyboardInterrupt:  # it came before the server took over the signals
        return 0
    finally:
        stop.set()
        companion.join()


async def _fresh_key(settings: Settings) -> str:
    """A key for the demo's stream. A stored key cannot be shown again, so each run makes its own."""
    async with open_database(settings) as database:
        store = StreamStore(database)
        if await store.find_by_name(STREAM_NAME) is not None:
            await store.set_tier(STREAM_NAME, Tier.PARTNER)  # an older version made it without one
            return await store.rotate_key(STREAM_NAME)
        _stream, key = await store.create(STREAM_NAME, Tier.PARTNER)
        return key


def _accompany(settings: Settings, key: str, stop: threading.Event, has_publisher: bool) -> None:
    if not _wait_until_ready(settings, stop):
        return
    _say(_watch_text(settings))
    if not has_publisher:
        _say(obs_text(settings, key))
    else:
        _keep_publishing(lambda: _start_publisher(settings, key), stop)


def _wait_until_ready(settings: Settings, stop: threading.Event) -> bool:
    while not stop.wait(READY_POLL_SECONDS):
        if ask_server(settings, "/readyz") is not None:
            return True
    return False


def _keep_publishing(start: Callable[[], subprocess.Popen[bytes]], stop: threading.Event) -> None:
    """Run the publisher, and run it again whenever it dies, until told to stop."""
    delay_seconds = FIRST_RESTART_SECONDS
    while not stop.is_set():
        started_at = time.monotonic()
        exit_code = _watch_over(start(), stop)
        if stop.is_set():
            return
        if time.monotonic() - started_at >= STEADY_RUN_SECONDS:
            delay_seconds = FIRST_RESTART_SECONDS
        _log.warning("demo_publisher_died", exit_code=exit_code, restart_in_seconds=delay_seconds)
        stop.wait(delay_seconds)
        delay_seconds = min(delay_seconds * 2, LONGEST_RESTART_SECONDS)


def _watch_over(publisher: subprocess.Popen[bytes], stop: threading.Event) -> int:
    """Wait until the publisher dies, or make it end when told to stop; reaped either way."""
    while publisher.poll() is None and not stop.wait(PUBLISHER_POLL_SECONDS):
        pass
    publisher.terminate()  # without effect on one that has died
    try:
        return publisher.wait(EXIT_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        publisher.kill()
        return publisher.wait()


def _start_publisher(settings: Settings, key: str) -> subprocess.Popen[bytes]:
    url = f"rtmp://{bracketed(local_host(settings))}:{settings.rtmp_port}/live"
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as keyhole:
        with os.fdopen(write_end, "w") as writer:
            writer.write(key)  # a key is far shorter than a pipe is deep
        return subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "pinkmedia", "push", "test", url, "--key-file", "-"],
            stdin=keyhole,
            stdout=subprocess.DEVNULL,
            process_group=0,  # a terminal's Ctrl-C reaches the server alone, which then ends the publisher
        )


def _watch_text(settings: Settings) -> str:
    return f"""
pinkmedia runs. Watch at {settings.base_url}/watch/{STREAM_NAME}
Ctrl-C stops it.
"""


def obs_text(settings: Settings, key: str) -> str:
    """What to enter in OBS, setting by setting."""
    return f"""
In OBS, Settings → Stream:
    Service                  Custom…
    Server                   {settings.rtmp_url}
    Stream key               {key}
{_srt_text(settings, key)}and Settings → Output, with Output Mode: Advanced, on the Streaming tab:
    Video encoder            x264 (or a hardware H.264 encoder)
    Rate control, bitrate    CBR, 6000 Kbps for 1080p
    Keyframe interval        2 s
    Tune                     zerolatency
    Profile                  high
"""


def _srt_text(settings: Settings, key: str) -> str:
    if settings.srt_url is None:
        return ""
    return f"""or, by SRT, with an empty stream key:
    Server                   {settings.srt_url}?streamid={key}
"""


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
