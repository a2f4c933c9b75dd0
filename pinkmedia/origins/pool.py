"""All origin processes of a node: what is published is repeated in each, and one that is gone is replaced.

Strategy: presentations are opened here, so that they tell what happens to them (`packager.recorded`). Each operation is
encoded once and pushed to every process that knows its presentation. A new process is told one presentation after
another, each as it is just then (`packager.snapshot`), and hears from there on what happens to it: nothing is lost or
told twice. Between two of them the node does other things.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import structlog

from packager.layout import Layout
from packager.operations import Operation, PartPublished
from packager.presentation import Presentation
from packager.recorded import RecordedPresentation
from packager.snapshot import snapshot
from packager.window import SegmentArchive
from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Part, Rendition
from pinkmedia.origins.messages import (
    AnswerCount,
    Configure,
    Frame,
    PresentationForgotten,
    PresentationOpened,
    PrivacyChanged,
    Serve,
    Stop,
    encode_operation,
)
from pinkmedia.origins.supervisor import MOST_COUNTED, OriginSupervisor
from pinkmedia.processes.frames import WireError
from web.origin import ANSWER_KINDS
from web.server import DRAIN_SECONDS

STOP_SECONDS = DRAIN_SECONDS + 1.0
"""How long a process may take to end: its answers in flight, and its own end."""
STEADY_SECONDS = 10.0
"""A process that lived as long was no failure to start, and the next failure is the first again."""
FIRST_DELAY_SECONDS = 0.5
"""Before a process is replaced that was itself a young replacement; doubled with each more."""
LONGEST_DELAY_SECONDS = 10.0
"""Processes that cannot live must not keep the machine busy with starting."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OriginLoad:
    """What the processes do, as last reported."""

    serving: int
    """Processes that accept viewers."""
    connections: int
    waiting: int
    """Requests that wait for media."""
    replaced: int
    """Processes that died or were killed, since the start."""


