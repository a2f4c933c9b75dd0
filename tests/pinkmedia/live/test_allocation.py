"""Who gives when the processor does not suffice."""

from __future__ import annotations

from pinkmedia.live.allocation import RungDemand, StreamDemand, allocate
from pinkmedia.tiers import Tier


def demand(
    name: str, tier: Tier = Tier.STANDARD, watched: tuple[str, ...] = (), essential: tuple[str, ...] = ()
) -> StreamDemand:
    costs = {"720p": 0.3, "480p": 0.2, "360p": 0.1}
    rungs = [RungDemand(rung, cores, rung in watched, rung in essential) for rung, cores in costs.items()]
    return StreamDemand(name, tier, 0.2, tuple(rungs))


def left(*demands: StreamDemand, budget_cores: float) -> dict[str, set[str]]:
    return {name: set(rungs) for name, rungs in allocate(demands, budget_cores).items()}


def test_what_fits_is_all_encoded() -> None:
    both = left(demand("a"), demand("b"), budget_cores=1.6001)
    assert both == {"a": {"720p", "480p", "360p"}, "b": {"720p", "480p", "360p"}}


def test_the_most_costly_goes_first() -> None:
    assert left(demand("a"), budget_cores=0.55) == {"a": {"480p", "360p"}}
    assert left(demand("a"), budget_cores=0.35) == {"a": {"360p"}}


def test_what_is_watched_goes_last() -> None:
    assert left(demand("a", watched=("720p",)), budget_cores=0.55) == {"a": {"720p"}}


def test_the_lowest_tier_goes_first_even_if_it_is_watched() -> None:
    standard, partner = demand("a", watched=("720p", "480p", "360p")), demand("b", Tier.PARTNER)
    assert left(standard, partner, budget_cores=0.81) == {"a": set(), "b": {"720p", "480p", "360p"}}


def test_without_any_rung_decoding_is_saved_too() -> None:
    assert left(demand("a"), demand("b"), budget_cores=0.31)["b"] == {"360p"}


def test_what_is_essential_stays_whatever_it_costs() -> None:
    assert left(demand("a", essential=("360p",)), budget_cores=0.0) == {"a": {"360p"}}


def test_the_same_demands_have_the_same_answer_in_any_order() -> None:
    one, other = demand("a"), demand("b")
    assert left(one, other, budget_cores=1.0) == left(other, one, budget_cores=1.0)
