"""How many connections a protocol server has at once, in all and from each address, and how fast they come.

A connection beyond a limit is closed as it is accepted: it has cost no handshake, and no look at a key. Time is an
argument.
"""

from __future__ import annotations

from collections import Counter

from ingest.errors import CloseReason
from ingest.key_attempts import Objection
from pinkmedia.address_limits import AddressRateLimit, address_group

MAX_CONNECTIONS = 500
"""Far above what one machine can transcode; keeps file descriptors for the viewers."""
MAX_CONNECTIONS_PER_ADDRESS = 32
"""A studio behind one address has several encoders; a flood has more. The operator may know better."""
CONNECTION_WINDOW_SECONDS = 1.0
"""In which an address may open as many connections as it may have open: all its encoders may come back at once, while
TLS handshakes, which cost some 0.4 ms each, cannot be asked for by the thousand."""


class ConnectionLimits:
    """Counts one server's connections."""

    def __init__(self, max_per_address: int = MAX_CONNECTIONS_PER_ADDRESS) -> None:
        self._max_per_address = max_per_address
        self._open_count = 0
        self._by_address: Counter[str] = Counter()
        """Open now, by group of addresses."""
        self._attempts = AddressRateLimit(max_per_address, CONNECTION_WINDOW_SECONDS)

    def opened(self, address: str, now: float) -> Objection | None:
        """A connection was opened, and is to be `closed`; why it cannot stay, if it cannot."""
        self._open_count += 1
        self._by_address[address_group(address)] += 1
        text = self._excess(address, now)
        if text is not None:
            return Objection(CloseReason.TOO_MANY_CONNECTIONS, text)
        self._attempts.count(address, now)
        return None

    def closed(self, address: str) -> None:
        self._open_count -= 1
        self._by_address[address_group(address)] -= 1
        self._by_address += Counter()  # forget addresses without connections

    def _excess(self, address: str, now: float) -> str | None:
        if self._open_count > MAX_CONNECTIONS:
            return f"more than {MAX_CONNECTIONS} connections"
        if self._by_address[address_group(address)] > self._max_per_address:
            return f"more than {self._max_per_address} connections from one address"
        if self._attempts.is_spent(address, now):
            return f"more than {self._max_per_address} new connections in a second"
        return None
