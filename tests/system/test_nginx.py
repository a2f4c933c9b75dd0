"""A real nginx with the documented configuration, before a real server with a live stream."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.certificates import trusting_client
from tests.support import Publisher, ServerProcess, make_clip, require_tool
from tests.system.nginx import Nginx
from tests.system.player import Player
from tests.system.test_serve import WAIT_SECONDS, check_durations, check_media, follow_until_segment, until_live

pytestmark = pytest.mark.anyio
VIEWERS = 50
SECRET = "not-to-be-found-in-any-log-or-address"
CURL_SECONDS = 30.0
_HINT = re.compile(r'^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', re.MULTILINE)


@pytest.fixture(scope="module")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smaller than every rung: nothing is encoded for it."""
    return make_clip(tmp_path_factory.mktemp("clip") / "360p.mp4", seconds=10, width=640, height=360)


@dataclass
class Edge:
    """nginx, what is behind it, and a player that comes through it."""

    nginx: Nginx
    server: ServerProcess
    player: Player
    uri: str
    """The picture's media playlist, as the multivariant playlist names it."""

    @property
    def playlist_url(self) -> str:
        return urljoin(self.player.playback_url, self.uri)

    async def get(self, url: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.player.client.get(url, headers=named)

    async def origin_requests(self, kind: str) -> int:
        """How many have come to the server so far."""
        metrics = (await self.player.client.get(f"{self.server.base_url}/metrics")).text
        (count,) = re.findall(rf'^pinkmedia_http_requests_total{{route="{kind}"}} (\S+)$', metrics, re.MULTILINE) or [0]
        return int(float(count))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    secrets = tmp_path / "secrets.txt"
    secrets.write_text(SECRET)
    with ServerProcess(tmp_path, playback_secret_file=secrets) as server:
        yield server
    assert SECRET not in server.log_path.read_text()


@pytest.fixture
async def edge(server: ServerProcess, small_clip: Path, tmp_path: Path) -> AsyncIterator[Edge]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    key = server.create_stream("alice")
    with Publisher(small_clip, f"{server.rtmp_url}/{key}"):
        async with Nginx(folder, server.base_url) as nginx:
            player = Player(f"{nginx.base_url}/live/alice/index.m3u8", verify=trusting_client())
            try:
                variants = await until_live(player)
                yield Edge(nginx, server, player, variants[0].uri)
            finally:
                await player.close()
    assert key not in (folder / "access.log").read_text()


async def ask_at_once(url: str, folder: Path) -> Counter[tuple[str, str, bytes]]:
    """Many viewers' same request, on one HTTP/2 connection: version, status and body of the answers."""
    folder.mkdir()
    outputs = [folder / str(number) for number in range(VIEWERS)]
    transfers = [word for path in outputs for word in ("-o", str(path), url)]
    options = ["--insecure", "--silent", "--http2", "--compressed", "--write-out", "%{http_version} %{http_code}\\n"]
    process = await asyncio.create_subprocess_exec(
        *(require_tool("curl"), "--parallel", "--parallel-max", str(VIEWERS), *options, *transfers),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), CURL_SECONDS)
    (line,) = set(printed.decode().splitlines())
    version, status = line.split()
    return Counter((version, status, path.read_bytes()) for path in outputs)


async def test_the_same_request_of_many_comes_to_the_server_once(edge: Edge, tmp_path: Path) -> None:
    playlist = await follow_until_segment(edge.player, edge.uri, msn=2)
    msn, part = playlist.next_part
    before = await edge.origin_requests("playlist")
    answers = await ask_at_once(f"{edge.playlist_url}?_HLS_msn={msn}&_HLS_part={part + 2}", tmp_path / "playlists")
    ((version, status, body),) = answers
    assert (version, status) == ("2", "200")
    assert f'URI="part-{msn}.{part + 2}.m4s"' in body.decode() or f"part-{msn + 1}." in body.decode()
    assert await edge.origin_requests("playlist") == before + 1

    playlist = await edge.player.media(edge.uri)
    (hint,) = _HINT.findall(playlist.text)
    before = await edge.origin_requests("part")
    answers = await ask_at_once(urljoin(edge.playlist_url, hint), tmp_path / "parts")
    ((version, status, body),) = answers
    assert (version, status) == ("2", "200")
    assert b"moof" in body
    assert await edge.origin_requests("part") == before + 1


async def test_a_player_plays_through_it(edge: Edge) -> None:
    playlist = await follow_until_segment(edge.player, edge.uri, msn=3)
    check_durations(playlist)
    await check_media(edge.player, edge.uri, playlist)
    other = Player(f"{edge.nginx.base_url}/app/alice/llhls.m3u8", verify=trusting_client())
    try:
        uri = (await other.multivariant())[0][0].uri
        await check_media(other, uri, await follow_until_segment(other, uri, msn=3))
    finally:
        await other.close()


async def test_one_copy_of_a_playlist_is_there_for_all(edge: Edge) -> None:
    url = f"{edge.playlist_url}?_HLS_msn=1&_HLS_part=0"
    packed = await edge.get(url, accept_encoding="gzip, br")
    before = await edge.origin_requests("playlist")
    plain = await edge.get(url, accept_encoding="identity")
    assert await edge.origin_requests("playlist") == before
    assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert packed.text == plain.text
    for answer in (packed, plain):
        assert re.fullmatch(r"public, max-age=\d+", answer.headers["cache-control"])
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["access-control-allow-origin"] == "*"
    newest = await edge.get(edge.playlist_url)
    assert newest.headers["cache-control"] == "no-cache"
    await edge.get(edge.playlist_url)
    assert await edge.origin_requests("playlist") == before + 2


