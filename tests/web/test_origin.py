"""The media origin, spoken to in HTTP without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from packager.presentation import Presentation
from pinkmedia.media import ID3_SCHEME, PictureSheet, Rendition, TimedMetadata
from tests.packager.samples import AUDIO, VIDEO, audio_packets, ignore_part, layout, video_packets
from web import origin as origin_module
from web.addresses import is_media
from web.origin import Origin

pytestmark = pytest.mark.anyio
FOLDER = "/live/alice/e1/720p"


class OneStream:
    """A directory with one presentation, called alice."""

    def __init__(self) -> None:
        self.presentation = Presentation("e1", layout(), {"720p", "audio"}, on_part=ignore_part)
        self.presentation.add_rendition(Rendition("720p", VIDEO, 2_500_000, is_passthrough=True))
        self.presentation.add_rendition(Rendition("audio", AUDIO, 128_000, is_passthrough=True))
        self.presentation.begin(1_700_000_000.0)
        self._video = video_packets(100_000)
        self._audio = audio_packets(100_000)

    def find_presentation(self, stream_name: str, epoch: str | None = None) -> Presentation | None:
        return self.presentation if stream_name == "alice" and epoch in (None, "e1") else None

    def advance(self, frames: int) -> None:
        """Writes video frames; a boundary at each key frame."""
        for _ in range(frames):
            packet = next(self._video)
            if packet.is_sync:
                self.presentation.add_boundary(packet.pts_ticks)
            self.presentation.write("720p", packet)

    def advance_audio(self, frames: int) -> None:
        for _ in range(frames):
            self.presentation.write("audio", next(self._audio))


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
    monkeypatch.setattr(origin_module, "LONGEST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(origin_module, "READY_SECONDS", 0.01)


async def until_waiting(origin: Origin, count: int) -> None:
    """Lets the requests run until this many wait."""
    async with asyncio.timeout(5):
        while origin.waiting_count < count:
            await asyncio.sleep(0)


async def test_the_multivariant_playlist_names_the_epoch(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    response = await client.get("/live/alice/index.m3u8")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert response.headers["cache-control"] == "no-cache"
    assert "\ne1/720p/media.m3u8\n" in response.text


@pytest.mark.parametrize("path", ["/app/alice/llhls.m3u8", "/site/alice/playlist.m3u8", "/live/alice/llhls.m3u8"])
async def test_other_names_of_the_multivariant_playlist_lead_to_the_same_media(
    path: str, stream: OneStream, client: httpx.AsyncClient
) -> None:
    stream.advance(62)
    stream.advance_audio(100)
    assert is_media(path)
    response = await client.get(path)
    assert response.status_code == 200
    (uri,) = [line for line in response.text.splitlines() if line.endswith("720p/media.m3u8")]
    assert str(response.url.join(uri)) == f"http://origin{FOLDER}/media.m3u8"
    assert (await client.get(response.url.join(uri))).status_code == 200


@pytest.mark.parametrize(
    "path", ["/alice/llhls.m3u8", "/a/b/alice/llhls.m3u8", "/app/alice/index.m3u8", "/app/llhls.m3u8x"]
)
def test_what_is_not_the_origins(path: str) -> None:
    assert not is_media(path)


async def test_the_multivariant_playlist_waits_for_what_is_planned(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get("/live/alice/index.m3u8"))
    await until_waiting(origin, 1)
    stream.advance_audio(18)
    assert 'GROUP-ID="audio"' in (await request).text


@pytest.mark.usefixtures("short_waits")
async def test_the_multivariant_playlist_goes_without_what_does_not_come(
    stream: OneStream, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    response = await client.get("/live/alice/index.m3u8")
    assert response.status_code == 200
    assert "audio" not in response.text


async def test_a_rendition_that_was_given_up_is_not_offered(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    stream.presentation.give_up("audio")
    response = await client.get("/live/alice/index.m3u8")
    assert response.status_code == 200
    assert "audio" not in response.text


async def test_a_withdrawn_rendition_sends_its_players_elsewhere(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    stream.advance_audio(100)
    waiting = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=2"))
    await until_waiting(origin, 1)
    stream.presentation.withdraw("720p")
    assert (await waiting).status_code == 404
    assert (await client.get(f"{FOLDER}/media.m3u8")).status_code == 404
    assert (await client.get(f"{FOLDER}/part-1.1.m4s")).status_code == 200  # for those who have read its name
    assert "720p" not in (await client.get("/live/alice/e1/audio/media.m3u8?_HLS_msn=1&_HLS_part=0")).text
    stream.advance(120)
    stream.advance_audio(100)
    assert "720p/media.m3u8" in (await client.get("/live/alice/index.m3u8")).text
    assert "#EXT-X-MEDIA-SEQUENCE:1\n" in (await client.get(f"{FOLDER}/media.m3u8")).text


async def test_a_dormant_rendition_is_offered_and_waits_to_be_asked_for(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    stream.advance_audio(18)
    window = stream.presentation.find("720p")
    assert window is not None
    asked: list[bool] = []
    window.on_asked = lambda: asked.append(True)
    stream.presentation.withdraw("720p", is_dormant=True)
    assert "720p/media.m3u8" in (await client.get("/live/alice/index.m3u8")).text
    assert asked == []
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8"))
    await until_waiting(origin, 1)
    assert asked == [True]
    stream.advance(120)
    response = await request
    assert (response.status_code, "#EXT-X-GAP\n" in response.text) == (200, True)


@pytest.mark.usefixtures("short_waits")
async def test_a_dormant_rendition_that_does_not_come_is_late(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    stream.presentation.withdraw("720p", is_dormant=True)
    assert (await client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=2")).status_code == 503


async def test_the_strip_of_small_pictures(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.presentation.show(b"thumbnail", PictureSheet(b"sheet", 160, 88, 5, (90_000,)))
    track = await client.get("/live/alice/e1/pictures/strip.vtt")
    assert (track.status_code, track.headers["content-type"]) == (200, "text/vtt; charset=utf-8")
    assert "\nsheet-1.1.jpg#xywh=0,0,160,88\n" in track.text
    picture = await client.get("/live/alice/e1/pictures/sheet-1.1.jpg")
    assert (picture.content, picture.headers["content-type"]) == (b"sheet", "image/jpeg")
    assert "immutable" in picture.headers["cache-control"]
    assert (await client.get("/live/alice/e1/pictures/sheet-2.1.jpg")).status_code == 404


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    "path",
    [
        "/live/alice/index.m3u8",  # nothing to play yet
        "/live/bob/index.m3u8",
        "/live/alice/e2/720p/media.m3u8",
        "/live/alice/e1/4320p/media.m3u8",
        "/live/alice/e1/720p/part-99.0.m4s",
        "/live/alice/e1/720p/part-1.0.m4s.m4s",
        "/live/alice/e1/720p/seg-" + "9" * 30 + ".m4s",
        "/live/alice/e1/720p/init-9.mp4",
        "/live/alice/e1/720p/..%2f..%2fsecret",
        "/live/alice",
        "/live/",
    ],
)
async def test_what_does_not_exist_is_refused_at_once(path: str, client: httpx.AsyncClient) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["access-control-allow-origin"] == "*"


async def test_media_is_immutable(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(62)
    init = await client.get(f"{FOLDER}/init-1.mp4")
    part = await client.get(f"{FOLDER}/part-1.0.m4s")
    segment = await client.get(f"{FOLDER}/seg-1.m4s")
    for response in (init, part, segment):
        assert response.status_code == 200
        assert response.headers["content-type"] == "video/mp4"
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["accept-ranges"] == "bytes"
        assert response.headers["timing-allow-origin"] == "*"
    parts = [(await client.get(f"{FOLDER}/part-1.{index}.m4s")).content for index in range(10)]
    assert segment.content == b"".join(parts)


async def test_a_blocked_reload_is_answered_by_the_part_it_names(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1"))
    await until_waiting(origin, 1)
    stream.advance(5)
    assert not request.done()
    stream.advance(1)
    response = await request
    assert '"part-1.1.m4s"\n' in response.text
    assert response.headers["cache-control"] == "public, max-age=12"


async def test_a_blocked_reload_without_a_part_waits_for_the_whole_segment(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1"))
    await until_waiting(origin, 1)
    stream.advance(54)
    await until_waiting(origin, 1)
    stream.advance(1)
    assert "\nseg-1.m4s\n" in (await request).text


async def test_a_part_beyond_the_end_of_its_segment_means_the_next_segments_first(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(61)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=10"))
    await until_waiting(origin, 1)
    stream.advance(5)
    assert '"part-2.0.m4s",INDEPENDENT=YES\n' in (await request).text


async def test_what_is_there_already_is_answered_at_once(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(130)
    for query in ("_HLS_msn=1", "_HLS_msn=1&_HLS_part=3", "_HLS_msn=2&_HLS_part=0", "_HLS_msn=0", "other=1"):
        response = await client.get(f"{FOLDER}/media.m3u8?{query}")
        assert response.status_code == 200, query


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=1",
        "_HLS_msn=-1",
        "_HLS_msn=x",
        "_HLS_msn=1&_HLS_msn=1",
        "_HLS_msn=4",
        "_HLS_msn=2&_HLS_part=17",  # three seconds are 15 parts
        "_HLS_msn=3&_HLS_part=16",
        "_HLS_msn=1&_HLS_part=",
        "_HLS_msn=" + "9" * 40,
        "_HLS_skip=NO",
        "_HLS_skip=YES&_HLS_skip=YES",
        "_HLS_msn=1&" + "a=b&" * 100,
    ],
)
async def test_impossible_directives_are_the_clients_fault(
    query: str, stream: OneStream, client: httpx.AsyncClient
) -> None:
    stream.advance(62)
    response = await client.get(f"{FOLDER}/media.m3u8?{query}")
    assert response.status_code == 400
    assert response.headers["access-control-allow-origin"] == "*"


async def test_a_copy_looks_again_for_what_others_may_have_announced(stream: OneStream) -> None:
    slow = Origin(stream, second_look_seconds=0.01)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=slow), base_url="http://origin") as client:
        request = asyncio.create_task(client.get(f"{FOLDER}/part-1.3.m4s"))  # it is neither there nor announced
        await asyncio.sleep(0)
        stream.advance(24)
        assert (await request).status_code == 200
        assert (await client.get(f"{FOLDER}/part-9.9.m4s")).status_code == 404


async def test_metadata_is_listed_in_every_rendition(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.presentation.write_metadata(TimedMetadata(ID3_SCHEME, 99_000, b"ID3"))
    stream.advance(62)
    stream.advance_audio(100)
    for rendition in ("720p", "audio"):
        text = (await client.get(f"/live/alice/e1/{rendition}/media.m3u8")).text
        assert text.count('#EXT-X-DATERANGE:ID="id3-1",START-DATE="2023-11-14T22:13:21.100Z"') == 1


async def test_who_comes_at_the_start_waits_for_a_whole_segment(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(12)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8"))
    await until_waiting(origin, 1)
    assert "part-1.1.m4s" in (await client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1")).text
    assert not request.done()
    stream.advance(60)
    assert "\nseg-1.m4s\n" in (await request).text


@pytest.mark.usefixtures("short_waits")
async def test_who_waits_for_a_segment_in_vain_gets_the_parts(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(12)
    assert "part-1.1.m4s" in (await client.get(f"{FOLDER}/media.m3u8")).text


@pytest.mark.parametrize("skip", ["YES", "v2"])
async def test_a_delta_of_a_short_window_is_the_whole(stream: OneStream, client: httpx.AsyncClient, skip: str) -> None:
    stream.advance(62)
    whole = await client.get(f"{FOLDER}/media.m3u8")
    assert (await client.get(f"{FOLDER}/media.m3u8?_HLS_skip={skip}")).text == whole.text


@pytest.mark.usefixtures("short_waits")
async def test_a_wait_in_vain_is_told_so(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(6)
    response = await client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1")
    assert response.status_code == 503
    assert (response.headers["cache-control"], response.headers["retry-after"]) == ("no-store", "1")


@pytest.mark.parametrize(
    ("file", "cache"),
    [
        ("part-2.5.m4s", "no-store"),
        ("seg-9.m4s", "no-store"),
        ("init-2.mp4", "no-store"),
        ("part-1.10.m4s", "public, max-age=1"),
        ("seg-0.m4s", "public, max-age=1"),
    ],
)
async def test_nobody_can_hide_media_in_a_cache_by_asking_early(
    stream: OneStream, client: httpx.AsyncClient, file: str, cache: str
) -> None:
    stream.advance(66)
    response = await client.get(f"{FOLDER}/{file}")
    assert (response.status_code, response.headers["cache-control"]) == (404, cache)


async def test_the_announced_part_is_waited_for(stream: OneStream, origin: Origin, client: httpx.AsyncClient) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/part-1.1.m4s"))
    await until_waiting(origin, 1)
    stream.advance(6)
    response = await request
    assert response.status_code == 200
    assert b"moof" in response.content


async def test_an_announced_part_that_never_comes_is_not_found(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/part-1.1.m4s"))
    await until_waiting(origin, 1)
    stream.presentation.end()
    assert (await request).status_code == 404


async def test_a_thousand_waiters_get_the_same_bytes(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(6)
    url = f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1"
    requests = [asyncio.create_task(client.get(url)) for _ in range(1000)]
    await until_waiting(origin, 1000)
    stream.advance(6)
    assert len({response.content for response in await asyncio.gather(*requests)}) == 1
    assert origin.waiting_count == 0


async def test_a_viewer_who_leaves_does_not_stay_in_the_list(
    stream: OneStream, origin: Origin, client: httpx.AsyncClient
) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1"))
    await until_waiting(origin, 1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert origin.waiting_count == 0


async def test_the_end_answers_everybody(stream: OneStream, origin: Origin, client: httpx.AsyncClient) -> None:
    stream.advance(6)
    request = asyncio.create_task(client.get(f"{FOLDER}/media.m3u8?_HLS_msn=1&_HLS_part=1"))
    await until_waiting(origin, 1)
    stream.presentation.end()
    assert (await request).text.endswith("#EXT-X-ENDLIST\n")


async def test_playlists_are_compressed_for_those_who_accept_it(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(62)
    url = f"{FOLDER}/media.m3u8"
    packed = await client.get(url, headers={"Accept-Encoding": "gzip"})
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["vary"] == "Accept-Encoding"


async def test_a_player_that_has_the_playlist_already(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(62)
    stream.advance_audio(100)
    for url in ("/live/alice/index.m3u8", f"{FOLDER}/media.m3u8"):
        tag = (await client.get(url)).headers["etag"]
        again = await client.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["access-control-allow-origin"] == "*"
        assert "content-length" not in again.headers
    stream.advance(6)
    assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 200


async def test_a_range_of_a_segment(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(62)
    whole = await client.get(f"{FOLDER}/seg-1.m4s")
    second_part = await client.get(f"{FOLDER}/part-1.1.m4s")
    first = len((await client.get(f"{FOLDER}/part-1.0.m4s")).content)
    last = first + len(second_part.content) - 1
    ranged = await client.get(f"{FOLDER}/seg-1.m4s", headers={"Range": f"bytes={first}-{last}"})
    assert (ranged.status_code, ranged.content) == (206, second_part.content)
    assert ranged.headers["content-range"] == f"bytes {first}-{last}/{len(whole.content)}"
    assert ranged.headers["content-length"] == str(len(second_part.content))
    beyond = await client.get(f"{FOLDER}/seg-1.m4s", headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    head = await client.head(f"{FOLDER}/seg-1.m4s", headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))


async def test_other_methods(stream: OneStream, client: httpx.AsyncClient) -> None:
    stream.advance(62)
    head = await client.head(f"{FOLDER}/seg-1.m4s")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    preflight = await client.options(f"{FOLDER}/seg-1.m4s")
    assert preflight.status_code == 204
    assert "GET" in preflight.headers["access-control-allow-methods"]
    assert "Range" in preflight.headers["access-control-allow-headers"]
    assert (await client.post(f"{FOLDER}/seg-1.m4s")).status_code == 405
