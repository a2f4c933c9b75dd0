"""How often one address may do something: a leaky bucket for each, in bounded memory.

A bucket is kept as one number, the time at which it will have run out; an empty one needs no memory. What is counted
beyond a full bucket stays a debt, so that the mean rate holds however much comes at once. No protocol is known here,
and time is an argument.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

MAX_ADDRESSES = 4096
"""Remembered at once by each limit, some 100 bytes each; the one counted longest ago is forgotten first."""


class AddressRateLimit:
    """``burst`` of something at once from one address, and as many again, evenly, in each ``window_seconds``.

    ``now`` is monotonic seconds.
    """

    def __init__(self, burst: int, window_seconds: float) -> None:
        self._interval_seconds = window_seconds / burst
        self._full_seconds = (burst - 1) * self._interval_seconds
        self._empty_at: dict[str, float] = {}
        """When each address's bucket has run out, those counted last at the end."""

    def is_spent(self, address: str, now: float) -> bool:
        """Whether the address has done it as often as it may for now."""
        return self._empty_at.get(address_group(address), now) - now > self._full_seconds

    def count(self, address: str, now: float) -> None:
        """The address has done it."""
        group = address_group(address)
        empty_at = max(self._empty_at.pop(group, now), now)
        self._empty_at[group] = empty_at + self._interval_seconds
        if len(self._empty_at) > MAX_ADDRESSES:
            del self._empty_at[next(iter(self._empty_at))]


@lru_cache(MAX_ADDRESSES)  # it is asked for with every request of a viewer
def address_group(address: str) -> str:
    """What one customer has: an IPv4 address, or an IPv6 network of 64 bits (RFC 6177), as text."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a local socket's name
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or f"{int(parsed) >> 64:x}::/64")
    return str(parsed)
