"""What Prometheus reads at ``/metrics``: every figure of the server, in one registry of its own.

Names carry their unit (seconds, bytes) and counters end in ``_total``, as Prometheus asks. Labels hold only values
from small fixed sets, never a key or an address, so that the number of series stays bounded; what is shown for each
SRT publisher (`pinkmedia.srt_metrics`) has its stream's name while it is live.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of `Metrics.render`."""

PART_DELAY_BUCKETS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 1.0, 2.0)
"""Fine up to 20 ms, where passthrough belongs, then around the part target, which an encoder must stay under."""


class Metrics:
    """The server's metrics; one object for each process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.live_streams = Gauge("pinkmedia_live_streams", "Streams with a publisher.", registry=registry)
        self.rtmp_connections = Gauge("pinkmedia_rtmp_connections", "Open RTMP connections.", registry=registry)
        self.rtmp_tls_connections = Gauge(
            "pinkmedia_rtmp_tls_connections", "Open RTMP connections over TLS.", registry=registry
        )
        self.srt_connections = Gauge("pinkmedia_srt_connections", "SRT publishers.", registry=registry)
        self.http_connections = Gauge(
            "pinkmedia_http_connections", "Open HTTP connections: viewers and proxies.", registry=registry
        )
        self.publishers_closed = Counter(
            "pinkmedia_publishers_closed", "Publishers that left, by why.", ["reason"], registry=registry
        )
        self.ingest_bytes = Counter("pinkmedia_ingest_bytes", "Media bytes from publishers.", registry=registry)
        self.parts_published = Counter(
            "pinkmedia_parts_published",
            "Parts made readable: passthrough, transcoded, audio.",
            ["kind"],
            registry=registry,
        )
        self.part_publish_delay_seconds = Histogram(
            "pinkmedia_part_publish_delay_seconds",
            "From a part's last frame received to the part published.",
            ["kind"],
            buckets=PART_DELAY_BUCKETS_SECONDS,
            registry=registry,
        )
        self.worker_restarts = Counter(
            "pinkmedia_worker_restarts", "Transcode workers replaced after a failure.", registry=registry
        )
        self.encodings_given_up = Counter(
            "pinkmedia_encodings_given_up", "Sources whose rungs were given up.", registry=registry
        )
        self.rungs_left_out = Gauge(
            "pinkmedia_rungs_left_out",
            "Renditions that are not encoded now, for want of processor or viewers.",
            registry=registry,
        )
        self.http_requests = Counter(
            "pinkmedia_http_requests", "HTTP requests answered, by class of route.", ["route"], registry=registry
        )
        self.blocked_requests = Gauge(
            "pinkmedia_blocked_requests", "HTTP requests held until their part exists.", registry=registry
        )

    def add(self, collector: Collector) -> None:
        """Show what this collects, too."""
        self._registry.register(collector)

    def render(self) -> bytes:
        """Every metric in the text format."""
        return generate_latest(self._registry)
