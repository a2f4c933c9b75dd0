"""The pages for people: the landing page, the watch page, and the static files that they use.

Strategy: pages are the same for everybody and know nothing of streams; their scripts ask the API. Static files are
read once and answered from memory. Their URLs carry a hash of all of them, ``/static/{version}/watch.js``, so they may
be cached for ever; it stands in the path rather than the query because modules import each other by relative URL.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from pinkmedia.errors import EnvironmentFault
from pinkmedia.media_urls import HERE, MediaUrls

STATIC_FOLDER = Path(__file__).parent / "static"
TEMPLATE_FOLDER = Path(__file__).parent / "templates"
PLAYER_FILE = "vendor/hls.min.js"
"""Made by the build hook; a source tree that was never installed has none."""
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Files with other suffixes (licences, build stamps) are not served."""

_STREAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = _NO_SNIFFING | {
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}
_IMMUTABLE = "public, max-age=31536000, immutable"


def routes(media_urls: MediaUrls = HERE) -> list[Route]:
    """The landing page, the watch pages and the static files; media may come from ``media_urls``, too.

    Raises EnvironmentFault when the player has not been built.
    """
    static = StaticFiles.read(STATIC_FOLDER)
    if PLAYER_FILE not in static.files:
        raise EnvironmentFault(f"web/static/{PLAYER_FILE} is missing: install the package, its build fetches it")
    pages = _Pages(static, _content_security_policy(media_urls))
    return [
        Route("/", pages.landing),
        Route("/watch/{stream}", pages.watch),
        Route("/static/{version}/{path:path}", static.answer),
    ]


def _content_security_policy(media_urls: MediaUrls) -> str:
    origins = dict.fromkeys(f" {parts.scheme}://{parts.netloc}" for parts in map(urlsplit, media_urls.all))
    media = "".join(origins)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self'{media}",
            f"media-src 'self' blob:{media}",  # Media Source Extensions; and players that are the browser's own
            "worker-src 'self' blob:",  # hls.js makes its demuxer's worker from its own text
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    content_type: str
    data: bytes
    gzipped: bytes


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """A folder's files, in memory."""

    files: Mapping[str, StaticFile]
    """By path below the folder, with forward slashes."""
    version: str
    """Differs when any file does."""

    @classmethod
    def read(cls, folder: Path) -> StaticFiles:
        """Everything in the folder that has a known type."""
        paths = sorted(path for path in folder.rglob("*") if path.suffix in CONTENT_TYPES and path.is_file())
        files = {path.relative_to(folder).as_posix(): _read_file(path) for path in paths}
        digest = hashlib.sha256()
        for name, file in files.items():
            digest.update(f"{name}\0{len(file.data)}\0".encode() + file.data)
        return cls(files, digest.hexdigest()[:16])

    def url(self, path: str) -> str:
        """The versioned URL of a file, for templates."""
        return f"/static/{self.version}/{path}"

    async def answer(self, request: Request) -> Response:
        """A file. Another version's URL gets ours, uncached: its page may be another node's or an older one."""
        file = self.files.get(request.path_params["path"])
        if file is None:
            return PlainTextResponse("There is no such file.\n", 404, _NO_SNIFFING)
        is_ours = request.path_params["version"] == self.version
        headers = _NO_SNIFFING | {
            "Cache-Control": _IMMUTABLE if is_ours else "no-cache",
            "Content-Type": file.content_type,
            "Vary": "Accept-Encoding",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.gzipped, headers=headers | {"Content-Encoding": "gzip"})
        return Response(file.data, headers=headers)


def _read_file(path: Path) -> StaticFile:
    data = path.read_bytes()
    return StaticFile(CONTENT_TYPES[path.suffix], data, gzip.compress(data, mtime=0))


class _Pages:
    """The endpoints that render templates."""

    def __init__(self, static: StaticFiles, content_security_policy: str) -> None:
        self._headers = _PAGE_HEADERS | {"Content-Security-Policy": content_security_policy}
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
        )
        environment.globals["static"] = static.url
        self._templates = Jinja2Templates(env=environment)

    async def landing(self, request: Request) -> Response:
        return self._render(request, "landing.html")

    async def watch(self, request: Request) -> Response:
        """A page for any stream that could exist: whether it does, and is live, its script finds out."""
        stream = request.path_params["stream"]
        if not _STREAM_NAME.fullmatch(stream):
            return self._render(request, "not_found.html", status=404)
        return self._render(request, "watch.html", {"stream": stream})

    def _render(
        self, request: Request, template: str, context: dict[str, object] | None = None, *, status: int = 200
    ) -> Response:
        return self._templates.TemplateResponse(request, template, context, status_code=status, headers=self._headers)
