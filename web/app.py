"""The HTTP application: the media origin on its own short path, everything else through Starlette's router."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pinkmedia.errors import EnvironmentFault
from pinkmedia.media_urls import HERE, MediaUrls
from web import answers, api, client_configuration, moderation, pages
from web.addresses import is_media
from web.event_log import EventFeed
from web.problems import problem_details
from web.viewer_limits import Viewers

DATABASE_RETRY_SECONDS = 5
"""For who asks while the database is away."""

log = structlog.get_logger(__name__)


class Streams(api.StreamStatus, client_configuration.StreamLimits, moderation.Kicker, Protocol):
    """What the application needs to know of the streams."""


class Operations(Protocol):
    """What the operator's pages show."""

    @property
    def is_ready(self) -> bool:
        """Publishers and viewers are let in: started, and not stopping."""

    def render_metrics(self) -> tuple[bytes, str]:
        """Prometheus text and its content type."""

    def publishers(self) -> list[dict[str, object]]:
        """Each publisher's ``stream``, ``protocol``, and ``srt`` with the state of its line where that is SRT."""


def create_app(
    media: ASGIApp,
    streams: Streams,
    operations: Operations,
    ingest_urls: Callable[[str], Sequence[str]],
    viewers: Viewers,
    events: EventFeed,
    media_urls: MediaUrls = HERE,
) -> ASGIApp:
    """The application that the HTTP server runs.

    ``ingest_urls`` gives the publishing URLs for a client that has reached this server at a host; ``media_urls``
    are where viewers find the media.
    """
    rest = Starlette(
        routes=[
            *api.routes(streams, media_urls),
            *client_configuration.routes(streams, ingest_urls),
            *_operator_routes(operations),
            *pages.routes(media_urls),
            *events.routes(),
            *moderation.routes(streams, events.authority),
        ],
        exception_handlers={EnvironmentFault: _unavailable},
    )

    return _application(media, rest, viewers)


def create_origin_app(media: ASGIApp, node: ASGIApp, viewers: Viewers, media_urls: MediaUrls = HERE) -> ASGIApp:
    """The same for an origin process: what is neither media nor a page, the ``node`` answers."""
    return _application(media, Starlette(routes=[*pages.routes(media_urls), Mount("/", app=node)]), viewers)


def _application(media: ASGIApp, rest: ASGIApp, viewers: Viewers) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await rest(scope, receive, send)
        elif is_media(scope["path"]):
            await media(scope, receive, send)
        elif not viewers.may_ask(scope, time.monotonic()):
            await answers.TOO_MANY_REQUESTS.send(send, has_body=scope["method"] != "HEAD")
        else:
            await rest(scope, receive, send)

    return app


async def _unavailable(request: Request, fault: Exception) -> Response:
    """The database is away; what is wrong with it is for the log, and not for everybody."""
    log.warning("request_failed", path=request.url.path, reason=str(fault))
    headers = {"Retry-After": str(DATABASE_RETRY_SECONDS), "Cache-Control": "no-store"}
    return problem_details(503, "unavailable", "This cannot be looked up now; try again", headers=headers)


def _operator_routes(operations: Operations) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        return PlainTextResponse("ready\n") if operations.is_ready else PlainTextResponse("not ready\n", 503)

    async def metrics(request: Request) -> Response:
        body, content_type = operations.render_metrics()
        return Response(body, headers={"Content-Type": content_type})

    async def stats(request: Request) -> Response:
        return JSONResponse({"publishers": operations.publishers()}, headers={"Cache-Control": "no-store"})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/api/v1/stats", stats),
    ]
