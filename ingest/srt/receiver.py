"""Packets in any order, or not at all, become a byte stream in order (draft-sharabayko-srt §4.6, §4.8).

    arrival ─► window ─► in order? ─► delivered at once
                 │
                 └─ missing ─► asked for again, until the packet behind the gap is due; then given up

A receiver that plays would hold everything back for the whole latency. This one feeds a packager, which has times of
its own, so what is in order goes on at once: the latency is spent on lost packets only.

Inside, sequence numbers are unwrapped to positions, plain integers that grow. A position from ``_next`` to ``_newest``
is waiting, missing, or neither: then it is lost for good, and passed over when its turn comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from ingest.srt.clock import SenderClock
from ingest.srt.losses import Losses
from ingest.srt.packets import SequenceRange
from ingest.srt.sequence import SEQUENCE_MASK, sequence_difference

FLOW_WINDOW_PACKETS = 8192
"""Packets that may be under way, as told to the sender: 12 MB, or 2 s at 40 Mb/s."""
STRAYS_TO_FOLLOW = 16
"""Packets in a row beyond the window that prove that the sender has gone on after an outage: one alone is garbage."""
STRAY_STEP_PACKETS = 64
"""How far strays of one row may be apart."""


@dataclass(slots=True)
class ReceiverCounters:
    """Since the connection began, in packets."""

    received: int = 0
    received_bytes: int = 0
    missing: int = 0
    """Noticed as missing, whatever became of them."""
    retransmitted: int = 0
    """Sent again and of use."""
    duplicate: int = 0
    """Came twice, or after they were given up."""
    given_up: int = 0
    """Never came, came too late, or could not be decrypted."""
    out_of_window: int = 0
    """Sequence numbers that cannot be."""


class Receiver:
    """One connection's window. Times are monotonic microseconds."""

    def __init__(self, first_sequence: int, clock: SenderClock) -> None:
        self.counters = ReceiverCounters()
        self.losses = Losses()
        self._clock = clock
        self._next = first_sequence
        """The first position that has not been delivered or given up."""
        self._newest = first_sequence - 1
        self._waiting: dict[int, tuple[bytes, int]] = {}
        """Payloads behind a gap, and when they are due, by position."""
        self._waiting_heap: list[int] = []
        """Their positions: the first one tells when the gap before it is given up."""
        self._stray = 0
        self._stray_count = 0
        self._has_gap = False
        """Something was given up since the last delivery."""

    @property
    def next_expected(self) -> int:
        """The sequence number that is acknowledged: everything before it has come or is given up."""
        return self._next & SEQUENCE_MASK

    @property
    def free_packets(self) -> int:
        """Room in the window."""
        return FLOW_WINDOW_PACKETS - (self._newest + 1 - self._next)

    @property
    def waiting_count(self) -> int:
        """Packets held behind a gap."""
        return len(self._waiting)

    def receive(
        self, sequence: int, payload: bytes | None, timestamp_us: int, now_us: int, *, is_retransmitted: bool
    ) -> list[bytes | None]:
        """A packet's payload, None if it cannot be read: it is lost then, for it would not be better if sent again.

        Returns what is in order now. None stands where something is lost for good.
        """
        counters = self.counters
        counters.received += 1
        counters.received_bytes += len(payload or b"")
        if self._newest < self._next and sequence == self._next & SEQUENCE_MASK:  # nothing is missing: nearly always
            self._newest = self._next
            self._next += 1
            self.losses.note_newest()
            return self._delivered(payload)
        position = self._position(sequence)
        if position < self._next or (position <= self._newest and position not in self.losses):
            counters.duplicate += 1
            return []
        delivered: list[bytes | None] = []
        if position - self._next >= FLOW_WINDOW_PACKETS:
            if (begin := self._window_for(position)) is None:
                counters.out_of_window += 1
                return []
            delivered = self._advance(begin)
        self._note(position, now_us, is_retransmitted=is_retransmitted)
        if payload is not None:
            self._waiting[position] = (payload, self._clock.due_us(timestamp_us, now_us))
            heappush(self._waiting_heap, position)
        return delivered + self._advance(self._next) if position == self._next else delivered

    def drop(self, dropped: SequenceRange, now_us: int) -> list[bytes | None]:
        """The sender has given these up (DROPREQ, §3.2.9). Returns what is in order now."""
        last = self._position(dropped.last)
        first = last - sequence_difference(dropped.last, dropped.first)
        if first > last or last < self._next:
            return []
        if last - self._next >= FLOW_WINDOW_PACKETS:  # after an outage
            return self._advance(last + 1)
        for position in range(max(first, self._next), min(last, self._newest) + 1):
            self.losses.discard(position)
        if last > self._newest:
            self._notice(first, now_us)  # what lies before the range may still come
            self._newest = last
        return self._advance(self._next)

    def give_up_due(self, now_us: int) -> list[bytes | None]:
        """Gives up what is missing before a packet that is due (§4.6). Returns what is in order then."""
        delivered: list[bytes | None] = []
        while self._waiting_heap:
            head = self._waiting_heap[0]
            if self._waiting[head][1] > now_us:
                break
            delivered += self._advance(head)
        return delivered

    # Positions

    def _position(self, sequence: int) -> int:
        """The one next to what is expected."""
        return self._next + sequence_difference(sequence, self._next & SEQUENCE_MASK)

    def _window_for(self, position: int) -> int | None:
        """Where the window must begin to hold this position, which is beyond it; None if the sender cannot mean it."""
        if position - self._newest < FLOW_WINDOW_PACKETS:
            return position - FLOW_WINDOW_PACKETS + 1  # the window is full, because the latency is long
        is_in_row = 0 < position - self._stray <= STRAY_STEP_PACKETS
        self._stray, self._stray_count = position, self._stray_count + 1 if is_in_row else 1
        return position if self._stray_count >= STRAYS_TO_FOLLOW else None

    def _note(self, position: int, now_us: int, *, is_retransmitted: bool) -> None:
        """Where this position leaves a gap, or fills one."""
        if position > self._newest:
            self._notice(position, now_us)
            self._newest = position
            self.losses.note_newest()
            return
        self.losses.discard(position)
        if is_retransmitted:
            self.counters.retransmitted += 1
        else:
            self.losses.note_reordered(self._newest - position)

    def _notice(self, until: int, now_us: int) -> None:
        """Everything between the newest and this is missing."""
        if (begin := self._newest + 1) < until:
            self.losses.add(range(begin, until), now_us)
            self.counters.missing += until - begin

    # Delivery

    def _delivered(self, payload: bytes | None) -> list[bytes | None]:
        """The next payload in order, after None if something was lost before it."""
        if payload is None:
            self.counters.given_up += 1
            self._has_gap = True
            return []
        if self._has_gap:
            self._has_gap = False
            return [None, payload]
        return [payload]

    def _advance(self, until: int) -> list[bytes | None]:
        """Gives up what is missing before ``until``; then everything up to the first that is missing after it."""
        delivered: list[bytes | None] = []
        while self._next <= self._newest:
            if self._next in self.losses:
                if self._next >= until:
                    break
                self.losses.discard(self._next)
            payload, _due_us = self._waiting.pop(self._next, (None, 0))
            delivered += self._delivered(payload)
            self._next += 1
        if self._next < until:
            self.counters.given_up += until - self._next
            self._has_gap = True
            self._next, self._newest = until, until - 1
        while self._waiting_heap and self._waiting_heap[0] < self._next:
            heappop(self._waiting_heap)
        return delivered
