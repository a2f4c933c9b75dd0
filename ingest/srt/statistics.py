"""What an operator wants to know of an SRT publisher's line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SrtStatistics:
    """Since the connection began, where it is no state of now. Packets are SRT's, of up to 1456 bytes of payload."""

    stream_name: str
    latency_ms: int
    """Agreed with the encoder: how long a lost packet is waited for."""
    rtt_ms: float
    rtt_variance_ms: float
    received_packets: int
    received_bytes: int
    lost_packets: int
    """Missed at first, whatever became of them."""
    retransmitted_packets: int
    """Sent again and of use."""
    dropped_packets: int
    """Never came, came too late, or could not be decrypted."""
    duplicate_packets: int
    undecrypted_packets: int
    buffered_packets: int
    """Held behind a gap now."""
    receive_rate_bps: int
    """Of the last second."""
    is_encrypted: bool
    dropped_units: int
    """Pictures and frames of sound that were not passed on, because something of them, or before them, was lost."""
    continuity_errors: int
    """Of the transport stream: what was lost before it came to SRT counts, too."""
