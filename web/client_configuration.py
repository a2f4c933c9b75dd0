"""``POST /api/v1/live/obs/GetClientConfiguration``: OBS asks how to encode, and is answered for its stream's tier.

The request holds the stream key, so its body is never logged nor repeated. It is read up to a size and within a time;
its nesting is bounded by its size and by the parser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pinkmedia.address_limits import AddressRateLimit
from pinkmedia.obs.answer import Json, configuration, refusal
from pinkmedia.obs.request import BadClientRequest, ClientRequest, parse_request
from pinkmedia.publishing import PublishRefused, Refusal
from pinkmedia.tiers import TierLimits
from web.bodies import BodyRefused, read_body
from web.problems import problem_details

PATH = "/api/v1/live/obs/GetClientConfiguration"
MAX_WRONG_KEYS = 10
"""From one address within WRONG_KEY_WINDOW_SECONDS, as for publishers: it bounds what the store is asked."""
WRONG_KEY_WINDOW_SECONDS = 60.0
"""Then one more key may be tried each 6 s."""

REFUSED_TEXTS = {
    Refusal.BAD_KEY: "This stream key opens no stream here. Please check it in Settings → Stream.",
    Refusal.NOT_ALLOWED: "This stream may not go live. Please ask the site's operator.",
    Refusal.UNAVAILABLE: "Stream keys cannot be checked now. Please try again in a moment.",
}
TOO_MANY_TEXT = "Too many wrong stream keys came from your address. Please try again in a minute."

_HEADERS = {"Cache-Control": "no-store"}

log = structlog.get_logger(__name__)


class StreamLimits(Protocol):
    """What the endpoint needs to know of the streams."""

    async def limits_for(self, key: str) -> TierLimits:
        """What the stream of this key may be sent.

        Raises PublishRefused.
        """


def routes(streams: StreamLimits, ingest_urls: Callable[[str], Sequence[str]]) -> list[Route]:
    """The endpoint. ``ingest_urls`` gives the URLs for a client that has reached this server at a host."""
    return [Route(PATH, _ClientConfiguration(streams, ingest_urls).answer, methods=["POST"])]


class _ClientConfiguration:
    def __init__(self, streams: StreamLimits, ingest_urls: Callable[[str], Sequence[str]]) -> None:
        self._streams = streams
        self._ingest_urls = ingest_urls
        self._wrong_keys = AddressRateLimit(MAX_WRONG_KEYS, WRONG_KEY_WINDOW_SECONDS)

    async def answer(self, request: Request) -> Response:
        try:
            asked = parse_request(await read_body(request))
        except BodyRefused as refused:
            status, title = refused.args
            return problem_details(status, "client-request-refused", title)
        except BadClientRequest as bad:
            return problem_details(400, "bad-client-request", "This is not what OBS asks", detail=str(bad))
        return JSONResponse(await self._configure(request, asked), headers=_HEADERS)

    async def _configure(self, request: Request, asked: ClientRequest) -> Json:
        address = request.client.host if request.client else ""
        if self._wrong_keys.is_spent(address, _now()):
            return refusal(asked, TOO_MANY_TEXT)
        try:
            limits = await self._streams.limits_for(asked.key)
        except PublishRefused as refused:
            if refused.refusal is Refusal.BAD_KEY:
                self._wrong_keys.count(address, _now())
            log.info("client_configuration_refused", peer=address, reason=refused.refusal.value)
            return refusal(asked, REFUSED_TEXTS[refused.refusal])
        return configuration(asked, limits, self._ingest_urls(request.url.hostname or address))


def _now() -> float:
    return asyncio.get_running_loop().time()
