"""What viewers of an origin process meet: the HTTP server, put together as the node's own (`pinkmedia.node`)."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

from pinkmedia.origins.messages import AnswerCount, Configure, Report
from pinkmedia.origins.replicas import Replicas
from pinkmedia.playback_tokens import PlaybackSigner
from web.app import create_origin_app
from web.forwarding import Forwarder
from web.limited_media import LimitedMedia
from web.origin import Origin
from web.playback_gate import PlaybackGate
from web.server import HttpServer
from web.viewer_limits import ViewerLimits, Viewers

SECOND_LOOK_SECONDS = 0.1
"""A player's connections may be to several processes: what one has listed the others know within milliseconds, and on a
busy machine a little later."""


class OriginServer:
    """Answers from the replicas, and counts."""

    def __init__(self, told: Configure, replicas: Replicas) -> None:
        signer = PlaybackSigner(told.secrets) if told.secrets else None
        gate = PlaybackGate(replicas.is_private, signer)
        self._answers: Counter[str] = Counter()
        self._origin = Origin(
            replicas,
            gate=gate,
            media_urls=told.media_urls,
            on_answer=self._count,
            second_look_seconds=SECOND_LOOK_SECONDS,
        )
        limits = ViewerLimits(
            told.connections_per_address, told.requests_per_address, tuple(map(ip_network, told.trusted_proxies))
        )
        viewers = Viewers(limits)
        media = LimitedMedia(self._origin, viewers)
        app = create_origin_app(media, Forwarder(told.node_socket), viewers, told.media_urls)
        self.http = HttpServer(app, viewers, media)

    def report(self) -> Report:
        """Since the last one."""
        answers, self._answers = self._answers, Counter()
        counts = tuple(AnswerCount(kind, count) for kind, count in answers.items())
        return Report(counts, self.http.connection_count, self._origin.waiting_count)

    def _count(self, kind: str, status: int) -> None:
        self._answers[kind] += 1
