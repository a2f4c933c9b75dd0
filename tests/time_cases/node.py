"""One node for all cases, and how a case is played through it: a batch of tags, then a look, until all is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

from ingest.rtmp.amf import AmfValue
from pinkmedia.database.engine import Database
from pinkmedia.database.streams import StreamStore
from pinkmedia.tiers import Tier
from tests.support import ServerProcess
from tests.time_cases.clips import Tag
from tests.time_cases.publisher import TimedPublisher, publishing
from tests.time_cases.viewer import Viewer, WatchedPresentation

TAGS_PER_LOOK = 100
"""About 1.3 s of pictures and sound: often enough that no segment and no presentation is missed."""
BOTH: Mapping[str, AmfValue] = {"videocodecid": 7.0, "audiocodecid": 10.0, "framerate": 30.0}
VIDEO_ONLY: Mapping[str, AmfValue] = {"videocodecid": 7.0, "framerate": 30.0}
AUDIO_ONLY: Mapping[str, AmfValue] = {"audiocodecid": 10.0}


class TimeNode:
    """The running server."""

    def __init__(self, server: ServerProcess, data_dir: Path) -> None:
        self._server = server
        self._data_dir = data_dir
        self._stream_count = 0

    @asynccontextmanager
    async def case(
        self, metadata: Mapping[str, AmfValue] | None = BOTH, *, keeps_media: bool = True
    ) -> AsyncIterator[tuple[TimedPublisher, Viewer]]:
        """A publisher and a viewer of a stream that nobody has published to before."""
        name, key = await self._new_stream()
        viewer = Viewer(self._server.base_url, name, keeps_media=keeps_media)
        try:
            async with publishing(self._server.rtmp_url, key) as publisher:
                if metadata is not None:
                    publisher.send_metadata(metadata)
                yield publisher, viewer
        finally:
            await viewer.close()

    async def play(
        self, tags: Iterable[Tag], metadata: Mapping[str, AmfValue] | None = BOTH, *, tags_per_look: int = TAGS_PER_LOOK
    ) -> list[WatchedPresentation]:
        """Publishes as fast as the server takes it; returns what a viewer saw, ended."""
        async with self.case(metadata) as (publisher, viewer):
            await feed(publisher, viewer, tags, tags_per_look=tags_per_look)
            await publisher.goodbye()
            await viewer.until_ended()
        return viewer.presentations

    @property
    def resident_bytes(self) -> int:
        """Memory of the node's process."""
        status = Path(f"/proc/{self._server.pid}/status").read_text()
        (kilobytes,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        return int(kilobytes) * 1024

    async def _new_stream(self) -> tuple[str, str]:
        self._stream_count += 1
        name = f"case-{self._stream_count}"
        async with Database.opened(self._data_dir) as database:
            _, key = await StreamStore(database).create(name, Tier.PARTNER)
        return name, key


async def feed(
    publisher: TimedPublisher, viewer: Viewer, tags: Iterable[Tag], *, tags_per_look: int = TAGS_PER_LOOK
) -> None:
    """Sends batch by batch; the viewer looks when the server has handled each."""
    remaining = iter(tags)
    while batch := list(islice(remaining, tags_per_look)):
        await publisher.send(batch)
        await viewer.look()


async def feed_in_real_time(publisher: TimedPublisher, tags: Sequence[Tag]) -> None:
    """Sends each tag when it is due; the first one is due now. Real time is what its cases are about."""
    start = time.monotonic() - tags[0].time_ms / 1000
    for tag in tags:
        await asyncio.sleep(max(0.0, start + tag.time_ms / 1000 - time.monotonic()))
        await publisher.send([tag])
