"""The composition root: one process that takes publishers in and serves viewers.

    store ─► directory ◄─ RTMP, SRT            everything runs in one event loop (uvloop);
                │                              decoding and encoding run in worker processes
                └──► origin, API, pages ◄─ uvicorn, here or in origin processes

Starting goes from the inside out, so that nobody is let in before all is ready; stopping goes from the outside in:
publishers are told, the broadcasts end, viewers get the end of their playlists, workers are reaped.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import uvloop
from prometheus_client import Counter

from ingest.admission import Reception
from ingest.counters import IngestCounters
from ingest.rtmp.server import RtmpServer
from ingest.rtmp.tls import PortTls
from ingest.srt.negotiation import LatencyLimits
from ingest.srt.server import SrtServer, SrtSettings
from ingest.srt.statistics import SrtStatistics
from packager.layout import PackagerSettings
from pinkmedia.admin_token import AdminToken, read_admin_token
from pinkmedia.certificate import CertificateFiles, ServerCertificate
from pinkmedia.database.broadcasts import BroadcastStore
from pinkmedia.database.configured import open_database
from pinkmedia.database.engine import Database
from pinkmedia.database.events import EventStore
from pinkmedia.database.streams import StreamStore
from pinkmedia.events.recorder import Recorder
from pinkmedia.front import HttpFront
from pinkmedia.listening import listen
from pinkmedia.live.broadcast import BroadcastSettings
from pinkmedia.live.directory import LiveDirectory
from pinkmedia.live.dvr import DvrStore
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.governor import Governor, GovernorSettings
from pinkmedia.live.replication import SERVED_HERE
from pinkmedia.media import AudioTrack, Part, Rendition
from pinkmedia.metrics import CONTENT_TYPE, Metrics
from pinkmedia.origin_metrics import OriginCollector
from pinkmedia.passphrases import read_passphrase
from pinkmedia.playback_tokens import PlaybackSigner, read_signer
from pinkmedia.settings import Settings
from pinkmedia.srt_metrics import SrtCollector
from pinkmedia.webhooks.sender import WebhookSender
from pinkmedia.webhooks.signature import read_secret
from pinkmedia.worker_metrics import WorkerCollector
from transcode.pool import WorkerPool
from web.event_log import EventFeed

DEFAULT_CORES_SHARE = 0.9
"""Of the machine's cores that encoders may plan with; the node itself takes from one of them."""
WEBHOOK = "webhook"
"""The name of that target in the database."""
DVR_FOLDER = "dvr"
"""In the data folder."""
STOP_REASON = "the server is shutting down"

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code.

    Raises EnvironmentFault when a port is taken, a codec is missing or a folder cannot be written.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_node(settings) as node:
        if node.certificate is not None:
            loop.add_signal_handler(signal.SIGHUP, node.certificate.ask_reload)
        log.info(
            "ready",
            http=settings.base_url,
            rtmp=settings.rtmp_url,
            srt=settings.srt_url,
            data_dir=str(settings.data_dir),
        )
        await node.wait_for_failure(stop)
        log.info("stopping")
    log.info("stopped")


@asynccontextmanager
async def running_node(settings: Settings) -> AsyncIterator[Node]:
    """A node that is ready; it is stopped at the end of the block."""
    async with AsyncExitStack() as stack:
        # Files and ports first: they are the most common mistakes, and nothing need be undone then.
        certificate = _certificate(settings)
        srt_settings = _srt_settings(settings)
        signer = _signer(settings)
        http_socket = stack.enter_context(listen(settings, "http_port"))
        https_socket = stack.enter_context(listen(settings, "https_port")) if settings.https_port else None
        database = await stack.enter_async_context(open_database(settings))
        dvr = DvrStore(settings.data_dir / DVR_FOLDER)
        await dvr.start()
        stack.push_async_callback(dvr.close)
        pool = WorkerPool(encoder=settings.encoder)
        stack.push_async_callback(pool.close)
        await pool.start()
        folder = stack.enter_context(TemporaryDirectory(prefix="pinkmedia-")) if settings.http_workers else None
        front = HttpFront(settings, http_socket, https_socket, signer, None if folder is None else Path(folder))
        node = Node(settings, database, pool, front, srt_settings, dvr, certificate)
        stack.push_async_callback(node.stop)
        await node.start()
        yield node


