"""What may wait: so many bytes, beside what was much at once by our own doing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pinkmedia.processes.outbox import Outbox

MOST_BYTES = 1000


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """Into a socket that is never read from."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield Outbox(near, MOST_BYTES)


def test_too_much_is_too_much(outbox: Outbox) -> None:
    outbox.push(bytes(MOST_BYTES - 1), b"x")
    assert not outbox.is_overfull
    outbox.push(b"x")
    assert outbox.is_overfull
    outbox.send()
    assert not outbox.is_overfull


def test_what_was_allowed_does_not_count(outbox: Outbox) -> None:
    outbox.push(bytes(10_000_000))
    outbox.allow_waiting()
    outbox.send()
    assert not outbox.is_empty
    outbox.push(bytes(MOST_BYTES))
    assert not outbox.is_overfull
    outbox.push(b"x")
    assert outbox.is_overfull
