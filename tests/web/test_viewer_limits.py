"""Which address a request is counted for, and how much one may take."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from web.viewer_limits import ViewerLimits, Viewers

PROXIES = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def request(peer: str, forwarded: bytes | None = None) -> dict[str, Any]:
    headers = [(b"host", b"x")] + ([(b"x-forwarded-for", forwarded)] if forwarded is not None else [])
    return {"client": (peer, 40_000), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "viewer"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", b"203.0.113.9", "192.0.2.7"),  # says a viewer
        ("127.0.0.1", b"203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", b"198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first one is what the viewer says
        ("127.0.0.1", b"203.0.113.9,10.1.2.3", "203.0.113.9"),
        ("::ffff:10.1.2.3", b"203.0.113.9", "203.0.113.9"),
        ("2001:db8:ffff::1", b"2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", b"10.1.2.3", "127.0.0.1"),
        ("127.0.0.1", b"", ""),
        ("127.0.0.1", b"x," * 10_000 + b" 203.0.113.9, 10.1.2.3", "203.0.113.9"),
    ],
)
def test_whose_a_request_is(peer: str, forwarded: bytes | None, viewer: str) -> None:
    scope = request(peer, forwarded)
    assert Viewers(ViewerLimits(trusted_proxies=PROXIES)).may_ask(scope, now=0.0)
    assert scope["client"][0] == (viewer or peer)


def test_requests_are_counted_for_each_viewer_behind_a_proxy() -> None:
    viewers = Viewers(ViewerLimits(requests_per_second=2, trusted_proxies=PROXIES))

    def may_ask(viewer: bytes, now: float) -> bool:
        return viewers.may_ask(request("127.0.0.1", viewer), now)

    assert [may_ask(b"203.0.113.1", now=0.0) for _ in range(3)] == [True, True, False]
    assert may_ask(b"203.0.113.2", now=0.0)
    assert may_ask(b"203.0.113.1", now=1.0)


def test_what_is_refused_is_not_counted() -> None:
    viewers = Viewers(ViewerLimits(requests_per_second=2))
    answers = [viewers.may_ask(request("192.0.2.7"), now=index / 100) for index in range(200)]
    assert sum(answers) == 2 + 2 * 2 - 1  # two at once, then two in each second


def test_a_trusted_proxys_own_requests_are_not_limited() -> None:
    viewers = Viewers(ViewerLimits(requests_per_second=1, trusted_proxies=PROXIES))
    assert all(viewers.may_ask(request("127.0.0.1"), now=0.0) for _ in range(10))


def test_connections_from_one_address() -> None:
    viewers = Viewers(ViewerLimits(connections=2))
    assert [viewers.connect("192.0.2.7") for _ in range(3)] == [True, True, False]
    assert viewers.connect("192.0.2.8")
    viewers.disconnect("192.0.2.7")
    assert viewers.connect("192.0.2.7")
    assert viewers.connection_count == 3


def test_an_ipv6_network_is_one_address() -> None:
    viewers = Viewers(ViewerLimits(connections=1))
    assert viewers.connect("2001:db8::1")
    assert not viewers.connect("2001:db8::ffff:1")
    assert viewers.connect("2001:db8:0:1::1")


def test_who_leaves_is_forgotten() -> None:
    viewers = Viewers(ViewerLimits(connections=1))
    for number in range(100):
        assert viewers.connect(f"192.0.2.{number}")
        viewers.disconnect(f"192.0.2.{number}")
    assert viewers.connection_count == 0


def test_proxies_connections_are_not_counted() -> None:
    viewers = Viewers(ViewerLimits(connections=1, trusted_proxies=PROXIES))
    assert all(viewers.connect("10.1.2.3") for _ in range(5))
    assert viewers.connection_count == 0


def test_without_limits_nothing_is_refused() -> None:
    viewers = Viewers(ViewerLimits())
    assert all(viewers.connect("192.0.2.7") for _ in range(1000))
    assert all(viewers.may_ask(request("192.0.2.7"), now=0.0) for _ in range(1000))