class Node:
    """The servers of a process, and what connects them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        pool: WorkerPool,
        front: HttpFront,
        srt_settings: SrtSettings,
        dvr: DvrStore,
        certificate: ServerCertificate | None = None,
    ) -> None:
        self._settings = settings
        self.certificate = certificate
        self._certificate_watch: asyncio.Task[None] | None = None
        self._metrics = Metrics()
        self._governor = Governor(_governor_settings(settings))
        host = EncoderHost(pool, self._governor)
        self._front = front
        self._sender = _webhook_sender(settings, database)
        targets = () if self._sender is None else (WEBHOOK,)
        self._events = EventStore(database, targets)
        self._recorder = Recorder(BroadcastStore(database, targets), self._events, self._tell_of_events)
        self.directory = LiveDirectory(
            StreamStore(database),
            _broadcast_settings(settings),
            settings.tier_limits(),
            host,
            PartMetrics(self._metrics),
            dvr,
            self._front.origins or SERVED_HERE,
            self._recorder.record,
        )
        reception = Reception(self.directory)
        self._rtmp = RtmpServer(reception, max_connections_per_address=settings.rtmp_connections_per_address)
        self._srt = SrtServer(reception, srt_settings, max_connections_per_address=settings.srt_connections_per_address)
        self._metrics.add(SrtCollector(self._srt.statistics))
        self._metrics.add(WorkerCollector(lambda: pool.load))
        if (origins := self._front.origins) is not None:
            self._metrics.add(OriginCollector(lambda: origins.load))
        self._reported = [IngestCounters(), IngestCounters()]
        self._answer_counters: dict[str, Counter] = {}
        self._feed = EventFeed(_ReplayingLog(self._events, self._tell_of_events), _admin_token(settings))
        front.answer_from(self.directory, self, self._feed, self._count_answers)
        self.is_ready = False

    async def start(self) -> None:
        await self._recorder.start()
        if self._sender is not None:
            self._sender.start()
        await self.directory.start()
        self._governor.start()
        await self._start_ingest()
        await self._front.start(self.certificate)
        # What is there by now stays: the collector need not look through it again and again while media flows.
        gc.collect()
        gc.freeze()
        self.is_ready = True

    async def _start_ingest(self) -> None:
        settings, accepted, required = self._settings, None, None
        if self.certificate is not None:
            self._certificate_watch = asyncio.create_task(self.certificate.watch())
            accepted = PortTls(self.certificate.context, is_required=False)
            required = PortTls(self.certificate.context, is_required=True)
        await self._rtmp.start(settings.host, settings.rtmp_port, accepted if settings.rtmp_port_accepts_tls else None)
        if settings.rtmps_port:
            await self._rtmp.start(settings.host, settings.rtmps_port, required)
        if settings.srt_port:
            await self._srt.start(settings.host, settings.srt_port)

    async def wait_for_failure(self, stop: asyncio.Event) -> None:
        """Returns when ``stop`` is set, or when the HTTP server has ended by itself (raising its error)."""
        tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(self._front.wait_for_failure())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def stop(self) -> None:
        """Tells publishers, ends the broadcasts, lets viewers read the end of their playlists."""
        self.is_ready = False
        if self._certificate_watch is not None:
            self._certificate_watch.cancel()
        if self._settings.rtmp_reconnect_url is not None:
            await self._rtmp.send_elsewhere(self._settings.rtmp_reconnect_url, STOP_REASON)
        await self.directory.close(STOP_REASON)
        await self._governor.close()
        await self._rtmp.close(STOP_REASON)
        await self._srt.close(STOP_REASON)
        self._feed.close()
        await self._front.stop()
        await self._recorder.close()
        if self._sender is not None:
            await self._sender.close()

    def _tell_of_events(self) -> None:
        self._feed.wake()
        if self._sender is not None:
            self._sender.wake()

    def render_metrics(self) -> tuple[bytes, str]:
        self._metrics.live_streams.set(self.directory.live_count)
        self._metrics.blocked_requests.set(self._front.waiting_count)
        self._metrics.rtmp_connections.set(self._rtmp.connection_count)
        self._metrics.rtmp_tls_connections.set(self._rtmp.tls_connection_count)
        self._metrics.srt_connections.set(self._srt.connection_count)
        self._metrics.http_connections.set(self._front.connection_count)
        self._metrics.rungs_left_out.set(self._governor.left_out_count)
        self._report_ingest()
        return self._metrics.render(), CONTENT_TYPE

    def _report_ingest(self) -> None:
        """The servers count by themselves, knowing nothing of metrics: what is new since the last time is added."""
        current = [self._rtmp.counters, self._srt.counters]
        for counters, reported in zip(current, self._reported, strict=True):
            self._metrics.ingest_bytes.inc(counters.media_bytes - reported.media_bytes)
            for reason, count in counters.closed_by_reason.items():
                self._metrics.publishers_closed.labels(reason).inc(count - reported.closed_by_reason[reason])
        self._reported = [counters.copy() for counters in current]

    def publishers(self) -> list[dict[str, object]]:
        """For the API: each publisher's stream and protocol, and what is known of its line."""
        lines = {line.stream_name: line for line in self._srt.statistics()}
        return [
            {"stream": name, "protocol": protocol}
            | ({"srt": _line(lines[name])} if protocol == "srt" and name in lines else {})
            for name, protocol in self.directory.publishers()
        ]

    def _count_answers(self, kind: str, count: int) -> None:
        counter = self._answer_counters.get(kind)
        if counter is None:  # looked up once, not per request
            counter = self._answer_counters[kind] = self._metrics.http_requests.labels(kind)
        counter.inc(count)


