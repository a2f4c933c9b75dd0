"""When missing packets are asked for (draft-sharabayko-srt §4.8.2)."""

from __future__ import annotations

from ingest.srt.losses import IN_ORDER_TO_TRUST, LONGEST_TOLERANCE_US, MOST_TOLERANCE_PACKETS, Losses
from ingest.srt.packets import SequenceRange

INTERVAL_US = 50_000


def _noticed(losses: Losses, *positions: int, now_us: int = 0) -> None:
    """A later packet has revealed them."""
    losses.add(positions, now_us)
    losses.note_newest()


def test_asked_for_at_once_and_again_after_the_interval() -> None:
    losses = Losses()
    _noticed(losses, 5, 6, 9)
    assert losses.has_fresh
    everything = [SequenceRange(5, 6), SequenceRange(9, 9)]
    assert losses.due_requests(0, INTERVAL_US) == everything
    assert not losses.has_fresh
    assert losses.due_requests(INTERVAL_US - 1, INTERVAL_US) == []
    assert losses.due_requests(INTERVAL_US, INTERVAL_US) == everything
    assert losses.due_requests(INTERVAL_US + 1, INTERVAL_US) == []


def test_each_has_its_own_interval() -> None:
    losses = Losses()
    _noticed(losses, 5)
    losses.due_requests(0, INTERVAL_US)
    _noticed(losses, 7, now_us=20_000)
    losses.due_requests(20_000, INTERVAL_US)
    assert losses.due_requests(50_000, INTERVAL_US) == [SequenceRange(5, 5)]
    assert losses.due_requests(70_000, INTERVAL_US) == [SequenceRange(7, 7)]


def test_fresh_and_old_ones_make_one_range() -> None:
    losses = Losses()
    _noticed(losses, 5)
    losses.due_requests(0, INTERVAL_US)
    _noticed(losses, 6, now_us=INTERVAL_US)
    assert losses.due_requests(INTERVAL_US, INTERVAL_US) == [SequenceRange(5, 6)]


def test_what_came_is_not_asked_for() -> None:
    losses = Losses()
    _noticed(losses, 5, 6, 7)
    losses.discard(6)
    assert losses.due_requests(0, INTERVAL_US) == [SequenceRange(5, 5), SequenceRange(7, 7)]
    losses.discard(5)
    losses.discard(1234)
    assert losses.due_requests(INTERVAL_US, INTERVAL_US) == [SequenceRange(7, 7)]
    assert len(losses) == 1
    assert 7 in losses
    assert 5 not in losses


def test_range_across_the_wrap() -> None:
    losses = Losses()
    _noticed(losses, 0x7FFFFFFF, 0x80000000)
    assert losses.due_requests(0, INTERVAL_US) == [SequenceRange(0x7FFFFFFF, 0)]


def test_patience_on_a_line_that_reorders() -> None:
    losses = Losses()
    losses.note_reordered(2)
    assert losses.tolerance == 2
    _noticed(losses, 5)
    assert losses.due_requests(0, INTERVAL_US) == []
    losses.note_newest()
    assert losses.due_requests(0, INTERVAL_US) == []
    losses.note_newest()
    assert losses.due_requests(0, INTERVAL_US) == [SequenceRange(5, 5)]


def test_patience_ends_when_few_packets_come() -> None:
    losses = Losses()
    losses.note_reordered(30)
    _noticed(losses, 5, now_us=1000)
    assert losses.due_requests(1000 + LONGEST_TOLERANCE_US - 1, INTERVAL_US) == []
    assert losses.due_requests(1000 + LONGEST_TOLERANCE_US, INTERVAL_US) == [SequenceRange(5, 5)]


def test_tolerance_has_a_limit_and_shrinks_when_packets_come_in_order() -> None:
    losses = Losses()
    losses.note_reordered(1000)
    assert losses.tolerance == MOST_TOLERANCE_PACKETS
    for _ in range(IN_ORDER_TO_TRUST):
        losses.note_newest()
    assert losses.tolerance == MOST_TOLERANCE_PACKETS - 1
    for _ in range(IN_ORDER_TO_TRUST * MOST_TOLERANCE_PACKETS):
        losses.note_newest()
    assert losses.tolerance == 0
