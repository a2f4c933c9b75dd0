"""Waiting for live media: one group of waiters per thing that changes, woken together."""

from __future__ import annotations

import asyncio


class Waiters:
    """Requests that wait for the next change of one rendition or presentation.

    One timer is for all of them: thousands wait, and next to none in vain.
    """

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Future[bool], float] = {}
        """In the loop's time. Each waiter has its own future: a cancelled one costs no other."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._deadlines)

    def wake(self) -> None:
        """Something changed: everyone looks again."""
        deadlines, self._deadlines = self._deadlines, {}
        for future in deadlines:
            _settle(future, is_change=True)

    async def wait(self, timeout_seconds: float) -> bool:
        """True when something changed, False when the time was over first."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._deadlines[future] = deadline = loop.time() + timeout_seconds
        if self._timer is None or deadline < self._timer.when():
            self._set_timer(loop, deadline)
        try:
            return await future
        finally:
            self._deadlines.pop(future, None)

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for future, deadline in self._deadlines.items():
            if deadline <= now:
                _settle(future, is_change=False)
        left = [deadline for deadline in self._deadlines.values() if deadline > now]
        if left:
            self._set_timer(loop, min(left))


def _settle(future: asyncio.Future[bool], *, is_change: bool) -> None:
    if not future.done():
        future.set_result(is_change)
