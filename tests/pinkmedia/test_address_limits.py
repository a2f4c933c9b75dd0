"""Limits by address."""

from __future__ import annotations

import pytest

from pinkmedia.address_limits import MAX_ADDRESSES, AddressRateLimit, address_group

ADDRESS = "192.0.2.1"


def test_a_burst_then_one_in_each_interval() -> None:
    limit = AddressRateLimit(3, 1.5)
    for _ in range(3):
        assert not limit.is_spent(ADDRESS, 0.0)
        limit.count(ADDRESS, 0.0)
    assert limit.is_spent(ADDRESS, 0.25)
    assert not limit.is_spent(ADDRESS, 0.5)
    limit.count(ADDRESS, 0.5)
    assert limit.is_spent(ADDRESS, 0.75)


def test_what_was_counted_beyond_a_burst_is_paid_for() -> None:
    limit = AddressRateLimit(3, 1.5)
    for _ in range(13):
        limit.count(ADDRESS, 0.0)
    assert limit.is_spent(ADDRESS, 5.25)
    assert not limit.is_spent(ADDRESS, 5.5)


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "20010db800000001::/64"),
        ("2001:db8:0:1::", "20010db800000001::/64"),
        ("fe80::1%eth0", "fe80000000000000::/64"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_what_counts_as_one_address(address: str, group: str) -> None:
    assert address_group(address) == group


def test_memory_is_bounded() -> None:
    limit = AddressRateLimit(1, 1000.0)
    for number in range(MAX_ADDRESSES + 1):
        limit.count(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert not limit.is_spent("10.0.0.0", 0.0)
    assert limit.is_spent("10.0.0.1", 0.0)
