"""The receiver against a model that is too slow to use, on lines that lose, reorder, delay and duplicate."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ingest.srt.clock import SenderClock
from ingest.srt.packets import SequenceRange
from ingest.srt.receiver import Receiver
from ingest.srt.sequence import next_sequence, sequence_difference

LATENCY_US = 50_000
TICK_US = 10_000
PACKET_US = 2_000


@dataclass
class Model:
    """Looks at everything each time."""

    next: int = 0
    came: dict[int, bytes] = field(default_factory=dict)
    """Every payload that ever came in time."""
    gone: set[int] = field(default_factory=set)
    due_us: dict[int, int] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)

    def receive(self, index: int, now_us: int) -> list[int]:
        if index >= self.next and index not in self.came and index not in self.gone:
            self.came[index] = str(index).encode()
            self.due_us[index] = min(index * PACKET_US, now_us) + LATENCY_US
        return self._in_order()

    def drop(self, first: int, last: int) -> list[int]:
        self.gone |= {index for index in range(max(first, self.next), last + 1) if index not in self.came}
        return self._in_order()

    def give_up_due(self, now_us: int) -> list[int]:
        delivered = []
        while waiting := sorted(index for index in self.came if index >= self.next):
            if self.due_us[waiting[0]] > now_us:
                break
            self.gone |= set(range(self.next, waiting[0]))
            delivered += self._in_order()
        return delivered

    def _in_order(self) -> list[int]:
        delivered = []
        while self.next in self.came or self.next in self.gone:
            if self.next in self.came:
                delivered.append(self.next)
            else:
                self.given_up.add(self.next)
            self.next += 1
        return delivered


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """What happens, in order: (time, index of a packet, or of the first of a drop request, -1 or the last of that)."""
    count = draw(st.integers(1, 60))
    happenings = []
    for index in range(count):
        delays_us = draw(st.lists(st.integers(0, 60).map(lambda ms: ms * 1000), max_size=2))  # lost, once, twice
        happenings += [(index * PACKET_US + delay_us, index, -1) for delay_us in delays_us]
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, count - 1))
        last = draw(st.integers(first, min(count - 1, first + 10)))
        happenings.append((draw(st.integers(last * PACKET_US, (count + 30) * PACKET_US)), first, last))
    return [*sorted(happenings), (count * PACKET_US + LATENCY_US + 60_000, count, -1)]


@given(lines(), st.integers(0, 0x7FFFFFFF))
def test_output_is_the_input_without_what_was_given_up(line: list[tuple[int, int, int]], first_sequence: int) -> None:
    receiver, model = Receiver(first_sequence, SenderClock(0, 0, LATENCY_US)), Model()
    delivered: list[bytes | None] = []
    expected: list[int] = []
    tick_us = 0
    for now_us, index, last in line:
        while tick_us + TICK_US <= now_us:
            tick_us += TICK_US
            delivered += receiver.give_up_due(tick_us)
            expected += model.give_up_due(tick_us)
            assert _is_within_window(receiver, receiver.losses.due_requests(tick_us, 20_000))
        sequence = next_sequence(first_sequence, index)
        if last < 0:
            payload, timestamp_us = str(index).encode(), index * PACKET_US
            delivered += receiver.receive(sequence, payload, timestamp_us, now_us, is_retransmitted=False)
            expected += model.receive(index, now_us)
        else:
            delivered += receiver.drop(SequenceRange(sequence, next_sequence(first_sequence, last)), now_us)
            expected += model.drop(index, last)
        assert sequence_difference(receiver.next_expected, first_sequence) == model.next  # which never goes backwards
    end_us = line[-1][0] + LATENCY_US
    delivered += receiver.give_up_due(end_us)
    expected += model.give_up_due(end_us)
    assert delivered == _with_gaps(expected)
    assert receiver.counters.given_up == len(model.given_up)
    assert receiver.waiting_count == 0
    assert len(receiver.losses) == 0


def _is_within_window(receiver: Receiver, requests: list[SequenceRange]) -> bool:
    """Senders end the connection when they are asked for what they were told has come."""
    return all(
        sequence_difference(request.last, request.first) >= 0
        and sequence_difference(request.first, receiver.next_expected) >= 0
        for request in requests
    )


def _with_gaps(indices: list[int]) -> list[bytes | None]:
    """None exactly where something is missing."""
    expected: list[bytes | None] = []
    for index, before in zip(indices, [-1, *indices], strict=False):
        if index != before + 1:
            expected.append(None)
        expected.append(str(index).encode())
    return expected
