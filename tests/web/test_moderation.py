"""Kicking over HTTP: who may, and what is understood."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from pinkmedia.admin_token import AdminToken
from web import moderation
from web.bodies import MOST_JSON_BYTES

pytestmark = pytest.mark.anyio

TOKEN = "0123456789abcdef0123456789abcdef"
URL = "/api/v1/live/streams/alice/kick"


class Streams:
    """Alice is live."""

    def __init__(self) -> None:
        self.kicked: list[tuple[str, str, float]] = []

    def kick(self, stream_name: str, reason: str, seconds: float) -> bool:
        self.kicked.append((stream_name, reason, seconds))
        return stream_name == "alice"


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
async def client(streams: Streams) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=moderation.routes(streams, AdminToken(TOKEN)))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node", headers=headers) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "reason", "seconds"),
    [
        (b"", "the site has ended this broadcast", 60.0),
        (b"{}", "the site has ended this broadcast", 60.0),
        ('{"reason": "gegen die Regeln: Mülltonnen", "seconds": 0}'.encode(), "gegen die Regeln: Mülltonnen", 0.0),
    ],
)
async def test_what_is_asked(
    client: httpx.AsyncClient, streams: Streams, body: bytes, reason: str, seconds: float
) -> None:
    assert (await client.post(URL, content=body)).status_code == 204
    assert streams.kicked == [("alice", reason, seconds)]


async def test_who_is_not_live(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/live/streams/bob/kick")
    assert (response.status_code, response.json()["type"]) == (409, "urn:pinkmedia:problem:not-live")


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (b"{", 422, "Invalid JSON"),
        (b"[]", 422, "object"),
        (b"\xff", 422, "JSON"),
        (b'{"reason": ""}', 422, "reason: String should have at least 1 character"),
        (b'{"reason": "two\\nlines"}', 422, "reason: String should match pattern"),
        (b'{"seconds": -1}', 422, "seconds: Input should be greater than or equal to 0"),
        (b'{"seconds": 1e9}', 422, "seconds: Input should be less than or equal to 86400"),
        (b'{"seconds": NaN}', 422, "seconds"),
        (b'{"hours": 1}', 422, "hours: Extra inputs are not permitted"),
        (b" " * (MOST_JSON_BYTES + 1), 413, "64 KiB"),
    ],
)
async def test_what_is_not_understood(
    client: httpx.AsyncClient, streams: Streams, body: bytes, status: int, complaint: str
) -> None:
    response = await client.post(URL, content=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert complaint in response.json()["detail"]
    assert streams.kicked == []


async def test_nobody_else_kicks(client: httpx.AsyncClient, streams: Streams) -> None:
    response = await client.post(URL, headers={"Authorization": "Bearer guess"})
    assert (response.status_code, streams.kicked) == (401, [])
