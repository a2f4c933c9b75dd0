"""Keeps the encoders of all streams within what the machine can do.

    every second:  how far are workers behind, how much processor time did they take
                   ├─ behind: the budget shrinks at once: that of all, or that of the one stream that is behind alone
                   └─ for a while not behind: it grows again, up to what is configured
                   what the streams would like to have ─► allocation ─► each stream's rungs, from its next segment on

Strategy: a new stream is counted with the cost model (`transcode.cost`) before it has used anything; the model's error
is one factor, which is learnt from the processor time that the workers report. What is passed through needs no worker,
and is never touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from pinkmedia.live.allocation import RungDemand, StreamDemand, allocate, selection_cores
from pinkmedia.media import VideoTrack
from pinkmedia.tiers import Tier
from transcode.cost import rung_cores, source_cores
from transcode.ladder import Rung

TICK_SECONDS = 1.0
"""Workers report as often."""
PRESSURE_LAG_SECONDS = 1.0
"""A worker this far behind its source is not only encoding a difficult picture: players hold about as much."""
PRESSURE_TICKS = 3
"""In a row: a moment's pause of the machine is no lack of processor."""
SHRINK_FACTOR = 0.75
"""Of what is used when workers fall behind: one cut should do."""
SETTLE_SECONDS = 6.0
"""After a stream has begun, which takes a while, and between two cuts: the first is seen in the reports only after the
next segments have begun, and lag is worked off."""
RESTORE_SECONDS = 30.0
"""Without pressure before the budget grows: players must not be sent to and fro."""
GROWTH_FACTOR = 1.25
"""Of the budget each time it grows."""
BUDGET_SLACK = 1.15
"""What is encoded may cost so much more than the budget: players must not be sent to and fro by a model's moods."""
LEAST_BUDGET_CORES = 0.05
"""From nothing a budget would not grow."""
BUSY_SHARE = 0.7
"""Of the cores: when less is used and only one stream is behind, that stream asks more than its threads can do."""
LEAST_MEASURED_CORES = 0.1
"""A model that says less than this cannot be compared with what was used."""
LEARNING_RATE = 0.1
"""Of the newest second in what is known of the model's error."""
LEAST_FACTOR, LARGEST_FACTOR = 0.25, 4.0
"""Machines are not more different than this; what is beyond is a disturbed measurement."""
ON_DEMAND_SECONDS = 30.0
"""How long an unwatched rung is still made when rungs are made on demand: players change to and fro."""

log = structlog.get_logger(__name__)


class Governed(Protocol):
    """A stream's encoders, as the governor sees them."""

    @property
    def stream_name(self) -> str: ...

    @property
    def tier(self) -> Tier: ...

    @property
    def source(self) -> VideoTrack | None:
        """None where only sound is encoded, which takes a fiftieth of a core."""

    @property
    def rungs(self) -> Sequence[Rung]: ...

    @property
    def essential(self) -> frozenset[str]:
        """Names of the rungs that it cannot do without."""

    @property
    def selected(self) -> frozenset[str]:
        """Names of the rungs that are encoded, or will be from the next segment on."""

    @property
    def cpu_seconds(self) -> float:
        """Used so far by all its workers, as they have reported."""

    @property
    def lag_seconds(self) -> float:
        """How far its worker is behind the source now."""

    def watched(self, seconds: float) -> frozenset[str]:
        """The rungs that a player has asked for within so many seconds."""

    def select(self, names: frozenset[str], *, dormant: frozenset[str]) -> None:
        """Only these rungs from the next segment on; ``dormant`` ones are still offered, and may be asked for."""


@dataclass(frozen=True, slots=True)
class GovernorSettings:
    """What the operator allows."""

    cores: float
    """For the encoders of all streams."""
    max_workers: int
    is_on_demand: bool = False
    """Rungs that nobody watches are not made."""


