"""All streams of this node: the door for publishers, and what the web looks up.

A stream is known here from its first publisher on. It has at most one broadcast at a time, and the presentations that
players may still ask for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from packager.layout import Layout
from packager.presentation import Presentation
from pinkmedia.database.streams import Stream, StreamStore
from pinkmedia.errors import EnvironmentFault
from pinkmedia.lifecycle import State, Transition
from pinkmedia.live.broadcast import Broadcast, BroadcastSettings
from pinkmedia.live.dvr import DvrStore, PresentationArchive
from pinkmedia.live.encoder_host import EncoderHost
from pinkmedia.live.encoding import NOT_ENCODING
from pinkmedia.live.plan import SourceHistory, StreamPolicy
from pinkmedia.live.replication import SERVED_HERE, Replication
from pinkmedia.media import Packet, Part, Rendition, TimedMetadata, Track
from pinkmedia.publishing import Publication, PublishLimits, PublishRefused, PublishRequest, Refusal
from pinkmedia.tiers import Tier, TierLimits

ENDED_LINGER_SECONDS = 30.0
"""How long an ended presentation is still served: players read the end of the playlist, and what they still lack."""
BLOCKED = "this stream was blocked; ask the site's operator"
TOO_LONG = "this broadcast was as long as one may be; start streaming again"
STREAM_CHECK_SECONDS = 2.0
"""How often live streams are looked up again: a rotated key or a block cuts the publisher off within this."""

log = structlog.get_logger(__name__)


class LiveMetrics(Protocol):
    """What the directory reports."""

    def part_published(self, rendition: Rendition, part: Part) -> None: ...

    def worker_restarted(self) -> None: ...

    def encoding_given_up(self) -> None: ...


class LiveStream:
    """A stream as this node has seen it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.broadcast: Broadcast | None = None
        self.publisher: PublishRequest | None = None
        self.admitted_key_at: datetime | None = None
        """When the publisher's key was made; a later key in the store means that it was rotated."""
        self.tier = Tier.STANDARD
        """That of the last publisher's admission."""
        self.is_private = False
        """Only who has a signed address may watch it: as of its last look-up."""
        self.presentations: dict[str, Presentation] = {}
        self.history = SourceHistory()


def _ignore(_transition: Transition) -> None:
    """Nobody is told."""


