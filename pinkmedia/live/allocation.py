"""Which rungs of which streams are encoded when there is not enough processor for all: a pure function.

The order in which they are left out: those of the lowest tier first, of these the ones that nobody watches, of these
the most costly. What a stream cannot do without is never left out, and passed-through renditions cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pinkmedia.tiers import Tier

TIER_RANKS = {Tier.PASSTHROUGH: 0, Tier.STANDARD: 1, Tier.PARTNER: 2}
"""The lowest gives first."""

Selection: TypeAlias = Mapping[str, frozenset[str]]
"""Names of the rungs that are encoded, by stream."""


@dataclass(frozen=True, slots=True, order=True)
class RungDemand:
    """A rung that a stream would like to have."""

    name: str
    cores: float
    """What it is expected to cost."""
    is_watched: bool
    is_essential: bool
    """The stream has nothing else that every browser plays."""


@dataclass(frozen=True, slots=True)
class StreamDemand:
    """A stream that is transcoded."""

    stream_name: str
    tier: Tier
    source_cores: float
    """Of decoding, which is spent as soon as one rung is encoded."""
    rungs: tuple[RungDemand, ...]


def allocate(demands: Iterable[StreamDemand], budget_cores: float) -> Selection:
    """The rungs to encode within the budget; what is essential is encoded even beyond it."""
    demands = list(demands)
    chosen = {demand.stream_name: set(demand.rungs) for demand in demands}
    victims = sorted(
        (_reluctance(demand, rung), demand.stream_name, rung)
        for demand in demands
        for rung in demand.rungs
        if not rung.is_essential
    )
    for _, stream_name, rung in victims:
        if _cores(demands, chosen) <= budget_cores:
            break
        chosen[stream_name].remove(rung)
    return {stream_name: frozenset(rung.name for rung in rungs) for stream_name, rungs in chosen.items()}


def selection_cores(demands: Iterable[StreamDemand], selection: Selection) -> float:
    """What it costs to encode these rungs."""
    demands = list(demands)
    chosen = {
        demand.stream_name: {rung for rung in demand.rungs if rung.name in selection[demand.stream_name]}
        for demand in demands
    }
    return _cores(demands, chosen)


def _reluctance(demand: StreamDemand, rung: RungDemand) -> tuple[int, bool, float]:
    return TIER_RANKS[demand.tier], rung.is_watched, -rung.cores


def _cores(demands: Iterable[StreamDemand], chosen: Mapping[str, set[RungDemand]]) -> float:
    return sum(
        demand.source_cores + sum(rung.cores for rung in rungs)
        for demand in demands
        if (rungs := chosen[demand.stream_name])
    )
