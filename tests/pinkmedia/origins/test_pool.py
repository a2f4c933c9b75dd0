"""Real origin processes: they serve what is published, are replaced, and are not believed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from itertools import count

import httpx
import pytest
from structlog.testing import capture_logs

from packager.playlist import media_playlist
from packager.presentation import Presentation
from pinkmedia.errors import EnvironmentFault
from pinkmedia.media import Rendition
from pinkmedia.media_urls import HERE
from pinkmedia.origins import supervisor
from pinkmedia.origins.messages import AnswerCount, Configure
from pinkmedia.origins.pool import OriginPool
from pinkmedia.playback_tokens import PlaybackSigner
from pinkmedia.processes.frames import WireError
from tests.packager.samples import VIDEO, ignore_part, layout, video_packets

pytestmark = pytest.mark.anyio
WAIT_SECONDS = 30.0
"""For what takes a second; a busy machine may need more."""
SECRET = b"0123456789abcdef0123456789abcdef"


class Site:
    """A pool, and something that is published."""

    def __init__(self, size: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        configure = Configure(
            node_socket="nowhere",
            media_urls=HERE,
            secrets=(SECRET,),
            connections_per_address=0,
            requests_per_address=0,
            trusted_proxies=(),
            log_level="info",
            log_format="json",
        )
        self.pool = OriginPool(size, self.listener, configure)
        self._packets = video_packets(100_000)
        self._epochs = count(1)

    def publish(self, name: str = "alice") -> Presentation:
        epoch = f"e{next(self._epochs)}"
        presentation = self.pool.open_presentation(name, epoch, layout(), {"720p"}, on_part=ignore_part, archive=None)
        presentation.add_rendition(Rendition("720p", VIDEO, 2_500_000, is_passthrough=True))
        presentation.begin(1_700_000_000.0)
        return presentation

    def grow(self, presentation: Presentation, frames: int) -> None:
        for _ in range(frames):
            packet = next(self._packets)
            if packet.is_sync:
                presentation.add_boundary(packet.pts_ticks)
            presentation.write("720p", packet)

    async def get(self, path: str) -> httpx.Response:
        """On a connection of its own."""
        async with httpx.AsyncClient(base_url=self.base_url, timeout=WAIT_SECONDS) as client:
            return await client.get(path)


def text_of(presentation: Presentation) -> str:
    (window,) = presentation.windows
    return media_playlist(window, epoch_wall_seconds=presentation.epoch_wall_seconds, others=[])


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not is_so():
            await asyncio.sleep(0.01)  # other processes raise no events here


async def until_served(site: Site, stream_name: str, presentation: Presentation) -> None:
    """What was told last may still be on its way."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (await site.get(f"/live/{stream_name}/e1/720p/media.m3u8")).text != text_of(presentation):
            await asyncio.sleep(0)


async def until_answered(site: Site, path: str, status: int) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while (await site.get(path)).status_code != status:
            await asyncio.sleep(0)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site(1)
    await site.pool.start()
    try:
        yield site
    finally:
        await site.pool.close()
        site.listener.close()


def the_pid(site: Site) -> int:
    (pid,) = (origin.pid for origin in site.pool._origins)
    assert pid is not None
    return pid


async def replaced(site: Site, times: int = 1) -> None:
    await until(lambda: site.pool.load.replaced == times and site.pool.load.serving == 1)


async def test_what_is_published_is_served(site: Site) -> None:
    presentation = site.publish()
    site.grow(presentation, 100)
    waiting = asyncio.create_task(site.get("/live/alice/e1/720p/media.m3u8?_HLS_msn=2&_HLS_part=6"))
    await until(lambda: site.pool.load.waiting == 1)
    assert site.pool.load.connections == 1
    site.grow(presentation, 2)
    answer = await waiting
    assert answer.text == text_of(presentation)
    (window,) = presentation.windows
    for part in window.segments[0].parts:
        assert (await site.get(f"/live/alice/e1/720p/{part.uri}")).content == part.data


async def test_the_newest_presentation_is_that_of_the_stream_until_it_is_forgotten(site: Site) -> None:
    older, newer = site.publish(), site.publish()
    site.grow(older, 6)
    site.grow(newer, 60)  # to its first key frame, and on
    site.pool.forget(older)
    await until_answered(site, "/live/alice/e1/720p/media.m3u8", 404)
    assert "e2/720p/media.m3u8" in (await site.get("/live/alice/index.m3u8")).text
    site.pool.forget(newer)
    await until_answered(site, "/live/alice/index.m3u8", 404)


