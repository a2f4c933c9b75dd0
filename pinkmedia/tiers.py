"""Tiers: what a stream's publisher may send, and what is done with it.

A tier is a word in the database; its limits are the operator's configuration. What is sent is held to the bit rate and
the track counts alone. Picture size and frame rate limit only the ladder that an encoder is offered
(`pinkmedia.obs`): a publisher that sends one large picture within its bit rate costs the node nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pinkmedia.publishing import PublishLimits


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
    max_height: int
    """Of the largest rendition that an encoder is offered, in pixels; of upright pictures it is the width."""
    max_fps: int
    """Of the renditions that an encoder is offered, in frames per second."""
