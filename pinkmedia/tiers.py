"""Tiers: what a stream's publisher may send, and what is done with it.

A tier is a word in the database; its limits are the operator's configuration. What is sent is held to the bit rate and
the track counts. Picture size, frame rate and the bit rate of what is passed through limit what viewers get: a source
beyond them is encoded anew, where the tier transcodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pinkmedia.publishing import PublishLimits
from transcode.ladder import Ladder


class Tier(StrEnum):
    """A class of streams."""

    PARTNER = "partner"
    STANDARD = "standard"
    PASSTHROUGH = "passthrough"
    """Served as it comes, without a worker."""


@dataclass(frozen=True, slots=True)
class TierLimits:
    """A tier's limits, as configured."""

    publish: PublishLimits
    """What a publisher is held to."""
    ladder: Ladder
    """What may be encoded here, or is offered to an encoder."""
    is_transcoding: bool
    """Off: viewers get what is sent."""
    passthrough_bps: int
    """Of the pictures that are passed through, as a mean over some seconds."""
    dvr_seconds: float = 0.0
    """How far viewers can rewind; 0: as far as memory goes."""
