"""GetClientConfiguration, spoken to in HTTP without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from pinkmedia.publishing import PublishRefused, Refusal
from pinkmedia.settings import Settings
from pinkmedia.tiers import Tier, TierLimits
from tests.pinkmedia.obs.requests import client_request
from web import bodies, client_configuration
from web.bodies import MOST_JSON_BYTES
from web.client_configuration import MAX_WRONG_KEYS, PATH

pytestmark = pytest.mark.anyio


class Streams:
    """One stream with the key ``right``, and one that is blocked."""

    async def limits_for(self, key: str) -> TierLimits:
        if key == "blocked":
            raise PublishRefused(Refusal.NOT_ALLOWED)
        if key != "right":
            raise PublishRefused(Refusal.BAD_KEY)
        return Settings().tier_limits()[Tier.STANDARD]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=client_configuration.routes(Streams(), Settings().ingest_urls))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://studio.example:8080") as client:
        yield client


async def ask(client: httpx.AsyncClient, key: str) -> dict[str, Any]:
    response = await client.post(PATH, json=client_request(key))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = response.json()
    return found


async def test_a_right_key_is_answered_with_a_ladder(client: httpx.AsyncClient) -> None:
    found = await ask(client, "right")
    assert found["status"] == {"result": "success"}
    assert [video["height"] for video in found["encoder_configurations"]] == [720, 480, 360]


async def test_publishers_are_sent_to_the_host_that_they_have_reached(client: httpx.AsyncClient) -> None:
    (endpoint,) = (await ask(client, "right"))["ingest_endpoints"]
    assert endpoint == {"protocol": "RTMP", "url_template": "rtmp://studio.example:1935/live/{stream_key}"}


@pytest.mark.parametrize(("key", "text"), [("wrong", "opens no stream here"), ("blocked", "may not go live")])
async def test_a_refusal_is_an_answer_because_obs_shows_no_other(
    client: httpx.AsyncClient, key: str, text: str
) -> None:
    found = await ask(client, key)
    assert found["status"]["result"] == "error"
    assert text in found["status"]["html_en_us"]
    assert "encoder_configurations" not in found


async def test_an_address_may_not_guess_for_ever(client: httpx.AsyncClient) -> None:
    for _ in range(MAX_WRONG_KEYS):
        await ask(client, "wrong")
    found = await ask(client, "right")
    assert "Too many wrong stream keys" in found["status"]["html_en_us"]


async def test_no_key_is_logged(client: httpx.AsyncClient) -> None:
    with capture_logs() as events:
        await ask(client, "pk_secret")
    assert [event["event"] for event in events] == ["client_configuration_refused"]
    assert "pk_secret" not in str(events)


async def test_what_obs_does_not_send_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, content=b'{"authentication": "pk_secret"}')
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "preferences: Field required"


async def test_a_body_that_never_ends_is_cut_off(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    response = await client.post(PATH, content=endless())
    assert response.status_code == 413
    assert sent <= MOST_JSON_BYTES + 2 * 1024


async def test_a_body_that_does_not_come(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    assert (await client.post(PATH, content=stalled())).status_code == 408


async def test_it_is_posted(client: httpx.AsyncClient) -> None:
    assert (await client.get(PATH)).status_code == 405
