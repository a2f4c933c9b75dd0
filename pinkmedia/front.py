"""What viewers of a node meet: HTTP answered by this process or by origin processes, and HTTPS.

    http_workers = 0    http_port ─► this process
    http_workers > 0    http_port ─► origin processes ─► Unix socket ─► this process, for what is neither media nor page
    https_port          ─► this process

The port's socket is made once and shared by all origin processes: what waits to be accepted when one of them dies is
accepted by the others, or by the one that replaces it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp

from pinkmedia.certificate import ServerCertificate
from pinkmedia.live.directory import LiveDirectory
from pinkmedia.origins.messages import Configure
from pinkmedia.origins.pool import OriginPool
from pinkmedia.playback_tokens import PlaybackSigner
from pinkmedia.settings import Settings
from web.app import Operations, create_app
from web.event_log import EventFeed
from web.http2 import Http2Server
from web.limited_media import LimitedMedia
from web.origin import Origin
from web.playback_gate import PlaybackGate
from web.server import HttpServer
from web.viewer_limits import ViewerLimits, Viewers

NODE_SOCKET = "node.sock"
"""In a folder that nobody else may enter."""


class HttpFront:
    """All HTTP servers of a node."""

    def __init__(
        self,
        settings: Settings,
        http_socket: socket.socket,
        https_socket: socket.socket | None,
        signer: PlaybackSigner | None,
        folder: Path | None,
    ) -> None:
        """``folder`` is for the Unix socket: nobody else may enter it, and it is there as long as this."""
        self._settings = settings
        self._http_socket = http_socket
        self._https_socket = https_socket
        self._signer = signer
        self._node_socket = None if folder is None else folder / NODE_SOCKET
        self.origins = None if self._node_socket is None else self._origin_pool(self._node_socket)
        """None when this process answers by itself."""
        self._origin: Origin | None = None
        self._http: HttpServer | None = None
        self._http_task: asyncio.Task[None] | None = None
        self._https: Http2Server | None = None

    @property
    def connection_count(self) -> int:
        """Viewers' and proxies', open now."""
        plain = self._http.connection_count if self._http is not None else 0
        if self.origins is not None:
            plain = self.origins.load.connections
        return plain + (self._https.connection_count if self._https is not None else 0)

    @property
    def waiting_count(self) -> int:
        """Requests that wait for media."""
        own = self._origin.waiting_count if self._origin is not None else 0
        return own + (self.origins.load.waiting if self.origins is not None else 0)

    def answer_from(
        self,
        directory: LiveDirectory,
        operations: Operations,
        events: EventFeed,
        on_answers: Callable[[str, int], None],
    ) -> None:
        """Makes the servers; ``on_answers`` is told how many requests of a class were answered.

        Raises EnvironmentFault for what is not installed.
        """
        media_urls = self._settings.media_urls
        gate = PlaybackGate(directory.is_private, self._signer)
        origin = Origin(directory, gate=gate, media_urls=media_urls, on_answer=lambda kind, _: on_answers(kind, 1))

        def application(media: LimitedMedia, viewers: Viewers) -> ASGIApp:
            ingest_urls = self._settings.ingest_urls
            return create_app(media, directory, operations, ingest_urls, viewers, events, media_urls)

        viewers = Viewers(_viewer_limits(self._settings))
        media = LimitedMedia(origin, viewers)
        app = application(media, viewers)
        if self.origins is None:
            self._http = HttpServer(app, viewers, media)
        else:
            inner_viewers = Viewers(ViewerLimits(is_behind_origins=True))
            inner_media = LimitedMedia(origin, inner_viewers)
            inner_app = application(inner_media, inner_viewers)
            self._http = HttpServer(inner_app, inner_viewers, inner_media, unix_path=self._node_socket)
            self.origins.on_answers = on_answers
        if self._https_socket is not None:
            self._https = Http2Server(app, viewers)
        self._origin = origin

    async def start(self, certificate: ServerCertificate | None) -> None:
        """Returns when viewers are let in. Raises EnvironmentFault."""
        if self._http is None:
            return
        self._http_task = asyncio.create_task(self._http.serve(None if self.origins else [self._http_socket]))
        if self.origins is not None:
            await self.origins.start()
        if self._https is not None and self._https_socket is not None and certificate is not None:
            await self._https.start(self._https_socket, certificate.context)

    async def wait_for_failure(self) -> None:
        """Returns when the HTTP server has ended by itself."""
        if self._http_task is not None:
            await asyncio.wait([self._http_task])

    async def stop(self) -> None:
        """Answers in flight are finished. Raises what has ended the HTTP server by itself."""
        if self.origins is not None:
            await self.origins.close()
        if self._http is not None:
            self._http.should_exit = True
        if self._https is not None:
            await self._https.close()
        if self._http_task is not None:
            await self._http_task

    def _origin_pool(self, node_socket: Path) -> OriginPool:
        settings = self._settings
        configure = Configure(
            node_socket=str(node_socket),
            media_urls=settings.media_urls,
            secrets=() if self._signer is None else self._signer.secrets,
            connections_per_address=settings.http_connections_per_address,
            requests_per_address=settings.http_requests_per_address,
            trusted_proxies=tuple(map(str, settings.trusted_networks)),
            log_level=settings.log_level,
            log_format=settings.log_format,
        )
        return OriginPool(settings.http_workers, self._http_socket, configure)


def _viewer_limits(settings: Settings) -> ViewerLimits:
    return ViewerLimits(
        settings.http_connections_per_address, settings.http_requests_per_address, settings.trusted_networks
    )
