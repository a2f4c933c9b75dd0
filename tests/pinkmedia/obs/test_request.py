"""OBS's request: what is read of it, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from pinkmedia.obs.request import BadClientRequest, ClientRequest, parse_request
from tests.pinkmedia.obs.requests import client_request, client_request_of_obs_30


def parse(request: object) -> ClientRequest:
    return parse_request(json.dumps(request).encode())


def test_what_obs_sends() -> None:
    request = parse(client_request("pk_key", fps=(60_000, 1001)))
    (canvas,) = request.preferences.canvases
    assert (request.key, request.client.major_version) == ("pk_key", 32)
    assert (canvas.width, canvas.height, canvas.frame_rate) == (1920, 1080, Fraction(60_000, 1001))


def test_what_obs_30_sends() -> None:
    request = parse(client_request_of_obs_30())
    (canvas,) = request.preferences.canvases
    assert request.client.major_version == 30
    assert (canvas.width, canvas.height, canvas.frame_rate) == (1920, 1080, Fraction(60))


def test_a_script_need_not_describe_its_machine() -> None:
    canvas = {"width": 1280, "height": 720, "framerate": {"numerator": 30, "denominator": 1}}
    request = parse({"authentication": "pk_key", "preferences": {"canvases": [canvas]}})
    assert request.preferences.audio_channels == 2
    assert request.client.major_version == 0


def test_parameters_behind_the_key_are_not_the_keys() -> None:
    assert parse(client_request(" pk_key?bandwidthtest=true")).key == "pk_key"


def test_the_key_is_in_no_representation() -> None:
    request = parse(client_request("pk_secret"))
    assert "pk_secret" not in repr(request)


def without(request: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = request
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return request


@pytest.mark.parametrize(
    ("request_json", "place"),
    [
        ([], "body"),
        (without(client_request(), "authentication"), "authentication"),
        (without(client_request(), "preferences"), "preferences"),
        (client_request("pk_secret" * 100), "authentication"),
        (client_request(canvases=[]), "preferences.canvases"),
        (client_request(width=0), "preferences.canvases.0.width"),
        (client_request(height=100_000), "preferences.canvases.0.height"),
        (client_request(fps=(60, 0)), "preferences.canvases.0.framerate.denominator"),
        (client_request(audio_channels=0), "preferences.audio_channels"),
        (client_request(maximum_video_tracks="pk_secret"), "preferences.maximum_video_tracks"),
    ],
)
def test_a_refusal_names_the_field_and_repeats_nothing(request_json: object, place: str) -> None:
    with pytest.raises(BadClientRequest, match=rf"^{place}: ") as caught:
        parse(request_json)
    assert "pk_secret" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 60_000, b'{"a":' * 10_000])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(BadClientRequest, match="body: Invalid JSON"):
        parse_request(body)
