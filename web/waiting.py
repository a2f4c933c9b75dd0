"""Waiting for live media: one group of waiters per thing that changes, woken together."""

from __future__ import annotations

import asyncio


class Waiters:
    """Requests that wait for the next change of one rendition or presentation."""

    def __init__(self) -> None:
        self._futures: set[asyncio.Future[bool]] = set()

    def __len__(self) -> int:
        return len(self._futures)

    def wake(self) -> None:
        """Something changed: everyone looks again. Each waiter has its own future: a cancelled one costs no other."""
        futures, self._futures = self._futures, set()
        for future in futures:
            _settle(future, is_change=True)

    async def wait(self, timeout_seconds: float) -> bool:
        """True when something changed, False when the time was over first."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._futures.add(future)
        timer = loop.call_later(timeout_seconds, _settle, future)
        try:
            return await future
        finally:
            timer.cancel()
            self._futures.discard(future)


def _settle(future: asyncio.Future[bool], *, is_change: bool = False) -> None:
    if not future.done():
        future.set_result(is_change)