class Governor:
    """All streams' encoders of a node. Lives in its event loop."""

    def __init__(self, settings: GovernorSettings) -> None:
        self._settings = settings
        self.budget_cores = settings.cores
        """Of which the model may dispose now."""
        self.used_cores = 0.0
        """As the workers report."""
        self.model_factor = 1.0
        """What this machine needs of what the model says."""
        self._governed: list[Governed] = []
        self._added_at: dict[str, float] = {}
        """When each stream's encoders began."""
        self._asleep: dict[str, frozenset[str]] = {}
        """Each stream's dormant rungs when it was last decided; new streams are not here."""
        self._own_budgets: dict[str, float] = {}
        """Cores, of the streams that were behind alone."""
        self._pressure_ticks = 0
        self._changed_at = 0.0
        self._last_pressure_at = 0.0
        self._last_tick: tuple[float, float] | None = None
        """When it was, and the processor time used until then."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._last_pressure_at = time.monotonic()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def left_out_count(self) -> int:
        """Rungs that are not encoded now."""
        return sum(len(each.rungs) - len(each.selected) for each in self._governed)

    def has_room(self) -> bool:
        """Whether one more stream may have a worker."""
        return len(self._governed) < self._settings.max_workers

    def add(self, governed: Governed) -> None:
        """A stream's encoders begin; some of its rungs, or of others', may be taken out at once."""
        now = time.monotonic()
        self._governed.append(governed)
        self._added_at[governed.stream_name] = now
        self._allocate(now)

    def remove(self, governed: Governed) -> None:
        """Its share is given to others at the next tick."""
        if governed in self._governed:
            self._governed.remove(governed)
            self._own_budgets.pop(governed.stream_name, None)
            self._added_at.pop(governed.stream_name, None)
            self._asleep.pop(governed.stream_name, None)
            self._last_tick = None  # what it had used is not in the sum any more

    def reconsider(self) -> None:
        """A rung that is not made was asked for."""
        self._allocate(time.monotonic())

    def tick(self, now: float) -> None:
        """``now`` is monotonic seconds."""
        self._measure(now)
        self._adapt(now)
        self._allocate(now)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.tick(time.monotonic())
            except Exception:  # a stream that cannot be governed must not leave all others to themselves
                log.exception("governor_failed")

    # Measuring

    def _measure(self, now: float) -> None:
        used_seconds = sum(each.cpu_seconds for each in self._governed)
        before, self._last_tick = self._last_tick, (now, used_seconds)
        if before is None or now <= before[0]:
            return
        self.used_cores = max(0.0, (used_seconds - before[1]) / (now - before[0]))
        expected_cores = sum(_selected_cores(each) for each in self._governed)
        is_settled = now - self._changed_at >= SETTLE_SECONDS and not self._pressure_ticks
        # Workers that are behind got less than they need: that would look like a fast machine.
        if is_settled and expected_cores >= LEAST_MEASURED_CORES:
            factor = min(max(self.used_cores / expected_cores, LEAST_FACTOR), LARGEST_FACTOR)
            self.model_factor += LEARNING_RATE * (factor - self.model_factor)

    def _adapt(self, now: float) -> None:
        steady = [each for each in self._governed if now - self._added_at[each.stream_name] >= SETTLE_SECONDS]
        behind = [each for each in steady if each.lag_seconds > PRESSURE_LAG_SECONDS]
        self._pressure_ticks = self._pressure_ticks + 1 if behind else 0
        if behind:
            self._last_pressure_at = now
        if self._pressure_ticks >= PRESSURE_TICKS and now - self._changed_at >= SETTLE_SECONDS:
            self._shrink(now, behind)
        elif now - self._last_pressure_at >= RESTORE_SECONDS:
            self._last_pressure_at = now
            self._grow()

    def _shrink(self, now: float, behind: Sequence[Governed]) -> None:
        """From what is planned: an unused part of the budget is of no help."""
        self._changed_at = now
        is_alone = len(behind) == 1 and self.used_cores < BUSY_SHARE * self._settings.cores
        if is_alone:
            own_cores = _shrunk(self._planned_cores(behind))
            self._own_budgets[behind[0].stream_name] = own_cores
        else:
            self.budget_cores = min(self.budget_cores, _shrunk(self._planned_cores(self._governed)))
        log.warning(
            "encoders_behind",
            streams=[each.stream_name for each in behind],
            lag_seconds=round(max(each.lag_seconds for each in behind), 1),
            used_cores=round(self.used_cores, 2),
            budget_cores=round(own_cores if is_alone else self.budget_cores, 2),
            advice="fewer streams, a smaller ladder, faster presets, or more cores",
        )

    def _grow(self) -> None:
        self.budget_cores = min(self._settings.cores, self.budget_cores * GROWTH_FACTOR)
        grown = {name: cores * GROWTH_FACTOR for name, cores in self._own_budgets.items()}
        self._own_budgets = {name: cores for name, cores in grown.items() if cores < self._settings.cores}

    def _planned_cores(self, governed: Sequence[Governed]) -> float:
        return self.model_factor * sum(map(_selected_cores, governed))

    # Deciding

    def _allocate(self, now: float) -> None:
        """What is encoded stays as it is while it fits; what is left out comes back after a quiet time."""
        demands = [self._within_own_budget(self._demand(each)) for each in self._governed]
        demanded = {demand.stream_name: frozenset(rung.name for rung in demand.rungs) for demand in demands}
        wanted = allocate(demands, self.budget_cores)
        kept = {each.stream_name: each.selected & demanded[each.stream_name] for each in self._governed}
        if selection_cores(demands, kept) > BUDGET_SLACK * self.budget_cores:
            kept = {name: names & wanted[name] for name, names in kept.items()}
        elif now - self._changed_at >= RESTORE_SECONDS:
            grown = {name: names | wanted[name] for name, names in kept.items()}
            kept = grown if selection_cores(demands, grown) <= self.budget_cores else kept
        for each in self._governed:
            name, dormant = each.stream_name, self._dormant(each)
            asleep = self._asleep.get(name)
            names = wanted[name] if asleep is None else kept[name] | ((asleep - dormant) & wanted[name])
            if names != each.selected:
                self._changed_at = now
            self._asleep[name] = dormant
            each.select(names, dormant=dormant)

    def _demand(self, governed: Governed) -> StreamDemand:
        if governed.source is None:
            return StreamDemand(governed.stream_name, governed.tier, 0.0, ())
        watched = governed.watched(ON_DEMAND_SECONDS)
        costs = rung_cores(governed.source, governed.rungs)
        rungs = [
            RungDemand(rung.name, self.model_factor * cores, rung.name in watched, rung.name in governed.essential)
            for rung, cores in zip(governed.rungs, costs, strict=True)
        ]
        dormant = self._dormant(governed)
        rungs = [rung for rung in rungs if rung.name not in dormant]
        return StreamDemand(
            governed.stream_name, governed.tier, self.model_factor * source_cores(governed.source), tuple(rungs)
        )

    def _dormant(self, governed: Governed) -> frozenset[str]:
        """The rungs that nobody watches, where these are not made."""
        if not self._settings.is_on_demand:
            return frozenset()
        names = frozenset(rung.name for rung in governed.rungs)
        return names - governed.watched(ON_DEMAND_SECONDS) - governed.essential

    def _within_own_budget(self, demand: StreamDemand) -> StreamDemand:
        own_cores = self._own_budgets.get(demand.stream_name)
        if own_cores is None:
            return demand
        names = allocate([demand], own_cores)[demand.stream_name]
        return replace(demand, rungs=tuple(rung for rung in demand.rungs if rung.name in names))


def _shrunk(cores: float) -> float:
    return max(LEAST_BUDGET_CORES, SHRINK_FACTOR * cores)


def _selected_cores(governed: Governed) -> float:
    """What the model says of the rungs that are encoded."""
    if not governed.selected or governed.source is None:
        return 0.0
    chosen = [rung for rung in governed.rungs if rung.name in governed.selected]
    return source_cores(governed.source) + sum(rung_cores(governed.source, chosen))
