"""A door and publications that keep what they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from pinkmedia.media import Packet, TimedMetadata, Track
from pinkmedia.publishing import PublishLimits, PublishRefused, PublishRequest, Refusal

KEY = "correct-key"
LIMITS = PublishLimits(bit_rate_bps=50_000_000, video_tracks=4, audio_tracks=4)


@dataclass
class RecordingPublication:
    """Remembers every call."""

    stream_name: str = "stream"
    limits: PublishLimits = LIMITS
    track_sets: list[tuple[Track, ...]] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    metadata: list[TimedMetadata] = field(default_factory=list)
    ending: tuple[str, bool] | None = None
    has_packets: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, tracks: Sequence[Track]) -> None:
        self.track_sets.append(tuple(tracks))

    def write(self, packet: Packet) -> None:
        assert self.track_sets, "packets come after their tracks"
        assert self.ending is None
        self.packets.append(packet)
        self.has_packets.set()

    def write_metadata(self, metadata: TimedMetadata) -> None:
        self.metadata.append(metadata)

    def end(self, reason: str, *, is_clean: bool) -> None:
        assert self.ending is None, "called once"
        self.ending = (reason, is_clean)
        self.has_ended.set()


class RecordingDoor:
    """Admits whoever has KEY."""

    def __init__(self) -> None:
        self.requests: list[PublishRequest] = []
        self.publications: list[RecordingPublication] = []
        self.srt_passphrase: str | None = None
        self.is_single = False
        """There is one stream, which one may publish to at a time."""

    async def passphrase(self, request: PublishRequest) -> str | None:
        if request.key != KEY:
            raise PublishRefused(Refusal.BAD_KEY)
        return self.srt_passphrase

    async def admit(self, request: PublishRequest) -> RecordingPublication:
        self.requests.append(request)
        if request.key != KEY:
            raise PublishRefused(Refusal.BAD_KEY)
        if self.is_single and any(publication.ending is None for publication in self.publications):
            raise PublishRefused(Refusal.ALREADY_PUBLISHING)
        publication = RecordingPublication()
        self.publications.append(publication)
        return publication
