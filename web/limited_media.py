"""Requests for live media, as far as their viewers may ask."""

from __future__ import annotations

import time

from starlette.types import Receive, Scope, Send

from web import answers
from web.answers import AnyAnswer
from web.origin import Origin
from web.viewer_limits import Viewers


class LimitedMedia:
    """In front of the origin."""

    def __init__(self, origin: Origin, viewers: Viewers) -> None:
        self._origin = origin
        self._viewers = viewers

    async def answer(self, scope: Scope) -> AnyAnswer:
        """See `web.hot_path.Source`."""
        if not self._viewers.may_ask(scope, time.monotonic()):
            return answers.TOO_MANY_REQUESTS
        return await self._origin.answer(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same as an ASGI application."""
        answer = await self.answer(scope)
        await answer.send(send, has_body=scope["method"] != "HEAD")
