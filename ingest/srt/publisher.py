"""One admitted caller: its connection, its media, and why it ends."""

from __future__ import annotations

from ingest.srt.connection import SrtConnection
from ingest.srt.media import SrtMedia
from ingest.srt.statistics import SrtStatistics
from pinkmedia.publishing import Publication

STALL_SECONDS = 15.0
"""Connected, but nothing to play comes: as long as RTMP publishers have."""
SILENT_SECONDS = 1.5
"""A caller that has said nothing for so long may be replaced by a new one with the same key: an encoder that was
restarted must not wait until its old connection is given up. Callers say something every second."""


class SrtPublisher:
    """Made when a caller is let in. ``now`` is monotonic seconds."""

    def __init__(
        self, connection: SrtConnection, publication: Publication, key: str, peer_address: str, now: float
    ) -> None:
        self.connection = connection
        self.key = key
        self.peer_address = peer_address
        self.stream_name = publication.stream_name
        self._media = SrtMedia(publication)
        self._began_at = now

    def receive(self, payloads: list[bytes | None], now: float) -> None:
        """Raises MediaError."""
        self._media.receive(payloads, now)

    def end(self, reason: str, *, is_clean: bool, now: float) -> None:
        """Its publication is over. May raise MediaError for what was held back to the last."""
        self._media.end(reason, is_clean=is_clean, now=now)

    def is_stalled(self, now: float) -> bool:
        return now - (self._media.last_frame_at or self._began_at) > STALL_SECONDS

    def is_silent(self, now: float) -> bool:
        return now - self.connection.heard_us / 1e6 > SILENT_SECONDS

    def statistics(self) -> SrtStatistics:
        connection, counted = self.connection, self.connection.receiver.counters
        return SrtStatistics(
            stream_name=self.stream_name,
            latency_ms=connection.latency_ms,
            rtt_ms=connection.round_trip.rtt_us / 1000,
            rtt_variance_ms=connection.round_trip.variance_us / 1000,
            received_packets=counted.received,
            received_bytes=counted.received_bytes,
            lost_packets=counted.missing,
            retransmitted_packets=counted.retransmitted,
            dropped_packets=counted.given_up,
            duplicate_packets=counted.duplicate,
            undecrypted_packets=connection.undecrypted_count,
            buffered_packets=connection.receiver.waiting_count,
            receive_rate_bps=connection.rates.bytes_per_second * 8,
            is_encrypted=connection.is_encrypted,
            dropped_units=self._media.demuxer.counters.dropped_units,
            continuity_errors=self._media.demuxer.counters.continuity_errors,
        )
