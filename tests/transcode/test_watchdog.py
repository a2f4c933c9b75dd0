"""What counts as a hang, and what does not."""

from __future__ import annotations

import pytest

from transcode.watchdog import LOOK_SECONDS, SILENT_SECONDS, START_SECONDS, STUCK_SECONDS, Watchdog


def looks_until_verdict(watchdog: Watchdog, *, packets_taken: int | None, packets_written: int) -> tuple[int, str]:
    """So many looks, and what is said then. With ``packets_taken`` the worker reports before each of them."""
    for number in range(1, 1000):
        if packets_taken is not None:
            watchdog.hear(packets_taken)
        problem = watchdog.look(number * LOOK_SECONDS, packets_written)
        if problem is not None:
            return number, problem
    return 0, ""


def warm() -> Watchdog:
    watchdog = Watchdog(0.0)
    watchdog.greet()
    return watchdog


@pytest.mark.parametrize("packets_taken", [None, 0], ids=["silent", "speaking"])
def test_a_worker_that_never_becomes_warm(packets_taken: int | None) -> None:
    looks, problem = looks_until_verdict(Watchdog(0.0), packets_taken=packets_taken, packets_written=10)
    assert looks * LOOK_SECONDS == START_SECONDS + LOOK_SECONDS
    assert problem == "worker hangs: it has not started within 60 s"


def test_a_worker_that_falls_silent_even_when_it_has_nothing_to_do() -> None:
    watchdog = warm()
    looks, problem = looks_until_verdict(watchdog, packets_taken=None, packets_written=0)
    assert looks * LOOK_SECONDS == SILENT_SECONDS + LOOK_SECONDS
    assert problem == "worker hangs: not a word for 6 s"


def test_a_worker_that_speaks_but_takes_nothing_in() -> None:
    looks, problem = looks_until_verdict(warm(), packets_taken=7, packets_written=8)
    assert looks * LOOK_SECONDS == STUCK_SECONDS + LOOK_SECONDS
    assert problem == "worker hangs: no packet taken in for 8 s"


def test_a_worker_whose_publisher_pauses_is_well() -> None:
    assert looks_until_verdict(warm(), packets_taken=8, packets_written=8) == (0, "")


def test_a_worker_that_is_behind_but_moves_is_well() -> None:
    watchdog = warm()
    for number in range(1, 100):
        watchdog.hear(number // 5)
        assert watchdog.look(number * LOOK_SECONDS, packets_written=1000) is None


def test_a_node_that_slept_does_not_blame_its_worker() -> None:
    watchdog = warm()
    watchdog.hear(1)
    assert watchdog.look(3600.0, packets_written=100) is None
    assert watchdog.look(7200.0, packets_written=100) is None
    watchdog.hear(2)
    assert watchdog.look(10800.0, packets_written=100) is None