async def test_media_is_kept_under_its_name_alone(edge: Edge) -> None:
    playlist = await follow_until_segment(edge.player, edge.uri, msn=2)
    assert playlist.segments[0].uri
    url = urljoin(edge.playlist_url, playlist.segments[0].uri)
    whole = await edge.get(url)
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    before = await edge.origin_requests("segment")
    ranged = await edge.get(f"{url}?viewer=1", range="bytes=10-19")
    assert (ranged.status_code, ranged.content) == (206, whole.content[10:20])
    assert (await edge.get(url, if_none_match=whole.headers["etag"])).status_code == 304
    assert len((await edge.player.client.head(url)).content) == 0
    assert await edge.origin_requests("segment") == before


async def test_what_is_missing_is_missing_for_a_moment_only(edge: Edge) -> None:
    url = urljoin(edge.playlist_url, "seg-0.m4s")
    answer = await edge.get(url)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "public, max-age=1")
    preflight = await edge.player.client.options(url)
    assert (preflight.status_code, preflight.headers["timing-allow-origin"]) == (204, "*")


async def test_nobody_can_hide_what_comes_by_asking_early(edge: Edge) -> None:
    msn = (await follow_until_segment(edge.player, edge.uri, msn=2)).next_part[0] + 1
    await edge.get(f"{edge.playlist_url}?_HLS_msn={msn}&_HLS_part=0")
    early = [urljoin(edge.playlist_url, f"part-{msn}.{index}.m4s") for index in (3, 4)]
    assert [(await edge.get(url)).status_code for url in early] == [404, 404]
    await edge.get(f"{edge.playlist_url}?_HLS_msn={msn}&_HLS_part=4")
    assert [(await edge.get(url)).status_code for url in early] == [200, 200]


async def test_an_encoded_question_mark_is_no_query(edge: Edge) -> None:
    """Nobody can put a refusal under the name of what others ask for."""
    assert (await edge.get(f"{edge.playlist_url}%3F_HLS_msn=1&_HLS_part=0")).status_code == 404
    assert (await edge.get(f"{edge.playlist_url}?_HLS_msn=1&_HLS_part=0")).status_code == 200


async def test_operators_pages_are_not_for_everybody(edge: Edge) -> None:
    for path in ("/metrics", "/api/v1/stats"):
        assert (await edge.get(edge.server.base_url + path)).status_code == 200
        assert (await edge.get(edge.nginx.base_url + path)).status_code == 404
    assert (await edge.get(f"{edge.nginx.base_url}/healthz")).text == "ok\n"


async def test_what_is_signed_is_kept_once_and_given_to_those_who_may_have_it(edge: Edge) -> None:
    server, origin = edge.server, edge.nginx.base_url
    server.run("stream", "set-private", "alice")
    urls = [server.run("stream", "sign-url", "alice", "--hours", "1").replace(server.base_url, origin) for _ in "ab"]
    urls.append(server.run("stream", "sign-url", "alice", "--hours", "2").replace(server.base_url, origin))
    await until_private(edge)
    assert len(set(urls)) >= 2
    players = [Player(url, verify=trusting_client()) for url in urls]
    try:
        playlist = await follow_until_segment(players[0], edge.uri, msn=2)
        (name, *_) = [segment.uri for segment in playlist.segments if segment.uri]
        whole = await players[0].bytes(edge.uri, name)
        before = await edge.origin_requests("segment")
        assert [await player.bytes(edge.uri, name) for player in players] == [whole] * 3
        assert await edge.origin_requests("segment") == before
        msn, part = playlist.next_part
        before = await edge.origin_requests("playlist")
        asked = [urljoin(url, edge.uri) + f"?_HLS_msn={msn}&_HLS_part={part + 2}" for url in urls]
        texts = await asyncio.gather(*(player.text(url) for player, url in zip(players, asked, strict=True)))
        assert len(set(texts)) == 1
        assert await edge.origin_requests("playlist") == before + 1
    finally:
        for player in players:
            await player.close()
    segment_url = urljoin(urljoin(urls[0], edge.uri), name)
    for refused in (segment_url.replace("/live/alice", "/live/bob"), segment_url.replace("/signed/1", "/signed/2")):
        answer = await edge.get(refused)
        assert (answer.status_code, answer.text) == (403, "The signature of this address is not valid.\n")
        assert answer.headers["access-control-allow-origin"] == "*"
    unsigned = await edge.get(urljoin(edge.playlist_url, name))
    assert (unsigned.status_code, unsigned.headers["cache-control"]) == (403, "no-store")


async def until_private(edge: Edge) -> None:
    """The server looks within two seconds."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (await edge.get(edge.player.playback_url)).status_code != httpx.codes.FORBIDDEN:
            await asyncio.sleep(0.05)


async def test_viewers_are_told_apart_behind_it(tmp_path: Path) -> None:
    """The address that nginx adds is believed, and not the ones that a viewer claims."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with ServerProcess(tmp_path, http_requests_per_address=1) as server:
        async with Nginx(folder, server.base_url) as nginx:
            url = f"{nginx.base_url}/live/alice/index.m3u8"
            greedy = await ask_from("127.0.0.2", [url] * 10)
            modest = await ask_from("127.0.0.3", [url])
    assert greedy.count(429) >= 5
    assert modest == [404]


async def ask_from(address: str, urls: list[str]) -> list[int]:
    """Status codes; every request claims to come from another address."""
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=trusting_client())
    async with httpx.AsyncClient(transport=transport) as client:
        claims = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(len(urls))]
        requests = (client.get(url, headers=claim) for url, claim in zip(urls, claims, strict=True))
        return [response.status_code for response in await asyncio.gather(*requests)]
