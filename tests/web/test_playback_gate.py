"""Private streams at the origin: every address of a playback is signed, and what is not is refused."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx
import pytest

from pinkmedia.media_urls import MediaUrls, StreamMediaUrl
from pinkmedia.playback_tokens import PlaybackSigner
from tests.web.test_origin import OneStream
from web.addresses import is_media
from web.origin import Origin
from web.playback_gate import PlaybackGate

pytestmark = pytest.mark.anyio
SIGNER = PlaybackSigner([b"0" * 32])
HOUR = 3600
VIEWER = "192.0.2.7"


@pytest.fixture
def stream() -> OneStream:
    stream = OneStream()
    stream.advance(62)
    stream.advance_audio(100)
    return stream


def client_of(origin: Origin) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=origin, client=(VIEWER, 1)), base_url="http://origin")


@pytest.fixture
async def client(stream: OneStream) -> AsyncIterator[httpx.AsyncClient]:
    """Alice is private."""
    gate = PlaybackGate(lambda name: name == "alice", SIGNER)
    async with client_of(Origin(stream, gate=gate)) as client:
        yield client


def token(name: str = "alice", *, hours: float = 1, address: str | None = None) -> str:
    return SIGNER.sign(name, int(time.time() + hours * HOUR), address)


@pytest.mark.parametrize("path", ["live/alice/index.m3u8", "app/alice/llhls.m3u8"])
async def test_all_that_a_playback_asks_for_inherits_the_signature(path: str, client: httpx.AsyncClient) -> None:
    signed = token()
    folder = f"http://origin/signed/{signed}/live/alice/e1/720p/"
    assert is_media(f"/signed/{signed}/{path}")
    index = await client.get(f"/signed/{signed}/{path}")
    (uri,) = [line for line in index.text.splitlines() if line.endswith("720p/media.m3u8")]
    playlist = await client.get(index.url.join(uri))
    assert (playlist.status_code, str(playlist.url)) == (200, f"{folder}media.m3u8")
    names = [line for line in playlist.text.splitlines() if line.startswith("seg-")]
    segment = await client.get(playlist.url.join(names[0]))
    assert (segment.status_code, str(segment.url)) == (200, f"{folder}seg-1.m4s")
    assert segment.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["index.m3u8", "llhls.m3u8", "check", "e1/720p/media.m3u8", "e1/720p/seg-1.m4s", "e1/pictures/strip.vtt"]
)
async def test_a_private_stream_without_a_signature(path: str, client: httpx.AsyncClient) -> None:
    response = await client.get(f"/live/alice/{path}")
    assert (response.status_code, response.headers["cache-control"]) == (403, "no-store")
    assert response.text == "This stream is private: it needs a signed address.\n"
    assert response.headers["access-control-allow-origin"] == "*"


async def test_refusals_say_why(client: httpx.AsyncClient) -> None:
    for signed, reason in (
        (token(hours=-1), "This address has expired."),
        (token("bob"), "The signature of this address is not valid."),
        (token(address="198.51.100.1"), "The signature of this address is not valid where you are."),
        ("nonsense", "The signature of this address is not complete."),
    ):
        response = await client.get(f"/signed/{signed}/live/alice/index.m3u8")
        assert (response.status_code, response.text) == (403, f"{reason}\n")


async def test_a_signature_for_the_viewers_address(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/signed/{token(address=VIEWER)}/live/alice/index.m3u8")).status_code == 200


async def test_a_proxy_asks_whom_to_let_in(client: httpx.AsyncClient) -> None:
    allowed = await client.get(f"/signed/{token()}/live/alice/check")
    assert (allowed.status_code, allowed.content, allowed.headers["cache-control"]) == (204, b"", "no-store")
    assert (await client.get(f"/signed/{token(hours=-1)}/live/alice/check")).status_code == 403


@pytest.mark.parametrize("path", ["x/alice/index.m3u8", "live/alice", "live", "", "x/alice/e1/720p/seg-1.m4s"])
async def test_a_signature_makes_no_new_addresses(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/signed/{token()}/{path}")).status_code == 404


async def test_a_public_stream_needs_no_signature_but_keeps_to_one(stream: OneStream) -> None:
    async with client_of(Origin(stream, gate=PlaybackGate(lambda name: False, SIGNER))) as client:
        assert (await client.get("/live/alice/index.m3u8")).status_code == 200
        assert (await client.get(f"/signed/{token()}/live/alice/index.m3u8")).status_code == 200
        assert (await client.get(f"/signed/{token(hours=-1)}/live/alice/index.m3u8")).status_code == 403


async def test_without_a_secret_nothing_is_signed(stream: OneStream) -> None:
    async with client_of(Origin(stream, gate=PlaybackGate(lambda name: True, None))) as client:
        response = await client.get(f"/signed/{token()}/live/alice/index.m3u8")
        assert (response.status_code, response.text) == (403, "Signed addresses are not set up here.\n")
        assert (await client.get("/live/alice/index.m3u8")).status_code == 403


async def test_a_streams_media_may_be_at_a_place_of_its_own(stream: OneStream) -> None:
    for name, folder in (("alice", "https://cdn.example.com/live/alice/e1/"), ("bob", "e1/")):
        media_urls = MediaUrls(own=(StreamMediaUrl(name, "https://cdn.example.com"),))
        async with client_of(Origin(stream, media_urls=media_urls)) as client:
            assert f"\n{folder}720p/media.m3u8\n" in (await client.get("/live/alice/index.m3u8")).text


async def test_media_may_be_elsewhere(stream: OneStream) -> None:
    gate = PlaybackGate(lambda name: False, SIGNER)
    signed = token()
    async with client_of(Origin(stream, gate=gate, media_urls=MediaUrls("https://cdn.example.com/x"))) as client:
        for path, folder in (
            ("/live/alice/index.m3u8", "https://cdn.example.com/x/live/alice/e1/"),
            ("/app/alice/llhls.m3u8", "https://cdn.example.com/x/live/alice/e1/"),
            (f"/signed/{signed}/live/alice/index.m3u8", f"https://cdn.example.com/x/signed/{signed}/live/alice/e1/"),
        ):
            text = (await client.get(path)).text
            assert f"\n{folder}720p/media.m3u8\n" in text
            assert f'URI="{folder}audio/media.m3u8"' in text
