"""DASH as the origin serves it: the manifest, the clock, and segments in the making."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from packager.window import FEWEST_LISTED_SEGMENTS, LINGERING_SEGMENTS
from pinkmedia.media import Rendition
from tests.packager.samples import VIDEO, video_packets
from tests.web.test_origin import FOLDER, OneStream, until_waiting
from web import dash
from web import origin as origin_module
from web.origin import Origin

pytestmark = pytest.mark.anyio
MANIFEST = "/live/alice/e1/manifest.mpd"


@pytest.fixture
def stream() -> OneStream:
    return OneStream()


@pytest.fixture
def origin(stream: OneStream) -> Origin:
    return Origin(stream)


@pytest.fixture
async def client(origin: Origin) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=origin)
    async with httpx.AsyncClient(transport=transport, base_url="http://origin") as client:
        yield client


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what happens when a wait is over."""
    monkeypatch.setattr(dash, "FIRST_PART_SECONDS", 0.01)
    monkeypatch.setattr(dash, "SILENCE_SECONDS", 0.01)
    monkeypatch.setattr(origin_module, "READY_SECONDS", 0.01)


class Reader:
    """One request, taken message by message; it reads nothing while it is ``is_slow``."""

    def __init__(self, origin: Origin, path: str, method: str = "GET") -> None:
        self.messages: list[dict[str, Any]] = []
        self.may_read = asyncio.Event()
        self.may_read.set()
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
        self.task = asyncio.create_task(origin(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)
        await self.may_read.wait()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_whole(self) -> bool:
        last = self.messages[-1]
        return last["type"] == "http.response.body" and not last.get("more_body", False)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])


def part(stream: OneStream, msn: int, index: int) -> bytes:
    window = stream.presentation.find("720p")
    found = window.find_part(msn, index) if window else None
    assert found is not None
    return found.data


# The manifest


async def test_the_first_address_leads_to_the_presentation(client: httpx.AsyncClient) -> None:
    response = await client.get("/live/alice/manifest.mpd?token=abc")
    assert (response.status_code, response.headers["location"]) == (302, "e1/manifest.mpd?token=abc")
    assert response.headers["cache-control"] == "no-cache"
    assert str(response.next_request.url if response.next_request else "").endswith(f"{MANIFEST}?token=abc")
    assert (await client.get("/live/bob/manifest.mpd")).status_code == 404


