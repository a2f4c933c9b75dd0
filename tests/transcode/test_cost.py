"""The cost model: in the right order, and of the right size."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from pinkmedia.media import Codec, VideoTrack
from transcode.cost import PRESET_FACTORS, rung_cores, source_cores
from transcode.ladder import Ladder, Rung, plan_ladder

SOURCE = VideoTrack(1, Codec.H264, b"", 1920, 1080, "avc1.640028", Fraction(30))
RUNG = Rung("720p", 1280, 720, Fraction(30), 2_500_000)


def test_a_ladder_from_1080p30_takes_about_half_a_core() -> None:
    rungs = plan_ladder(SOURCE, Ladder(), passthrough=True)
    costs = rung_cores(SOURCE, rungs)
    assert list(costs) == sorted(costs, reverse=True)
    assert 0.3 < source_cores(SOURCE) + sum(costs) < 1.0


def test_twice_the_frames_cost_twice_as_much() -> None:
    (slow,) = rung_cores(SOURCE, [RUNG])
    fast_source = replace(SOURCE, frame_rate=Fraction(60))
    (fast,) = rung_cores(fast_source, [replace(RUNG, frame_rate=Fraction(60))])
    assert fast == pytest.approx(2 * slow)
    assert source_cores(fast_source) == pytest.approx(2 * source_cores(SOURCE))


def test_slower_presets_cost_more() -> None:
    costs = [rung_cores(SOURCE, [replace(RUNG, preset=preset)])[0] for preset in PRESET_FACTORS]
    assert costs == sorted(costs)