class _ReplayingLog:
    """The events as the API has them: who asks for a replay need not wait until somebody looks."""

    def __init__(self, events: EventStore, on_due: Callable[[], None]) -> None:
        self._events = events
        self._on_due = on_due
        self.newest_number = events.newest_number
        self.after = events.after
        self.dead = events.dead

    async def replay(self, event_id: str) -> bool:
        is_due = await self._events.replay(event_id, datetime.now(UTC))
        self._on_due()
        return is_due


class PartMetrics:
    """Counts parts by what made them; the label children are looked up once, not per part."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        kinds = ("audio", "passthrough", "transcoded")
        self._published = {kind: metrics.parts_published.labels(kind) for kind in kinds}
        self._delays = {kind: metrics.part_publish_delay_seconds.labels(kind) for kind in kinds}

    def part_published(self, rendition: Rendition, part: Part) -> None:
        if isinstance(rendition.track, AudioTrack):
            kind = "audio"
        else:
            kind = "passthrough" if rendition.is_passthrough else "transcoded"
        self._published[kind].inc()
        self._delays[kind].observe(part.published_at - part.last_received_at)

    def worker_restarted(self) -> None:
        self._metrics.worker_restarts.inc()

    def encoding_given_up(self) -> None:
        self._metrics.encodings_given_up.inc()


def _certificate(settings: Settings) -> ServerCertificate | None:
    """Raises CertificateError."""
    if settings.tls_certificate is None or settings.tls_private_key is None:
        return None
    return ServerCertificate(CertificateFiles(settings.tls_certificate, settings.tls_private_key))


def _signer(settings: Settings) -> PlaybackSigner | None:
    """Raises BadPlaybackSecret."""
    path = settings.playback_secret_file
    return None if path is None else read_signer(path)


def _admin_token(settings: Settings) -> AdminToken | None:
    """Raises BadAdminToken."""
    return None if settings.admin_token_file is None else read_admin_token(settings.admin_token_file)


def _webhook_sender(settings: Settings, database: Database) -> WebhookSender | None:
    """Raises BadWebhookSecret."""
    if settings.webhook_url is None or settings.webhook_secret_file is None:
        return None
    secret = read_secret(settings.webhook_secret_file)
    return WebhookSender(WEBHOOK, settings.webhook_url, secret, EventStore(database))


def _srt_settings(settings: Settings) -> SrtSettings:
    """Raises BadPassphrase."""
    path = settings.srt_passphrase_file
    return SrtSettings(
        latency=LatencyLimits(settings.srt_min_latency_ms, settings.srt_max_latency_ms),
        passphrase=None if path is None else read_passphrase(path),
        is_encrypted_only=settings.srt_encrypted_only,
    )


def _line(line: SrtStatistics) -> dict[str, object]:
    fields = asdict(line)
    del fields["stream_name"]
    return fields


def _governor_settings(settings: Settings) -> GovernorSettings:
    cores = settings.transcode_cores or DEFAULT_CORES_SHARE * (os.cpu_count() or 1)
    return GovernorSettings(cores, settings.max_workers, settings.on_demand)


def _broadcast_settings(settings: Settings) -> BroadcastSettings:
    return BroadcastSettings(
        packager=PackagerSettings(
            segment_target_seconds=settings.segment_target_seconds,
            part_target_seconds=settings.part_target_seconds,
            window_seconds=settings.window_seconds,
            audio_only=settings.audio_only,
        ),
        reconnect_grace_seconds=settings.reconnect_grace_seconds,
        longest_seconds=settings.max_broadcast_hours * 3600 or None,
    )