async def test_a_killed_one_is_replaced_and_knows_all_there_is(site: Site) -> None:
    presentation = site.publish()
    site.pool.set_private("bob", is_private=True)
    site.grow(presentation, 1000)
    killed = the_pid(site)
    os.kill(killed, signal.SIGKILL)
    waiting = asyncio.create_task(site.get("/live/alice/e1/720p/media.m3u8"))  # connects before there is anybody
    await replaced(site)
    site.grow(presentation, 30)
    answer = await waiting
    assert answer.status_code == 200
    await until_served(site, "alice", presentation)
    await until_answered(site, "/live/bob/index.m3u8", 403)
    assert the_pid(site) != killed


async def test_what_happens_while_one_is_told_is_not_lost(site: Site) -> None:
    presentations = [site.publish(f"stream{number}") for number in range(20)]
    site.grow(presentations[0], 300)
    os.kill(the_pid(site), signal.SIGKILL)
    for number in count():  # all the time while the new one starts
        if site.pool.load.replaced and site.pool.load.serving:
            break
        site.grow(presentations[0], 1)
        if number % 50 == 0:
            presentations.append(site.publish(f"stream{len(presentations)}"))
        await asyncio.sleep(0)
    await until_served(site, "stream0", presentations[0])


async def test_private_streams_need_a_signature(site: Site) -> None:
    site.grow(site.publish(), 60)
    site.pool.set_private("alice", is_private=True)
    await until_answered(site, "/live/alice/index.m3u8", 403)
    token = PlaybackSigner([SECRET]).sign("alice", int(time.time()) + 60)
    await until_answered(site, f"/signed/{token}/live/alice/index.m3u8", 200)
    site.pool.set_private("alice", is_private=False)
    await until_answered(site, "/live/alice/index.m3u8", 200)


async def test_a_dormant_rendition_is_woken_by_who_asks_there(site: Site) -> None:
    presentation = site.publish()
    site.grow(presentation, 60)
    presentation.withdraw("720p", is_dormant=True)
    woken = asyncio.Event()
    presentation.on_asked = woken.set
    request = asyncio.create_task(site.get("/live/alice/e1/720p/media.m3u8"))
    async with asyncio.timeout(WAIT_SECONDS):
        await woken.wait()
    site.grow(presentation, 60)
    assert (await request).status_code == 200
    await until(lambda: presentation.was_asked_for("720p", since=0.0))


async def test_answers_are_counted_by_class(site: Site) -> None:
    counted: dict[str, int] = {}

    def on_answers(kind: str, answer_count: int) -> None:
        counted[kind] = counted.get(kind, 0) + answer_count

    site.pool.on_answers = on_answers
    site.grow(site.publish(), 60)
    for path in ("index.m3u8", "e1/720p/media.m3u8", "e1/720p/part-1.0.m4s", "e1/720p/part-1.1.m4s"):
        await site.get(f"/live/alice/{path}")
    await until(lambda: counted == {"multivariant": 1, "playlist": 1, "part": 2})


async def test_one_that_hangs_is_replaced(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "MOST_SILENT_LOOKS", 8)
    os.kill(the_pid(site), signal.SIGSTOP)
    with capture_logs() as logs:
        await replaced(site)
    assert [entry["reason"] for entry in logs if entry["event"] == "origin_process_ended"] == ["it hangs"]


async def test_one_that_does_not_take_its_operations_is_replaced(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    presentation = site.publish()
    os.kill(the_pid(site), signal.SIGSTOP)
    (origin,) = site.pool._origins
    monkeypatch.setattr(origin._outbox, "_most_bytes", 50_000)  # long before it is taken for hanging
    with capture_logs() as logs:
        while not origin.is_over:
            site.grow(presentation, 60)
            await asyncio.sleep(0)
        await replaced(site)
    assert "it does not take what it is told" in [entry.get("reason") for entry in logs]
    await until_served(site, "alice", presentation)


async def test_processes_that_do_not_start_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PROCESS_MODULE", "no.such.module")
    site = Site(2)
    with pytest.raises(EnvironmentFault, match="exited with status 1"):
        await site.pool.start()
    await site.pool.close()
    site.listener.close()


async def test_what_a_process_says_is_not_believed(site: Site) -> None:
    for answers in ([AnswerCount("secret", 1)], [AnswerCount("part", -1)], [AnswerCount("part", 10**12)]):
        with pytest.raises(WireError):
            site.pool.counted(tuple(answers))
    site.pool.asked(77, "720p")
    site.publish()
    site.pool.asked(1, "no such rendition")
    assert site.pool.load.serving == 1


async def test_signals_are_the_nodes(site: Site) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(the_pid(site), number)
    site.grow(site.publish(), 60)
    await until_answered(site, "/live/alice/index.m3u8", 200)
    assert os.getsid(the_pid(site)) == the_pid(site)
