"""The JSON API that pages and scripts use to find live streams; errors are problem details (RFC 9457)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from packager.presentation import Presentation
from packager.strip import STRIP_URI
from pinkmedia.media_urls import HERE, MediaUrls
from web.origin import PICTURES
from web.problems import problem_details

THUMBNAIL_MAX_AGE_SECONDS = 5
"""As often as there is a new one."""

_HEADERS = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}


class StreamStatus(Protocol):
    """What the API needs to know of the streams."""

    def live_names(self) -> list[str]:
        """Streams with a broadcast now, sorted."""

    def status_of(self, stream_name: str) -> str:
        """``live``, ``interrupted`` or ``offline``."""

    def started_at(self, stream_name: str) -> datetime | None:
        """When the broadcast that is on now began."""

    def encoding_of(self, stream_name: str) -> tuple[str, str | None]:
        """How its rungs fare: ``none``, ``running``, ``restarting`` or ``given_up``; and why the last worker failed."""

    def is_private(self, stream_name: str) -> bool:
        """Whether only who has a signed address may watch it."""

    async def is_known(self, stream_name: str) -> bool:
        """Whether the stream exists at all."""

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None: ...


def routes(streams: StreamStatus, media_urls: MediaUrls = HERE) -> list[Route]:
    """Everything below ``/api/v1``. ``media_urls`` are where viewers find the media."""

    async def list_streams(request: Request) -> Response:
        names = [name for name in streams.live_names() if not streams.is_private(name)]
        described = [_described(streams, name, media_urls.of(name)) for name in names]
        return JSONResponse({"streams": described}, headers=_HEADERS)

    async def get_stream(request: Request) -> Response:
        name = request.path_params["stream"]
        if not await streams.is_known(name):
            return _unknown_stream(name)
        return JSONResponse(_described(streams, name, media_urls.of(name)), headers=_HEADERS)

    async def redirect_to_playlist(request: Request) -> Response:
        name = request.path_params["stream"]
        if not await streams.is_known(name):
            return _unknown_stream(name)
        return RedirectResponse(playback_url(name, media_urls.of(name)), status_code=302, headers=_HEADERS)

    async def redirect_to_strip(request: Request) -> Response:
        name = request.path_params["stream"]
        presentation = _shown(streams, name)
        if presentation is None or presentation.thumbnail is None:
            return problem_details(404, "no-thumbnail", "There are no pictures of this stream now", headers=_HEADERS)
        url = f"{media_urls.of(name)}/live/{name}/{presentation.epoch}/{PICTURES}/{STRIP_URI}"
        return RedirectResponse(url, status_code=302, headers=_HEADERS)

    async def get_thumbnail(request: Request) -> Response:
        name = request.path_params["stream"]
        presentation = _shown(streams, name)
        if presentation is None or presentation.thumbnail is None:
            return problem_details(404, "no-thumbnail", "There is no picture of this stream now", headers=_HEADERS)
        headers = _HEADERS | {"Cache-Control": f"public, max-age={THUMBNAIL_MAX_AGE_SECONDS}"}
        return Response(presentation.thumbnail, media_type="image/jpeg", headers=headers)

    return [
        Route("/api/v1/live/streams", list_streams),
        Route("/api/v1/live/streams/{stream}/thumbnail.jpg", get_thumbnail),
        Route("/api/v1/live/streams/{stream}/strip.vtt", redirect_to_strip),
        Route("/api/v1/live/streams/{stream}", get_stream),
        Route("/api/v1/live/streams/{stream}/playlist.m3u8", redirect_to_playlist),
    ]


def thumbnail_url(stream_name: str) -> str:
    """Where a stream's newest still picture is, if it has one."""
    return f"/api/v1/live/streams/{stream_name}/thumbnail.jpg"


def playback_url(stream_name: str, media_url: str = "") -> str:
    """Where a stream's multivariant playlist is."""
    return f"{media_url}/live/{stream_name}/index.m3u8"


def _shown(streams: StreamStatus, name: str) -> Presentation | None:
    """What everybody may have pictures of."""
    return None if streams.is_private(name) else streams.find_presentation(name)


def _described(streams: StreamStatus, name: str, media_url: str) -> dict[str, str | None]:
    transcoding, problem = streams.encoding_of(name)
    return {
        "name": name,
        "status": streams.status_of(name),
        "started_at": None if (started_at := streams.started_at(name)) is None else started_at.isoformat(),
        "transcoding": transcoding,
        "transcoding_problem": problem,
        "playback_url": playback_url(name, media_url),
        "thumbnail_url": thumbnail_url(name),
    }


def _unknown_stream(name: str) -> Response:
    detail = f"No stream is called {name!r}."
    return problem_details(404, "unknown-stream", "There is no such stream", detail=detail, headers=_HEADERS)