class LiveDirectory:
    """Admits publishers and finds presentations."""

    def __init__(
        self,
        store: StreamStore,
        settings: BroadcastSettings,
        tiers: Mapping[Tier, TierLimits],
        host: EncoderHost,
        metrics: LiveMetrics,
        dvr: DvrStore | None = None,
        replication: Replication = SERVED_HERE,
        on_transition: Callable[[Transition], None] = _ignore,
    ) -> None:
        """``on_transition`` is told of every broadcast's states, in their order, as they change."""
        self._on_transition = on_transition
        self._store = store
        self._replication = replication
        self._dvr = dvr
        self._settings = settings
        self._kicked_until: dict[str, float] = {}
        """By stream, in monotonic seconds; at most those that were on lately."""
        self._tiers = tiers
        self._host = host
        self._metrics = metrics
        self._streams: dict[str, LiveStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._stream_check: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._stream_check = asyncio.create_task(self._check_streams())

    async def close(self, reason: str) -> None:
        """No more publishers; those there are told why, and every broadcast ends as it should."""
        self._closing.set()
        for stream in self._streams.values():
            # Finished first: what the encoders hold is still published, and losing the publisher is no interruption.
            self._finish(stream, reason)
            if stream.publisher is not None:
                stream.publisher.disconnect(reason)
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._stream_check is not None:
            await self._stream_check

    # For publishers

    async def admit(self, request: PublishRequest) -> Publication:
        """See pinkmedia.publishing.Door."""
        if self._closing.is_set():
            raise PublishRefused(Refusal.SHUTTING_DOWN)
        known = await self._find_allowed(request.key)
        if self._closing.is_set():  # meanwhile
            raise PublishRefused(Refusal.SHUTTING_DOWN)
        stream = self._streams.setdefault(known.name, LiveStream(known.name))
        if stream.publisher is not None:
            raise PublishRefused(Refusal.ALREADY_PUBLISHING)
        stream.publisher, stream.admitted_key_at, stream.tier = request, known.key_rotated_at, known.tier
        self._set_private(stream, known)
        if stream.broadcast is None:
            stream.broadcast = self._new_broadcast(stream)
        stream.broadcast.expect_source()
        return StreamPublication(stream, stream.broadcast, request, self._tiers[known.tier].publish, self._finish)

    def kick(self, stream_name: str, reason: str, seconds: float) -> bool:
        """Ends what is on, and lets nobody publish for so long; whether anything was on.

        ``reason`` is for the publisher, the log and the event.
        """
        stream, now = self._streams.get(stream_name), time.monotonic()
        if stream is None or (stream.publisher is None and stream.broadcast is None):
            return False
        log.info("publisher_kicked", stream=stream_name, reason=reason, seconds=seconds)
        self._kicked_until = {name: until for name, until in self._kicked_until.items() if until > now}
        self._kicked_until[stream_name] = now + seconds
        self._cut_off(stream, reason)
        return True

    def _is_kicked(self, stream_name: str) -> bool:
        return self._kicked_until.get(stream_name, 0.0) > time.monotonic()

    async def passphrase(self, request: PublishRequest) -> str | None:
        """See pinkmedia.publishing.Door."""
        return (await self._find_allowed(request.key)).srt_passphrase

    async def limits_for(self, key: str) -> TierLimits:
        """What the stream of this key may be sent.

        Raises PublishRefused.
        """
        return self._tiers[(await self._find_allowed(key)).tier]

    async def _find_allowed(self, key: str) -> Stream:
        try:
            known = await self._store.find_by_key(key)
        except EnvironmentFault as fault:
            log.warning("keys_not_checked", reason=str(fault))
            raise PublishRefused(Refusal.UNAVAILABLE) from None
        if known is None:
            raise PublishRefused(Refusal.BAD_KEY)
        if known.is_blocked or self._is_kicked(known.name):
            raise PublishRefused(Refusal.NOT_ALLOWED)
        return known

    def _new_broadcast(self, stream: LiveStream) -> Broadcast:
        broadcast = Broadcast(
            stream.name,
            self._settings,
            self._host,
            policy=self._policy_for(stream.tier),
            history=stream.history,
            open_presentation=lambda layout, names: self._open_presentation(stream, layout, names),
            on_worker_restart=self._metrics.worker_restarted,
            on_encoding_given_up=self._metrics.encoding_given_up,
            on_hopeless=lambda reason: self._end_hopeless(stream, broadcast, reason),
            on_transition=self._on_transition,
            on_ended=lambda: self._forget_broadcast(stream, broadcast),
        )
        return broadcast

    def _policy_for(self, tier: Tier) -> StreamPolicy:
        limits = self._tiers[tier]
        ladder = limits.ladder if limits.is_transcoding else None
        return StreamPolicy(ladder, tier, limits.passthrough_bps, limits.dvr_seconds)

    def _end_hopeless(self, stream: LiveStream, broadcast: Broadcast, reason: str) -> None:
        """Viewers see the end instead of nothing, and the publisher is told why."""
        if stream.broadcast is not broadcast:  # meanwhile
            return
        self._cut_off(stream, reason)

    def _finish(self, stream: LiveStream, reason: str) -> None:
        """Ends the stream's broadcast in the background; a new one may begin meanwhile."""
        broadcast = stream.broadcast
        if broadcast is not None:
            self._forget_broadcast(stream, broadcast)
            self._spawn(broadcast.finish(reason))

    def _forget_broadcast(self, stream: LiveStream, broadcast: Broadcast) -> None:
        if stream.broadcast is broadcast:
            stream.broadcast = None

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check_streams(self) -> None:
        while not await self._closes_within(STREAM_CHECK_SECONDS):
            for stream in list(self._streams.values()):
                if self._is_too_long(stream):
                    log.info("broadcast_too_long", stream=stream.name)
                    self._cut_off(stream, TOO_LONG)
                elif stream.publisher is not None or stream.broadcast is not None:
                    await self._check_stream(stream)

    def _is_too_long(self, stream: LiveStream) -> bool:
        longest_seconds, started_at = self._settings.longest_seconds, self.started_at(stream.name)
        if longest_seconds is None or started_at is None:
            return False
        return (datetime.now(UTC) - started_at).total_seconds() > longest_seconds

    def _cut_off(self, stream: LiveStream, reason: str) -> None:
        """The broadcast ends, and nobody is waited for."""
        self._finish(stream, reason)
        if stream.publisher is not None:
            stream.publisher.disconnect(reason)

    async def _closes_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _check_stream(self, stream: LiveStream) -> None:
        publisher = stream.publisher
        try:
            known = await self._store.find_by_name(stream.name)
        except EnvironmentFault as fault:
            log.warning("stream_not_checked", stream=stream.name, reason=str(fault))
            return
        if publisher is not stream.publisher:  # meanwhile; the new one was admitted just now
            return
        if known is not None:
            self._set_private(stream, known)
        if known is not None and known.is_blocked:
            log.info("stream_blocked", stream=stream.name)
            self._cut_off(stream, BLOCKED)
        elif publisher is not None and (known is None or known.key_rotated_at != stream.admitted_key_at):
            log.info("stream_key_changed", stream=stream.name)
            publisher.disconnect("the stream key was changed")

    def _set_private(self, stream: LiveStream, known: Stream) -> None:
        if stream.is_private != known.is_private:
            stream.is_private = known.is_private
            self._replication.set_private(stream.name, is_private=known.is_private)

    def publishers(self) -> list[tuple[str, str]]:
        """Name and protocol of each stream that is published now, by name."""
        live = ((name, stream.publisher) for name, stream in sorted(self._streams.items()))
        return [(name, publisher.protocol) for name, publisher in live if publisher is not None]

    # For viewers

    @property
    def live_count(self) -> int:
        return sum(stream.publisher is not None for stream in self._streams.values())

    def live_names(self) -> list[str]:
        return sorted(name for name in self._streams if self.status_of(name) != State.OFFLINE)

    def status_of(self, stream_name: str) -> str:
        """``live`` (from the first key frame on), ``interrupted`` or ``offline``."""
        stream = self._streams.get(stream_name)
        broadcast = stream.broadcast if stream else None
        if broadcast is None or broadcast.presentation is None or not broadcast.presentation.has_begun:
            return State.OFFLINE.value
        return broadcast.lifecycle.state.value

    def started_at(self, stream_name: str) -> datetime | None:
        """When the broadcast that is on now was live first."""
        stream = self._streams.get(stream_name)
        return stream.broadcast.lifecycle.started_at if stream and stream.broadcast else None

    def is_private(self, stream_name: str) -> bool:
        """Whether only who has a signed address may watch what is published of it."""
        stream = self._streams.get(stream_name)
        return stream is not None and stream.is_private

    def encoding_of(self, stream_name: str) -> tuple[str, str | None]:
        """How the rungs fare: ``none``, ``running``, ``restarting`` or ``given_up``; and why the last worker failed."""
        stream = self._streams.get(stream_name)
        status = stream.broadcast.encoding_status if stream and stream.broadcast else NOT_ENCODING
        return status.state.value, status.problem

    async def is_known(self, stream_name: str) -> bool:
        return await self._store.find_by_name(stream_name) is not None

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None:
        """The presentation of this epoch, or without one the newest."""
        stream = self._streams.get(stream_name)
        if stream is None or not stream.presentations:
            return None
        return stream.presentations.get(epoch) if epoch is not None else next(reversed(stream.presentations.values()))

    def _open_presentation(self, stream: LiveStream, layout: Layout, names: frozenset[str]) -> Presentation:
        # Milliseconds of the wall clock make it new after a restart, too; the loop makes it new within one.
        number = time.time_ns() // 1_000_000
        while (epoch := f"{number:x}") in stream.presentations:
            number += 1
        is_archived = self._dvr is not None and layout.window_seconds > layout.memory_seconds
        archive = self._dvr.archive(stream.name, epoch) if self._dvr is not None and is_archived else None
        presentation = self._replication.open_presentation(
            stream.name, epoch, layout, names, on_part=self._metrics.part_published, archive=archive
        )
        stream.presentations[epoch] = presentation
        presentation.observers.append(lambda: self._forget_later(stream, presentation, archive))
        return presentation

    def _forget_later(
        self, stream: LiveStream, presentation: Presentation, archive: PresentationArchive | None
    ) -> None:
        if presentation.is_ended:
            loop = asyncio.get_running_loop()
            loop.call_later(ENDED_LINGER_SECONDS, self._forget, stream, presentation)
            if archive is not None:
                loop.call_later(ENDED_LINGER_SECONDS, archive.close)

    def _forget(self, stream: LiveStream, presentation: Presentation) -> None:
        stream.presentations.pop(presentation.epoch, None)
        self._replication.forget(presentation)


class StreamPublication:
    """One publisher's hold on its stream (pinkmedia.publishing.Publication)."""

    def __init__(
        self,
        stream: LiveStream,
        broadcast: Broadcast,
        request: PublishRequest,
        limits: PublishLimits,
        finish: Callable[[LiveStream, str], None],
    ) -> None:
        self.stream_name = stream.name
        self.limits = limits
        self._stream = stream
        self._broadcast = broadcast
        self._request = request
        self._finish = finish

    def begin(self, tracks: Sequence[Track]) -> None:
        self._broadcast.begin_source(tracks)

    def write(self, packet: Packet) -> None:
        self._broadcast.write(packet)

    def write_metadata(self, metadata: TimedMetadata) -> None:
        self._broadcast.write_metadata(metadata)

    def end(self, reason: str, *, is_clean: bool) -> None:
        if self._stream.publisher is not self._request:
            return
        self._stream.publisher = None
        if self._stream.broadcast is not self._broadcast:
            return
        if is_clean:
            self._finish(self._stream, reason)
        else:
            self._broadcast.interrupt(reason)
