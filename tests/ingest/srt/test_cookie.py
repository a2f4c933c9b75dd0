"""SYN cookies."""

from __future__ import annotations

import pytest

from ingest.srt.cookie import WINDOW_SECONDS, CookieBaker

ADDRESS = ("192.0.2.1", 5000)
NOW = 1000.0 * WINDOW_SECONDS


@pytest.mark.parametrize("age", [0.0, 3.0, WINDOW_SECONDS, 2 * WINDOW_SECONDS - 0.1])
def test_good(age: float) -> None:
    baker = CookieBaker()
    assert baker.is_good(baker.bake(ADDRESS, NOW), ADDRESS, NOW + age)


def test_too_old() -> None:
    baker = CookieBaker()
    assert not baker.is_good(baker.bake(ADDRESS, NOW), ADDRESS, NOW + 2 * WINDOW_SECONDS)


@pytest.mark.parametrize("address", [("192.0.2.2", 5000), ("192.0.2.1", 5001), ("192.0.2.15", 0)])
def test_of_another_address(address: tuple[str, int]) -> None:
    baker = CookieBaker()
    assert not baker.is_good(baker.bake(ADDRESS, NOW), address, NOW)


@pytest.mark.parametrize("cookie", [0, 1, 0xFFFFFFFF])
def test_made_up(cookie: int) -> None:
    assert not CookieBaker().is_good(cookie, ADDRESS, NOW)


def test_of_another_process() -> None:
    assert not CookieBaker().is_good(CookieBaker().bake(ADDRESS, NOW), ADDRESS, NOW)
