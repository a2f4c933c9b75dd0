"""The receiver's window (draft-sharabayko-srt §4.6, §4.8)."""

from __future__ import annotations

import pytest

from ingest.srt.clock import SenderClock
from ingest.srt.packets import SequenceRange
from ingest.srt.receiver import FLOW_WINDOW_PACKETS, STRAYS_TO_FOLLOW, Receiver
from ingest.srt.sequence import next_sequence

LATENCY_US = 100_000
LAST_SEQUENCE = 0x7FFFFFFF


class Line:
    """A receiver whose packets are sent one each millisecond, say their number, and are not under way."""

    def __init__(self, first_sequence: int = 0) -> None:
        self.receiver = Receiver(first_sequence, SenderClock(0, 0, LATENCY_US))
        self._first = first_sequence
        self.now_us = 0

    def receive(self, *indices: int, is_retransmitted: bool = False) -> list[int | None]:
        delivered: list[bytes | None] = []
        for index in indices:
            self.now_us = max(self.now_us, index * 1000)
            delivered += self.receiver.receive(
                self.sequence(index),
                str(index).encode(),
                index * 1000,
                self.now_us,
                is_retransmitted=is_retransmitted,
            )
        return _numbers(delivered)

    def unreadable(self, index: int) -> list[int | None]:
        sequence = self.sequence(index)
        return _numbers(self.receiver.receive(sequence, None, index * 1000, self.now_us, is_retransmitted=False))

    def drop(self, first: int, last: int) -> list[int | None]:
        dropped = SequenceRange(self.sequence(first), self.sequence(last))
        return _numbers(self.receiver.drop(dropped, self.now_us))

    def wait_until(self, now_us: int) -> list[int | None]:
        self.now_us = now_us
        return _numbers(self.receiver.give_up_due(now_us))

    def sequence(self, index: int) -> int:
        return next_sequence(self._first, index)

    def requests(self) -> list[SequenceRange]:
        return self.receiver.losses.due_requests(self.now_us, 1)


def _numbers(delivered: list[bytes | None]) -> list[int | None]:
    return [None if payload is None else int(payload) for payload in delivered]


