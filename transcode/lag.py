"""How far a worker is behind real time, by the packets' own ``received_at`` (monotonic seconds of the node)."""

from __future__ import annotations

from pinkmedia.media import Packet


class Lag:
    """Of one worker; all its rungs together."""

    def __init__(self) -> None:
        self._delays_seconds: dict[int, float] = {}
        """Of each rung's newest access unit: from its source's arrival to its own."""
        self._waiting_since: float | None = None
        """When the first packet came in of which no rung has shown a sign yet."""
        self._is_expected = True
        """Anything is to come."""

    def written(self, packet: Packet) -> None:
        """The worker was given this."""
        if self._waiting_since is None and self._is_expected:
            self._waiting_since = packet.received_at

    def delivered(self, packet: Packet, now: float) -> None:
        """The worker made this; ``now`` is monotonic seconds."""
        self._delays_seconds[packet.track_id] = now - packet.received_at
        self._waiting_since = None

    def expect(self, *, is_any: bool) -> None:
        """Whether any rung is encoded from now on."""
        self._is_expected = is_any
        self._waiting_since = None

    def paused(self, track_id: int) -> None:
        """Nothing more comes of this rung."""
        self._delays_seconds.pop(track_id, None)

    def seconds(self, now: float) -> float:
        """The slowest rung's, or how long something has waited when that is longer; 0 before the first packet."""
        waiting_seconds = 0.0 if self._waiting_since is None else now - self._waiting_since
        return max(0.0, waiting_seconds, *self._delays_seconds.values())
