"""Every state of a broadcast, and everything that can happen to it."""

from __future__ import annotations

import pytest

from pinkmedia.lifecycle import Lifecycle, Occurrence, State, Transition

PICTURES, LOST, OVER = Occurrence.PICTURES, Occurrence.PUBLISHER_LOST, Occurrence.OVER


@pytest.mark.parametrize(
    ("occurrences", "states"),
    [
        ([PICTURES], [State.LIVE]),
        ([PICTURES, PICTURES], [State.LIVE]),
        ([PICTURES, OVER], [State.LIVE, State.ENDED]),
        ([PICTURES, LOST, LOST], [State.LIVE, State.INTERRUPTED]),
        ([PICTURES, LOST, PICTURES], [State.LIVE, State.INTERRUPTED, State.LIVE]),
        ([PICTURES, LOST, OVER], [State.LIVE, State.INTERRUPTED, State.ENDED]),
        ([PICTURES, OVER, OVER, PICTURES, LOST], [State.LIVE, State.ENDED]),
        ([LOST, PICTURES], [State.LIVE]),
        ([OVER], []),
        ([LOST, OVER, PICTURES], []),
    ],
)
def test_what_is_told_of_a_broadcast(occurrences: list[Occurrence], states: list[State]) -> None:
    told: list[Transition] = []
    lifecycle = Lifecycle("alice", told.append)
    for occurrence in occurrences:
        lifecycle.occur(occurrence, "a reason")
    assert [transition.after for transition in told] == states
    assert [transition.before for transition in told] == [State.OFFLINE, *states][: len(states)]
    assert {transition.broadcast_id for transition in told} <= {lifecycle.broadcast_id}
    assert lifecycle.started_at == (told[0].at if told else None)
    assert lifecycle.has_been_live == bool(told)


def test_one_that_nobody_has_seen_is_over_all_the_same() -> None:
    lifecycle = Lifecycle("alice", lambda _: None)
    assert lifecycle.occur(Occurrence.OVER)
    assert lifecycle.state is State.ENDED
