"""When silence is laid, and where."""

from __future__ import annotations

import pytest

from pinkmedia.live.silence import MOST_PATIENCE_SECONDS, PATIENCE_SECONDS, Silence

RATE = 48_000
FRAME = 960
"""50 frames per second, so that times can be written down."""
BEGIN = 10 * RATE


class Track:
    """A track beside a leader with 50 pictures per second; everything it laid."""

    def __init__(self, *, may_overlap: bool = False) -> None:
        self.silence = Silence(RATE, FRAME, may_overlap=may_overlap)
        self.silence.begin(BEGIN)
        self.silent: list[float] = []
        self.heard: list[float] = []

    def lead(self, begin_seconds: float, end_seconds: float, *, lag_seconds: float | None = 0.0) -> None:
        """The leader goes on; sound comes so much behind it, or (None) not at all."""
        for index in range(round(begin_seconds * 50), round(end_seconds * 50)):
            self.lay(list(self.silence.advance(BEGIN + index * FRAME)))
            if lag_seconds is not None:
                self.hear(index / 50 - lag_seconds)

    def hear(self, seconds: float, *, duration_ticks: int = FRAME) -> None:
        if seconds < 0:
            return
        silent = self.silence.hear(BEGIN + round(seconds * RATE), duration_ticks)
        if silent is not None:
            self.lay(list(silent))
            self.heard.append(seconds)

    def lay(self, ticks: list[int]) -> None:
        self.silent += [(each - BEGIN) / RATE for each in ticks]


def frames(begin_seconds: float, end_seconds: float) -> list[float]:
    return [index / 50 for index in range(round(begin_seconds * 50), round(end_seconds * 50))]


def test_sound_that_is_there_stays_alone() -> None:
    track = Track()
    track.lead(0, 10)
    assert track.silent == []
    assert track.heard == frames(0, 10)


@pytest.mark.parametrize("lag_seconds", [0.5, -1.0])
def test_sound_that_is_always_apart_stays_alone(lag_seconds: float) -> None:
    track = Track()
    track.lead(0, 10, lag_seconds=lag_seconds)
    assert len(track.silent) == (50 if lag_seconds < 0 else 0)  # what nobody sent
    assert len(track.heard) == pytest.approx(500 - max(0, lag_seconds) * 50)


def test_silence_from_the_beginning() -> None:
    track = Track()
    track.lead(0, 10, lag_seconds=None)
    assert track.silent == pytest.approx(frames(0, track.silent[-1] + 0.02))
    assert track.silent[-1] == pytest.approx(9.98 - PATIENCE_SECONDS, abs=0.04)


def test_silence_in_the_middle_ends_where_the_sound_is_back() -> None:
    track = Track()
    track.lead(0, 4)
    track.lead(4, 8, lag_seconds=None)
    track.lead(8, 10)
    assert track.silent == pytest.approx(frames(4, 8))
    assert track.heard == pytest.approx(frames(0, 4) + frames(8, 10))


def test_silence_follows_sound_as_far_behind_as_it_was() -> None:
    track = Track()
    track.lead(0, 4, lag_seconds=0.5)
    track.lead(4, 8, lag_seconds=None)
    assert track.silent == pytest.approx(frames(3.5, track.silent[-1] + 0.02))
    assert track.silent[-1] == pytest.approx(7.48 - PATIENCE_SECONDS, abs=0.04)


def test_what_is_filled_already_is_dropped() -> None:
    track = Track()
    track.lead(0, 4)
    track.lead(4, 6, lag_seconds=None)
    filled_to_seconds = track.silent[-1] + 0.02
    for seconds in frames(4, 6):
        track.hear(seconds)
    assert track.heard == pytest.approx(frames(0, 4) + frames(filled_to_seconds, 6))


def test_a_frame_that_is_filled_in_part() -> None:
    for may_overlap in (False, True):
        track = Track(may_overlap=may_overlap)
        track.lead(0, 2, lag_seconds=None)
        track.hear(track.silent[-1] + 0.01)
        assert bool(track.heard) is may_overlap


def test_deep_interleaving_is_learnt() -> None:
    """A second of pictures, then a second of sound: filled at first, left alone then."""
    track = Track()
    silent_counts = []
    for second in range(6):
        track.lead(second, second + 1, lag_seconds=None)
        for seconds in frames(second, second + 1):
            track.hear(seconds)
        silent_counts.append(len(track.silent))
    assert 0 < silent_counts[0] <= 50 * (1 - PATIENCE_SECONDS)
    assert silent_counts[-1] == silent_counts[1] < 50


def test_patience_has_an_end() -> None:
    track = Track()
    for second in range(0, 40, 4):
        track.lead(second, second + 4, lag_seconds=None)
        for seconds in frames(second, second + 4):
            track.hear(seconds)
    laid = len(track.silent)
    track.lead(40, 44, lag_seconds=None)
    assert len(track.silent) - laid == pytest.approx(50 * (4 - MOST_PATIENCE_SECONDS), abs=2)
