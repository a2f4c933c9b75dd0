"""The pages and static files, spoken to in HTTP without a socket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from pinkmedia.errors import EnvironmentFault
from pinkmedia.media_urls import MediaUrls, StreamMediaUrl
from web import pages

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=pages.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
        yield client


def static_urls(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/static/[^"]+)"', page)


@pytest.mark.parametrize("path", ["/", "/watch/alice", "/watch/0_a-b", "/watch/" + "a" * 63])
async def test_pages_are_there_whether_or_not_the_stream_exists(path: str, client: httpx.AsyncClient) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["Alice", "-alice", "_alice", "al ice", "a" * 64, "%3Cscript%3E", "al%0Aice", "ålice", "a٣"]
)
async def test_a_name_that_no_stream_can_have_is_not_found(name: str, client: httpx.AsyncClient) -> None:
    response = await client.get(f"/watch/{name}")
    assert response.status_code == 404
    assert "There is no such stream" in response.text
    assert "<script>" not in response.text


@pytest.mark.parametrize("path", ["/", "/watch/alice", "/watch/Not-A-Name"])
async def test_every_page_forbids_what_it_does_not_need(path: str, client: httpx.AsyncClient) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "media-src 'self' blob:" in policy
    assert not any("unsafe" in directive for directive in policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


MEDIA_URLS = MediaUrls(
    "https://cdn.example.com/pinkmedia",
    (StreamMediaUrl("bob", "https://other.example"), StreamMediaUrl("carol", "https://cdn.example.com/more")),
)


async def test_media_may_come_from_elsewhere() -> None:
    app = Starlette(routes=pages.routes(MEDIA_URLS))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://origin") as client:
        policy = (await client.get("/watch/alice")).headers["content-security-policy"].split("; ")
    assert "connect-src 'self' https://cdn.example.com https://other.example" in policy
    assert "media-src 'self' blob: https://cdn.example.com https://other.example" in policy
    assert "script-src 'self'" in policy


@pytest.mark.parametrize("path", ["/", "/watch/alice", "/watch/Not-A-Name"])
async def test_pages_obey_their_own_policy(path: str, client: httpx.AsyncClient) -> None:
    text = (await client.get(path)).text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert "<style" not in text
    assert not re.search(r"<[^>]*\s(?:style|on\w+)=", text)


@pytest.mark.parametrize("path", ["/", "/watch/alice", "/watch/Not-A-Name"])
async def test_what_a_page_refers_to_is_immutable(path: str, client: httpx.AsyncClient) -> None:
    urls = static_urls((await client.get(path)).text)
    assert urls
    for url in urls:
        response = await client.get(url)
        assert response.status_code == 200, url
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_modules_find_each_other_under_the_same_version(client: httpx.AsyncClient) -> None:
    entry = next(url for url in static_urls((await client.get("/watch/alice")).text) if url.endswith("/watch.js"))
    waiting, seen = [entry], {entry}
    while waiting:
        url = waiting.pop()
        response = await client.get(url)
        assert response.headers["content-type"] == "text/javascript; charset=utf-8", url
        imported = {str(httpx.URL(url).join(name)) for name in re.findall(r'from "(\./[^"]+)"', response.text)}
        waiting += imported - seen
        seen |= imported
    assert len(seen) > 3


async def test_another_versions_files_are_answered_but_not_kept(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/0000000000000000/watch.js")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"


async def test_static_files_are_compressed_for_those_who_accept_it(client: httpx.AsyncClient) -> None:
    packed = await client.get("/static/x/vendor/hls.min.js", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/static/x/vendor/hls.min.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["vendor/hls.js.lock", "vendor", "", "..%2fpages.py", "%2e%2e/pages.py", "watch.js/"])
async def test_nothing_else_is_served(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/static/x/{path}")).status_code == 404


async def test_the_version_follows_the_content(tmp_path: Path) -> None:
    script = tmp_path / "a.js"
    versions = []
    for text in ("1", "2", "1"):
        script.write_text(text, encoding="utf-8")
        versions.append(pages.StaticFiles.read(tmp_path).version)
    assert versions[0] == versions[2] != versions[1]


async def test_a_tree_without_the_player_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC_FOLDER", tmp_path)
    with pytest.raises(EnvironmentFault, match=r"hls\.min\.js is missing: install the package"):
        pages.routes()