async def test_the_manifest_names_what_is_there(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    response = await client.get(MANIFEST)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dash+xml"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["access-control-allow-origin"] == "*"
    names = [each.attrib["id"] for each in ElementTree.fromstring(response.text).iterfind(".//{*}Representation")]
    assert names == ["720p", "audio"]


async def test_the_manifest_is_made_once_for_each_change(
    stream: OneStream, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def count(*arguments: object, **settings: object) -> str:
        made.append("<MPD/>")
        return made[-1]

    monkeypatch.setattr(dash, "manifest", count)
    stream.advance(12)
    stream.advance_audio(18)
    await client.get(MANIFEST)
    await client.get(MANIFEST)
    stream.advance(6)  # another part of the open segment
    await client.get(MANIFEST)
    assert len(made) == 1
    stream.advance(43)  # the next segment has begun, but nothing of it is published
    await client.get(MANIFEST)
    assert len(made) == 2


async def test_the_manifest_is_compressed_for_those_who_accept_it(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    packed = await client.get(MANIFEST, headers={"Accept-Encoding": "gzip"})
    plain = await client.get(MANIFEST, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert packed.headers["vary"] == "Accept-Encoding"


async def test_the_manifest_waits_for_what_is_planned(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get(MANIFEST))
    await until_waiting(origin, 1)
    stream.advance_audio(18)
    assert 'id="audio"' in (await request).text


async def test_reading_the_manifest_wakes_what_sleeps(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    stream.presentation.withdraw("720p", is_dormant=True)
    window = stream.presentation.find("720p")
    assert window is not None
    asked: list[bool] = []
    window.on_asked = lambda: asked.append(True)
    request = asyncio.create_task(client.get(MANIFEST))
    await until_waiting(origin, 1)
    assert asked == [True]
    stream.advance(60)
    assert 'id="720p"' in (await request).text


async def test_who_reads_the_manifest_watches(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    assert not stream.presentation.was_asked_for("720p", since=0.0)
    await client.get(MANIFEST)
    assert stream.presentation.was_asked_for("720p", since=0.0)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("path", [MANIFEST, "/live/alice/e2/manifest.mpd", "/live/manifest.mpd", "/live/alice/time"])
async def test_what_does_not_exist_is_refused(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(path)).status_code == 404


async def test_after_the_end_the_manifest_says_so(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(70)
    stream.advance_audio(90)
    stream.presentation.end()
    assert 'type="static"' in (await client.get(MANIFEST)).text


async def test_the_clock_that_the_manifest_names(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    root = ElementTree.fromstring((await client.get(MANIFEST)).text)
    clock = root.find("{*}UTCTiming")
    assert clock is not None
    url = httpx.URL(f"http://origin{MANIFEST}").join(clock.attrib["value"])
    response = await client.get(url)
    assert response.headers["cache-control"] == "no-store"
    assert datetime.fromisoformat(response.text).utcoffset() is not None


# Segments in the making


async def test_a_segment_is_sent_as_it_is_made(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    await until_waiting(origin, 1)
    assert reader.messages[0]["status"] == 200
    assert b"content-length" not in reader.headers
    assert reader.headers[b"content-type"] == b"video/mp4"
    assert reader.headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert reader.headers[b"access-control-allow-origin"] == b"*"
    assert reader.body == part(stream, 1, 0) + part(stream, 1, 1)
    stream.advance(6)
    await until_waiting(origin, 1)
    assert reader.messages[-1]["body"] == part(stream, 1, 2)
    assert not reader.is_whole
    stream.advance(43)
    await reader.task
    assert reader.is_whole


async def test_its_bytes_are_those_of_the_whole_segment(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(7)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    for _ in range(54):
        await until_waiting(origin, 1)
        stream.advance(1)
    await reader.task
    assert reader.body == (await client.get(f"{FOLDER}/seg-1.m4s")).content


async def test_the_announced_segment_is_waited_for(stream: OneStream, origin: Origin) -> None:
    stream.advance(59)
    reader = Reader(origin, f"{FOLDER}/seg-2.m4s")
    await until_waiting(origin, 1)
    assert reader.messages == []
    stream.advance(7)
    await until_waiting(origin, 1)
    assert reader.body == part(stream, 2, 0)
    stream.presentation.end()
    await reader.task
    assert reader.is_whole


@pytest.mark.usefixtures("short_waits")
async def test_an_announced_segment_that_does_not_come_is_not_found(
    stream: OneStream, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    response = await client.get(f"{FOLDER}/seg-2.m4s")
    assert response.status_code == 404
    assert (await client.get(f"{FOLDER}/seg-3.m4s")).status_code == 404


async def test_the_end_answers_who_waits_for_what_was_announced(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get(f"{FOLDER}/seg-2.m4s"))
    await until_waiting(origin, 1)
    stream.presentation.end()
    assert (await request).status_code == 404


async def test_an_announced_segment_that_was_missed_is_empty(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get(f"{FOLDER}/seg-2.m4s"))
    await until_waiting(origin, 1)
    for msn in range(2, 6):
        stream.presentation.add_boundary(90_000 + 180_000 * msn)
    stream.presentation.skip_to("720p", 5)
    for response in (await request, await client.get(f"{FOLDER}/seg-3.m4s")):
        assert (response.status_code, response.content) == (200, dash.EMPTY_SEGMENT)


async def test_a_break_does_not_disturb_who_waits(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-2.m4s")
    await until_waiting(origin, 1)
    stream.presentation.add_boundary(900_000, has_discontinuity=True)
    for packet in video_packets(6, start_ticks=900_000):
        stream.presentation.write("720p", packet)
    await until_waiting(origin, 1)
    assert reader.body == part(stream, 2, 0)
    stream.presentation.end()
    await reader.task
    assert reader.is_whole


async def test_a_segment_with_another_header_is_not_what_was_announced(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get(f"{FOLDER}/seg-2.m4s"))
    await until_waiting(origin, 1)
    changed = replace(VIDEO, codec_string="avc1.640020")
    stream.presentation.add_rendition(Rendition("720p", changed, 2_500_000, is_passthrough=True))
    stream.advance(60)
    assert (await request).status_code == 404


async def test_withdrawing_a_rendition_completes_its_segment(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    await until_waiting(origin, 1)
    stream.presentation.withdraw("720p")
    await reader.task
    assert reader.is_whole


@pytest.mark.usefixtures("short_waits")
async def test_an_answer_that_cannot_be_finished_is_broken_off(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    await reader.task
    assert reader.body == part(stream, 1, 0) + part(stream, 1, 1)
    assert not reader.is_whole


async def test_who_reads_too_slowly_is_not_sent_the_rest(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    reader.may_read.clear()
    while not reader.messages:
        await asyncio.sleep(0)
    stream.advance(60 * (FEWEST_LISTED_SEGMENTS + LINGERING_SEGMENTS + 2))
    reader.may_read.set()
    await reader.task
    assert not reader.is_whole
    assert reader.body == b""


async def test_head_gets_no_body(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s", method="HEAD")
    await reader.task
    assert (reader.messages[0]["status"], reader.body, reader.is_whole) == (200, b"", True)


async def test_a_viewer_who_leaves_does_not_stay_in_the_list(stream: OneStream, origin: Origin) -> None:
    stream.advance(12)
    reader = Reader(origin, f"{FOLDER}/seg-1.m4s")
    await until_waiting(origin, 1)
    reader.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader.task
    assert origin.waiting_count == 0
