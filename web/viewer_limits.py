"""What one viewer's address may take: open connections, and requests in a second.

An address is that of the connection, or what a trusted proxy says of it (X-Forwarded-For): proxies append the address
they see, so the last one that is not itself a trusted proxy's is believed, and nothing before it. Trusted proxies' own
connections are not counted: many viewers come through one. Nothing is known of sockets here, and time is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Scope

from pinkmedia.address_limits import AddressRateLimit, address_group

REMEMBERED_CHAINS = 4096
"""Different X-Forwarded-For fields whose meaning is kept: reading one anew costs as much as a small answer."""

LONGEST_CHAIN_BYTES = 256
"""Of a field, its end: trusted proxies and the address before them. Viewers may write anything before."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ViewerLimits:
    """For each address; IPv6: for each /64."""

    connections: int = 0
    """Open at once; 0: any number."""
    requests_per_second: int = 0
    """0: any number."""
    trusted_proxies: Sequence[Network] = ()
    is_behind_origins: bool = False
    """Connections are those of origin processes, which have no address; they have limited their viewers already."""


class Viewers:
    """Who is connected and who asks."""

    def __init__(self, limits: ViewerLimits) -> None:
        self._limits = limits
        self._connections: Counter[str] = Counter()
        self._requests = AddressRateLimit(limits.requests_per_second or 1, 1.0)
        self._address_behind = lru_cache(REMEMBERED_CHAINS)(self._read_chain)
        self._is_trusted = lru_cache(REMEMBERED_CHAINS)(self._look_up)

    @property
    def connection_count(self) -> int:
        """Connections that are counted: not those of trusted proxies."""
        return self._connections.total()

    def connect(self, peer: str) -> bool:
        """Whether a connection from here may stay; what stays must be told of with `disconnect`."""
        if self._is_trusted(peer):
            return True
        group = address_group(peer)
        if 0 < self._limits.connections <= self._connections[group]:
            return False
        self._connections[group] += 1
        return True

    def disconnect(self, peer: str) -> None:
        if self._is_trusted(peer):
            return
        group = address_group(peer)
        if self._connections[group] > 1:
            self._connections[group] -= 1
        else:
            del self._connections[group]

    def may_ask(self, scope: Scope, now: float) -> bool:
        """Whether this request may be answered. Its ``client`` becomes the viewer. ``now`` is monotonic seconds."""
        peer = scope["client"][0] if scope["client"] else ""
        address = peer
        if self._is_trusted(peer):
            forwarded = dict(scope["headers"]).get(b"x-forwarded-for")
            if forwarded is None:
                return True
            address = self._address_behind(forwarded[-LONGEST_CHAIN_BYTES:]) or peer
            scope["client"] = (address, 0)
        if not self._limits.requests_per_second:
            return True
        if self._requests.is_spent(address, now):
            return False
        self._requests.count(address, now)
        return True

    def _read_chain(self, forwarded: bytes) -> str:
        for candidate in reversed(forwarded.decode("latin-1").split(",")):
            address = candidate.strip()
            if not self._is_trusted(address):
                return address
        return ""

    def _look_up(self, address: str) -> bool:
        if not address:
            return self._limits.is_behind_origins
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._limits.trusted_proxies)