class OriginPool:
    """Lives in the node's event loop. See `supervisor.Owner`, and `pinkmedia.live.replication.Replication`."""

    def __init__(self, size: int, listener: socket.socket, configure: Configure) -> None:
        self.on_answers: Callable[[str, int], None] = _ignore
        """Told how many requests of a class were answered."""
        self._size = size
        self._listener = listener
        self._configure = configure
        self._replaced = 0
        self._origins: list[OriginSupervisor] = []
        self._live: dict[int, tuple[str, Presentation]] = {}
        """Stream name and presentation by number, in the order in which they were opened."""
        self._numbers = count(1)
        self._private: set[str] = set()
        self._failures = 0
        """Of processes that did not live long, in a row."""
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    @property
    def load(self) -> OriginLoad:
        """Now."""
        serving = [origin for origin in self._origins if origin.is_serving]
        return OriginLoad(
            serving=len(serving),
            connections=sum(origin.connections for origin in serving),
            waiting=sum(origin.waiting for origin in serving),
            replaced=self._replaced,
        )

    async def start(self) -> None:
        """Returns when the first one serves. Raises EnvironmentFault when it ends instead."""
        for _ in range(self._size):
            self._spawn()
        await self._first

    async def close(self) -> None:
        """Answers in flight are finished, and the processes reaped."""
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        origins = list(self._origins)
        for origin in origins:
            origin.tell(Stop())
        if not origins:
            return
        _, late = await asyncio.wait(
            {asyncio.create_task(origin.wait_until_reaped()) for origin in origins}, timeout=STOP_SECONDS
        )
        for origin in self._origins:
            origin.kill("it did not stop in time")
        await asyncio.gather(*late)

    # What is published

    def open_presentation(
        self,
        stream_name: str,
        epoch: str,
        layout: Layout,
        names: Iterable[str],
        *,
        on_part: Callable[[Rendition, Part], None],
        archive: SegmentArchive | None,
    ) -> Presentation:
        """A new one, which all processes repeat from now on."""
        number = next(self._numbers)
        presentation = RecordedPresentation(
            epoch,
            layout,
            names,
            on_part=on_part,
            archive=archive,
            record=lambda operation: self._repeat(number, operation),
        )
        self._live[number] = stream_name, presentation
        for origin in self._origins:
            if origin.is_informed:
                self._tell_presentation(origin, number)
        return presentation

    def forget(self, presentation: Presentation) -> None:
        """It is not served any more."""
        for number, (_, each) in list(self._live.items()):
            if each is presentation:
                self._forget(number)

    def set_private(self, stream_name: str, *, is_private: bool) -> None:
        """Who may watch the stream from now on."""
        (self._private.add if is_private else self._private.discard)(stream_name)
        for origin in self._origins:
            if origin.is_configured:
                origin.tell(PrivacyChanged(stream_name, is_private))

    def _repeat(self, number: int, operation: Operation) -> None:
        knowing = [origin for origin in self._origins if number in origin.known]
        if knowing and (frame := self._encoded(number, operation)) is not None:
            for origin in knowing:
                origin.push(frame, is_urgent=isinstance(operation, PartPublished))

    def _encoded(self, number: int, operation: Operation) -> Frame | None:
        """None when it cannot be told: better no presentation than one that says something else."""
        try:
            return encode_operation(number, operation)
        except WireError as error:
            log.error("presentation_not_repeated", reason=str(error))
            self._forget(number)
            return None

    def _forget(self, number: int) -> None:
        self._live.pop(number, None)
        for origin in self._origins:
            if number in origin.known:
                origin.known.discard(number)
                origin.tell(PresentationForgotten(number))

    # What the processes say

    def loaded(self, origin: OriginSupervisor) -> None:
        self._keep(self._inform(origin))

    def serving(self, origin: OriginSupervisor) -> None:
        log.info("origin_process_serves", pid=origin.pid)
        if not self._first.done():
            self._first.set_result(None)

    def asked(self, number: int, rendition_name: str) -> None:
        live = self._live.get(number)
        window = live[1].find(rendition_name) if live is not None else None
        if window is not None:
            window.ask(time.monotonic())

    def counted(self, answers: tuple[AnswerCount, ...]) -> None:
        if not all(each.kind in ANSWER_KINDS and 0 <= each.count <= MOST_COUNTED for each in answers):
            raise WireError("counts that cannot be")
        for each in answers:
            self.on_answers(each.kind, each.count)

    def ended(self, origin: OriginSupervisor, reason: str) -> None:
        self._origins.remove(origin)
        if self._is_closing:
            return
        if not self._first.done():
            self._first.set_exception(EnvironmentFault(f"origin processes do not start ({reason}); see the log"))
            return
        has_lived = asyncio.get_running_loop().time() - origin.started_at >= STEADY_SECONDS
        self._failures = 0 if has_lived else self._failures + 1
        delay_seconds = _delay_seconds(self._failures)
        log.warning("origin_process_ended", pid=origin.pid, reason=reason, replaced_in_seconds=delay_seconds)
        self._replaced += 1
        self._keep(self._replace_after(delay_seconds))

    async def _replace_after(self, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        self._spawn()

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Telling a new one

    async def _inform(self, origin: OriginSupervisor) -> None:
        origin.tell(self._configure)
        for stream_name in self._private:
            origin.tell(PrivacyChanged(stream_name, is_private=True))
        origin.is_configured = True
        while not origin.is_over and (number := self._untold(origin)) is not None:
            self._tell_presentation(origin, number)
            await asyncio.sleep(0)
        origin.is_informed = True
        origin.tell(Serve())

    def _untold(self, origin: OriginSupervisor) -> int | None:
        """In their order, so that a stream's newest is the newest there, too."""
        return next((number for number in self._live if number not in origin.known), None)

    def _tell_presentation(self, origin: OriginSupervisor, number: int) -> None:
        """As it is, and from now on what happens to it."""
        stream_name, presentation = self._live[number]
        is_archived = presentation.archive is not None
        origin.known.add(number)
        origin.tell(
            PresentationOpened(
                number, stream_name, presentation.epoch, presentation.layout, presentation.expected, is_archived
            )
        )
        for operation in snapshot(presentation):
            if (frame := self._encoded(number, operation)) is None:
                return
            origin.push(frame)
            origin.told_the_past()

    def _spawn(self) -> None:
        self._origins.append(OriginSupervisor(self._listener, self))


def _delay_seconds(failures: int) -> float:
    """The first one is replaced at once."""
    return 0.0 if failures <= 1 else min(FIRST_DELAY_SECONDS * 2.0 ** (failures - 2), LONGEST_DELAY_SECONDS)


def _ignore(kind: str, answer_count: int) -> None:
    """Nobody counts."""
