"""The node's side of one origin process.

    starting ─► loaded (it is told all there is) ─► serving ─► stopping ─► over
                     └───────────── killed, dead ─────────────────────────┘

Strategy: telling needs no await. A process that dies, says what it must not, says nothing, or does not take what it is
told is over at once; the pool replaces it. It reads untrusted bytes, so whatever it says is checked here and there.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Protocol

import structlog

from pinkmedia.origins.messages import (
    MAX_REPORT_BYTES,
    AnswerCount,
    Asked,
    Frame,
    Hello,
    Message,
    Report,
    Serving,
    encode_message,
    parse_message,
)
from pinkmedia.processes import child
from pinkmedia.processes.frames import WireError
from pinkmedia.processes.link import ProcessLink
from pinkmedia.processes.outbox import Outbox

PROCESS_MODULE = "pinkmedia.origins.process"
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Some seconds of dozens of ladders, beside what a new process is told of the past: the same bytes that the windows
hold, until they are older. Who has so much unread serves nobody live."""
LOOK_SECONDS = 1.0
"""Between two looks whether it lives."""
MOST_SILENT_LOOKS = 6
"""Without a word from a process that reports every second. Looks are counted rather than time, because a node that was
suspended itself must not find all of them silent when it wakes."""
MOST_STARTING_LOOKS = 60
"""Until it is loaded and was told everything, which takes a second, and many on a machine that swaps."""
MOST_COUNTED = 10_000_000
"""Of anything in a report; no process does so much in a second."""

log = structlog.get_logger(__name__)


class Owner(Protocol):
    """Who has the processes. Every call comes from the event loop."""

    def loaded(self, origin: OriginSupervisor) -> None:
        """It waits to be told everything."""

    def serving(self, origin: OriginSupervisor) -> None:
        """It accepts viewers."""

    def asked(self, number: int, rendition_name: str) -> None:
        """A player wants a rendition. Neither need exist."""

    def counted(self, answers: tuple[AnswerCount, ...]) -> None:
        """It has answered so many. Classes may be unknown. Raises WireError."""

    def ended(self, origin: OriginSupervisor, reason: str) -> None:
        """It is reaped."""


class OriginSupervisor:
    """One process and the way to it."""

    def __init__(self, listener: socket.socket, owner: Owner) -> None:
        """Starts the process, which inherits the listening socket. Needs a running event loop."""
        self.is_serving = False
        self.connections = 0
        """Open, as last reported."""
        self.waiting = 0
        """Requests that wait for media, as last reported."""
        self.known: set[int] = set()
        """Numbers of the presentations that it was told of."""
        self.is_configured = False
        self.is_informed = False
        """It was told of all presentations that there were."""
        self._owner = owner
        self._listener = listener
        self._is_over = False
        self._reason = ""
        """Why it was killed."""
        self._looks = 0
        self._process: asyncio.subprocess.Process | None = None
        loop = asyncio.get_running_loop()
        self.started_at = loop.time()
        near, self._far = socket.socketpair()
        self._outbox = Outbox(near, MOST_WAITING_BYTES)
        self._link = ProcessLink(near, self._outbox, self._receive, self._said_wrong, max_body_bytes=MAX_REPORT_BYTES)
        self._next_look = loop.call_later(LOOK_SECONDS, self._look)
        self._task = loop.create_task(self._run())

    @property
    def pid(self) -> int | None:
        """None while the process is being started."""
        return None if self._process is None else self._process.pid

    @property
    def is_over(self) -> bool:
        return self._is_over

    def tell(self, message: Message) -> None:
        self.push(encode_message(message))
        self._link.flush_soon()

    def push(self, frame: Frame, *, is_urgent: bool = False) -> None:
        """An operation, encoded; what is not urgent goes with what is, or when the loop comes round."""
        if self._is_over or not self._link.is_open:
            return
        self._outbox.push(*frame)
        if self._outbox.is_overfull:
            self.kill("it does not take what it is told")
        elif is_urgent:
            self._link.flush()
        else:
            self._link.flush_soon()

    def told_the_past(self) -> None:
        """What waits now is not its fault."""
        self._outbox.allow_waiting()

    def kill(self, reason: str) -> None:
        """At once; the owner hears of its end."""
        if not self._is_over:
            self._is_over = True
            self._reason = reason
            self._next_look.cancel()
            self._link.close()
            if self._process is not None:
                child.kill(self._process)

    async def wait_until_reaped(self) -> None:
        await self._task

    # What it says

    def _receive(self, kind: int, body: bytes) -> None:
        self._looks = 0
        match parse_message(kind, body):
            case Hello() if not self.is_configured:
                self._owner.loaded(self)
            case Serving() if self.is_informed and not self.is_serving:
                self.is_serving = True
                self._owner.serving(self)
            case Report(answers, connections, waiting) if self.is_serving:
                if not all(0 <= count <= MOST_COUNTED for count in (connections, waiting)):
                    raise WireError("counts that cannot be")
                self.connections, self.waiting = connections, waiting
                self._owner.counted(answers)
            case Asked(number, rendition_name):
                self._owner.asked(number, rendition_name)
            case _:
                raise WireError("message out of place")

    def _said_wrong(self, reason: str) -> None:
        self.kill(f"it said what it must not: {reason}")

    def _look(self) -> None:
        self._looks += 1
        if self._looks > (MOST_SILENT_LOOKS if self.is_serving else MOST_STARTING_LOOKS):
            self.kill("it hangs")
        else:
            self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    # The process

    async def _run(self) -> None:
        try:
            status = await self._run_process()
        except OSError as error:
            self.kill(f"it cannot be started: {error.strerror}")
            reason = self._reason
        else:
            reason = self._reason or child.describe_exit("origin process", status)
        self._is_over = True
        self._next_look.cancel()
        self._link.close()
        self._owner.ended(self, reason)

    async def _run_process(self) -> int:
        listener_fd = self._listener.fileno()
        with self._far as far:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", PROCESS_MODULE, str(far.fileno()), str(listener_fd)),
                pass_fds=(far.fileno(), listener_fd),
                env=child.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a terminal's Ctrl-C is the node's alone
            )
        if self._is_over:  # killed before it existed
            child.kill(self._process)
        return await self._process.wait()