@pytest.mark.parametrize("first_sequence", [0, 1234, LAST_SEQUENCE - 2, LAST_SEQUENCE])
class TestAnyFirstSequence:
    """Also where sequence numbers wrap."""

    def test_in_order(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        for index in range(6):
            assert line.receiver.next_expected == line.sequence(index)
            assert line.receive(index) == [index]
        assert line.receiver.free_packets == FLOW_WINDOW_PACKETS

    def test_reordered(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        assert line.receive(2, 1, 4) == []
        assert line.receiver.next_expected == line.sequence(0)
        assert line.receiver.waiting_count == 3
        assert line.receiver.free_packets == FLOW_WINDOW_PACKETS - 5
        assert line.receive(0) == [0, 1, 2]
        assert line.receive(3) == [3, 4]
        assert line.receiver.waiting_count == 0

    def test_duplicates(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        assert line.receive(0, 0, 2, 2) == [0]
        assert line.receive(1, 1, 2, 0) == [1, 2]
        assert line.receiver.counters.duplicate == 5

    def test_recovery(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        assert line.receive(0, 3, 5) == [0]
        assert line.requests() == [
            SequenceRange(line.sequence(1), line.sequence(2)),
            SequenceRange(line.sequence(4), line.sequence(4)),
        ]
        assert line.receive(1, 2, is_retransmitted=True) == [1, 2, 3]
        assert line.receive(4, is_retransmitted=True) == [4, 5]
        counters = line.receiver.counters
        assert (counters.missing, counters.retransmitted, counters.given_up) == (3, 3, 0)

    def test_given_up_when_the_packet_behind_is_due(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        line.receive(0, 3, 6)
        assert line.wait_until(3_000 + LATENCY_US - 1) == []
        assert line.wait_until(3_000 + LATENCY_US) == [None, 3]
        assert line.receiver.next_expected == line.sequence(4)
        assert line.wait_until(6_000 + LATENCY_US) == [None, 6]
        assert line.receiver.counters.given_up == 4
        assert line.requests() == []

    def test_too_late(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        line.receive(0, 2)
        line.wait_until(1_000_000)
        assert line.receive(1, is_retransmitted=True) == []
        assert line.receiver.counters.duplicate == 1

    def test_drop_request(self, first_sequence: int) -> None:
        line = Line(first_sequence)
        line.receive(0, 4)
        assert line.drop(1, 3) == [None, 4]
        assert line.receiver.next_expected == line.sequence(5)


def test_several_gaps_that_are_due_at_once() -> None:
    line = Line()
    line.receive(0, 2, 4, 5, 7, 200)
    assert line.wait_until(120_000) == [None, 2, None, 4, 5, None, 7]
    assert line.receiver.waiting_count == 1


def test_first_packets_lost() -> None:
    line = Line()
    assert line.receive(2) == []
    assert line.wait_until(2_000 + LATENCY_US) == [None, 2]


def test_earlier_packet_in_the_gap_is_due_earlier() -> None:
    line = Line()
    line.receive(0, 90, 20)
    assert line.wait_until(20_000 + LATENCY_US) == [None, 20]
    assert line.wait_until(90_000 + LATENCY_US) == [None, 90]


def test_next_payload_says_that_something_is_lost() -> None:
    line = Line()
    line.receive(0)
    assert line.drop(1, 2) == []
    assert line.receiver.next_expected == 3
    assert line.receive(3, 4) == [None, 3, 4]


class TestDropRequests:
    """§3.2.9: ranges anywhere."""

    def test_what_waits_is_kept(self) -> None:
        line = Line()
        line.receive(0, 2, 4)
        assert line.drop(0, 4) == [None, 2, None, 4]

    def test_what_lies_before_may_still_come(self) -> None:
        line = Line()
        line.receive(0, 2, 5)
        assert line.drop(3, 4) == []
        assert line.requests() == [SequenceRange(1, 1)]
        assert line.receive(1) == [1, 2, None, 5]

    def test_ahead_of_everything(self) -> None:
        line = Line()
        line.receive(0)
        assert line.drop(3, 5) == []
        assert line.receiver.next_expected == 1
        line.now_us += 50_000
        assert line.requests() == [SequenceRange(1, 2)]
        assert line.receive(1, 2, 6) == [1, 2, None, 6]

    def test_of_the_past(self) -> None:
        line = Line()
        line.receive(0, 1, 2, 4)
        assert line.drop(0, 1) == []
        assert line.receiver.next_expected == 3

    def test_from_the_distant_past(self) -> None:
        line = Line()
        line.receive(0, 4)
        assert line.drop(-(1 << 29), 2) == []
        assert line.receive(3) == [None, 3, 4]

    def test_malformed(self) -> None:
        line = Line()
        line.receive(0, 4)
        assert line.drop(3, 1) == []
        assert line.receive(1, 2, 3) == [1, 2, 3, 4]

    def test_dropped_packet_that_comes_all_the_same(self) -> None:
        line = Line()
        line.receive(0, 5)
        line.drop(3, 4)
        assert line.receive(3) == []
        assert line.receiver.counters.duplicate == 1

    def test_after_an_outage_longer_than_the_window(self) -> None:
        line = Line()
        line.receive(0, 2)
        assert line.drop(1, 1_000_000) == [None, 2]
        assert line.receive(1_000_001) == [None, 1_000_001]
        assert line.receiver.counters.given_up == 1 + 999_998


class TestUnreadable:
    """Payloads that could not be decrypted."""

    def test_in_order(self) -> None:
        line = Line()
        line.receive(0)
        assert line.unreadable(1) == []
        assert line.receiver.next_expected == 2
        assert line.receive(2) == [None, 2]

    def test_behind_a_gap(self) -> None:
        line = Line()
        line.receive(0)
        assert line.unreadable(2) == []
        line.receive(3)
        assert line.receive(1) == [1, None, 3]
        assert line.receiver.counters.given_up == 1

    def test_is_not_asked_for(self) -> None:
        line = Line()
        line.receive(0, 3)
        line.unreadable(1)
        line.now_us += 50_000
        assert line.requests() == [SequenceRange(2, 2)]


class TestWindow:
    """Sequence numbers beyond what may be under way."""

    def test_garbage(self) -> None:
        line = Line()
        line.receive(0)
        assert line.receive(FLOW_WINDOW_PACKETS + 1, 1 << 29, 5_000_000) == []
        assert line.receiver.counters.out_of_window == 3
        assert line.receive(1) == [1]
        assert line.requests() == []

    def test_last_of_the_window(self) -> None:
        line = Line()
        line.receive(0)
        assert line.receive(FLOW_WINDOW_PACKETS) == []
        assert line.receiver.counters.missing == FLOW_WINDOW_PACKETS - 1
        assert line.receiver.free_packets == 0

    def test_full_window_gives_up_the_oldest(self) -> None:
        line = Line()
        line.receive(0, *range(2, FLOW_WINDOW_PACKETS + 1))
        last = FLOW_WINDOW_PACKETS + 1
        assert line.receive(last) == [None, *range(2, last + 1)]

    def test_sender_that_has_gone_on_is_followed(self) -> None:
        line = Line()
        line.receive(0, 2)
        begin = 100_000
        last_stray = begin + STRAYS_TO_FOLLOW - 1
        assert line.receive(*range(begin, last_stray)) == []
        assert line.receive(last_stray, last_stray + 1) == [None, 2, None, last_stray, last_stray + 1]
        assert line.requests() == []

    def test_scattered_strays_are_not_followed(self) -> None:
        line = Line()
        line.receive(0)
        assert line.receive(*range(100_000, 200_000, 1_000)) == []
        assert line.receive(1) == [1]


def test_timestamps_that_wrap_while_a_packet_is_missing() -> None:
    wrap_us = 1 << 32
    receiver = Receiver(0, SenderClock(wrap_us - 1_500, 0, LATENCY_US))
    assert receiver.receive(0, b"0", wrap_us - 1_000, 500, is_retransmitted=False) == [b"0"]
    assert receiver.receive(2, b"2", 1_000, 2_500, is_retransmitted=False) == []
    assert receiver.give_up_due(2_500 + LATENCY_US - 1) == []
    assert receiver.give_up_due(2_500 + LATENCY_US) == [None, b"2"]


def test_reordering_raises_the_tolerance_and_retransmission_does_not() -> None:
    line = Line()
    line.receive(0, 3)
    line.receive(1, 2, is_retransmitted=True)
    assert line.receiver.losses.tolerance == 0
    line.receive(6, 5)
    assert line.receiver.losses.tolerance == 1
    line.receive(4)
    assert line.receiver.losses.tolerance == 2
