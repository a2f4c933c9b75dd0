"""The governor, with streams that say what it is told: pressure, recovery, learning, and rungs on demand."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import pytest

from pinkmedia.live.governor import RESTORE_SECONDS, SETTLE_SECONDS, Governor, GovernorSettings
from pinkmedia.media import Codec, VideoTrack
from pinkmedia.tiers import Tier
from transcode.cost import rung_cores, source_cores
from transcode.ladder import Ladder, plan_ladder

SOURCE = VideoTrack(1, Codec.H264, b"", 1920, 1080, "avc1.640028", Fraction(30))
RUNGS = plan_ladder(SOURCE, Ladder(), passthrough=True)
ALL = frozenset(rung.name for rung in RUNGS)
FULL_CORES = source_cores(SOURCE) + sum(rung_cores(SOURCE, RUNGS))


LONGEST_FLAP = 3
"""Changes of a stream's rungs in five minutes on a machine whose room stays the same: to begin with, and to learn."""


class OneStream:
    """A `Governed` whose workers take what the model says, times a factor."""

    def __init__(self, name: str, tier: Tier = Tier.STANDARD, essential: Iterable[str] = ()) -> None:
        self.stream_name = name
        self.tier = tier
        self.source: VideoTrack | None = SOURCE
        self.rungs = RUNGS
        self.essential = frozenset(essential)
        self.selected = ALL
        self.dormant: frozenset[str] = frozenset()
        self.cpu_seconds = 0.0
        self.lag_seconds = 0.0
        self.in_use: set[str] = set()
        self.changes = 0

    def watched(self, seconds: float) -> frozenset[str]:
        return frozenset(self.in_use)

    def select(self, names: frozenset[str], *, dormant: frozenset[str]) -> None:
        self.changes += names != self.selected
        self.selected, self.dormant = names, dormant

    def work(self, seconds: float, factor: float = 1.0) -> None:
        chosen = [rung for rung in RUNGS if rung.name in self.selected]
        cores = source_cores(SOURCE) + sum(rung_cores(SOURCE, chosen)) if chosen else 0.0
        self.cpu_seconds += factor * cores * seconds


class Machine:
    """A governor, its streams, and a clock."""

    def __init__(self, *streams: OneStream, cores: float = 4.0, max_workers: int = 10, is_on_demand: bool = False):
        self.governor = Governor(GovernorSettings(cores, max_workers, is_on_demand))
        self.streams = streams
        self.now = 1000.0
        for stream in streams:
            self.governor.add(stream)

    def run(self, seconds: float, factor: float = 1.0) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            for stream in self.streams:
                stream.work(1.0, factor)
            self.governor.tick(self.now)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Additions happen before the machine's clock begins."""
    monkeypatch.setattr("pinkmedia.live.governor.time.monotonic", lambda: 1000.0)


def test_a_machine_with_room_encodes_everything() -> None:
    machine = Machine(OneStream("a"), OneStream("b"))
    machine.run(60)
    assert [stream.selected for stream in machine.streams] == [ALL, ALL]
    assert machine.governor.left_out_count == 0
    assert machine.governor.used_cores == pytest.approx(2 * FULL_CORES)


def test_a_stream_whose_sound_alone_is_encoded_takes_a_worker_and_no_cores() -> None:
    full, sound = OneStream("a"), OneStream("b")
    sound.source, sound.rungs, sound.selected = None, (), frozenset()
    machine = Machine(full, sound, cores=1.1 * FULL_CORES, max_workers=2)
    full.lag_seconds = 2.0
    machine.run(60)
    assert sound.changes == 0
    assert full.selected < ALL
    assert not machine.governor.has_room()


def test_a_stream_that_does_not_fit_begins_with_less() -> None:
    first, second = OneStream("a", Tier.PARTNER), OneStream("b")
    machine = Machine(first, second, cores=1.6 * FULL_CORES)
    assert first.selected == ALL
    assert second.selected < ALL
    assert machine.governor.left_out_count == len(ALL - second.selected)


def test_workers_that_fall_behind_lose_rungs_and_get_them_back() -> None:
    first, second = OneStream("a", Tier.PARTNER), OneStream("b")
    machine = Machine(first, second, cores=2 * FULL_CORES)
    machine.run(10)
    first.lag_seconds = second.lag_seconds = 2.0
    machine.run(SETTLE_SECONDS)
    assert (first.selected, second.selected < ALL) == (ALL, True)
    first.lag_seconds = second.lag_seconds = 0.0
    machine.run(5 * RESTORE_SECONDS)
    assert second.selected == ALL


def test_a_moments_pause_costs_nothing() -> None:
    stream = OneStream("a")
    machine = Machine(stream)
    machine.run(10)
    stream.lag_seconds = 2.0
    machine.run(2)
    stream.lag_seconds = 0.0
    machine.run(20)
    assert stream.selected == ALL


def test_a_stream_that_is_behind_alone_gives_alone() -> None:
    slow, other = OneStream("a", Tier.PARTNER), OneStream("b")
    machine = Machine(slow, other, cores=8)
    machine.run(10)
    slow.lag_seconds = 2.0
    machine.run(SETTLE_SECONDS)
    assert slow.selected < ALL
    assert other.selected == ALL


def test_what_is_watched_stays() -> None:
    stream = OneStream("a")
    stream.in_use = {"720p"}
    machine = Machine(stream)
    machine.run(10)
    stream.lag_seconds = 2.0
    machine.run(SETTLE_SECONDS)
    assert "720p" in stream.selected
    assert stream.selected < ALL


def test_a_slower_machine_is_learnt() -> None:
    first, second = OneStream("a"), OneStream("b")
    machine = Machine(first, second, cores=2.2 * FULL_CORES)
    assert second.selected == ALL
    machine.run(60, factor=2.0)
    assert machine.governor.model_factor == pytest.approx(2.0, rel=0.1)
    assert len(first.selected) + len(second.selected) < 2 * len(ALL)


def test_players_are_not_sent_to_and_fro() -> None:
    """Neither by other viewers who come and go nor by a measure that wavers."""
    first, second = OneStream("a"), OneStream("b")
    machine = Machine(first, second, cores=1.5 * FULL_CORES)
    for second_number in range(300):
        first.in_use = {"720p"} if second_number % 2 else set()
        second.in_use = {"480p"} if second_number % 3 else set()
        machine.run(1, factor=1.1 if second_number % 20 < 10 else 0.9)
    assert max(first.changes, second.changes) <= LONGEST_FLAP


def test_workers_that_get_too_little_are_not_taken_for_cheap() -> None:
    stream = OneStream("a", essential=ALL)
    machine = Machine(stream)
    machine.run(10)
    stream.lag_seconds = 2.0
    machine.run(120, factor=0.2)
    assert machine.governor.model_factor == pytest.approx(1.0, abs=0.1)


def test_on_demand_rungs_are_made_while_somebody_watches() -> None:
    stream = OneStream("a", essential=["360p"])
    machine = Machine(stream, is_on_demand=True)
    assert (set(stream.selected), set(stream.dormant)) == ({"360p"}, {"720p", "480p"})
    stream.in_use = {"720p"}
    machine.governor.reconsider()
    assert (set(stream.selected), set(stream.dormant)) == ({"720p", "360p"}, {"480p"})
    stream.in_use = set()
    machine.run(1)
    assert stream.selected == {"360p"}


def test_the_pool_has_an_end() -> None:
    first, second = OneStream("a"), OneStream("b")
    machine = Machine(first, second, max_workers=2)
    assert not machine.governor.has_room()
    machine.governor.remove(first)
    assert machine.governor.has_room()
