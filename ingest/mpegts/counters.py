"""What a demuxer counts. Every field only grows; the sums tell an operator how healthy the line and the sender are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TsCounters:
    """Since the demuxer was made."""

    packets: int = 0
    """Transport packets behind a sync byte, null packets too."""
    sync_losses: int = 0
    """Times that 0x47 was not where it should be."""
    transport_errors: int = 0
    """Packets that the sender, or a modem before it, marked as broken."""
    malformed_packets: int = 0
    """Packets whose adaptation field cannot be."""
    scrambled_packets: int = 0
    """Packets that need keys of a conditional access system; none is served."""
    duplicate_packets: int = 0
    """Packets that came twice, as they may."""
    continuity_errors: int = 0
    """Gaps in the packets of a PID."""
    crc_errors: int = 0
    """Sections whose CRC-32 is wrong."""
    dropped_sections: int = 0
    """Sections that break the rules of their table though the CRC-32 is right, or come before any time is known."""
    damaged_units: int = 0
    """PES packets of which something is missing."""
    dropped_units: int = 0
    """PES packets and frames of no use: broken or scrambled, too large, of a kind without media, or not decodable."""
