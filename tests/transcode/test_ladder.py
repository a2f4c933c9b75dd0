"""The ladder as a table: source in, rungs out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from pinkmedia.media import Codec, VideoTrack
from transcode.ladder import Ladder, Rung, RungTemplate, plan_ladder, source_name

PARTNER = Ladder()
STANDARD = Ladder(max_height=720, max_fps=30)


def source(
    width: int, height: int, frame_rate: Fraction | int = 30, sample_aspect_ratio: int | Fraction = 1
) -> VideoTrack:
    track = VideoTrack(1, Codec.H264, b"", width, height, "avc1.640028", Fraction(frame_rate))
    return replace(track, sample_aspect_ratio=Fraction(sample_aspect_ratio))


def sizes(rungs: tuple[Rung, ...]) -> list[str]:
    return [f"{rung.name} {rung.width}x{rung.height}" for rung in rungs]


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((3840, 2160), ["1080p 1920x1080", "720p 1280x720", "480p 854x480", "360p 640x360"]),
        ((1920, 1088), ["720p 1270x720", "480p 848x480", "360p 636x360"]),
        ((1920, 1080), ["720p 1280x720", "480p 854x480", "360p 640x360"]),
        ((1280, 720), ["480p 854x480", "360p 640x360"]),
        ((1080, 1920), ["720p 720x1280", "480p 480x854", "360p 360x640"]),
        ((2560, 1080), ["720p 1706x720", "480p 1138x480", "360p 854x360"]),
        ((854, 480), ["360p 640x360"]),
        ((640, 360), []),
        ((320, 240), []),
    ],
)
def test_with_passthrough_only_smaller_rungs_are_encoded(size: tuple[int, int], rungs: list[str]) -> None:
    assert sizes(plan_ladder(source(*size), PARTNER, passthrough=True)) == rungs


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((3840, 2160), ["1080p 5000000", "720p 2500000", "480p 1200000", "360p 700000"]),
        ((1920, 1080), ["1080p 5000000", "720p 2500000", "480p 1200000", "360p 700000"]),
        ((1600, 900), ["900p 3472222", "720p 2500000", "480p 1200000", "360p 700000"]),
        ((1920, 1088), ["1080p 5000000", "720p 2500000", "480p 1200000", "360p 700000"]),
        ((720, 1280), ["720p 2500000", "480p 1200000", "360p 700000"]),
        ((700, 500), ["500p 1205632", "360p 700000"]),
        ((640, 360), ["360p 700000"]),
        ((641, 241), ["241p 313709"]),
    ],
)
def test_without_passthrough_the_top_rung_is_encoded_too(size: tuple[int, int], rungs: list[str]) -> None:
    ladder = plan_ladder(source(*size), PARTNER, passthrough=False)
    assert [f"{rung.name} {rung.bit_rate_bps}" for rung in ladder] == rungs


@pytest.mark.parametrize(
    ("frame_rate", "ladder", "rungs"),
    [
        (Fraction(25), PARTNER, ["720p 25", "480p 25", "360p 25"]),
        (Fraction(30000, 1001), PARTNER, ["720p 30000/1001", "480p 30000/1001", "360p 30000/1001"]),
        (
            Fraction(3_000_001, 100_000),
            PARTNER,
            ["720p 3000001/100000"] * 1 + ["480p 3000001/100000"] + ["360p 3000001/100000"],
        ),
        (Fraction(48), PARTNER, ["720p60 48", "480p 24", "360p 24"]),
        (Fraction(50), PARTNER, ["720p60 50", "480p 25", "360p 25"]),
        (Fraction(60000, 1001), PARTNER, ["720p60 60000/1001", "480p 30000/1001", "360p 30000/1001"]),
        (Fraction(144), PARTNER, ["720p60 48", "480p 144/5", "360p 144/5"]),
        (Fraction(60), Ladder(max_fps=30), ["720p 30", "480p 30", "360p 30"]),
        (Fraction(60), Ladder(max_fps=20), ["720p 20", "480p 20", "360p 20"]),
    ],
)
def test_frame_rates_are_whole_fractions_of_the_sources(frame_rate: Fraction, ladder: Ladder, rungs: list[str]) -> None:
    planned = plan_ladder(source(1920, 1080, frame_rate), ladder, passthrough=True)
    assert [f"{rung.name} {rung.frame_rate}" for rung in planned] == rungs


def test_a_tier_limits_what_is_served() -> None:
    assert STANDARD.fits(source(1280, 720, Fraction(30_001, 1000)))
    assert STANDARD.fits(source(720, 1280))
    assert not STANDARD.fits(source(1280, 720, 60))
    assert not STANDARD.fits(source(1920, 1080))
    rungs = plan_ladder(source(1920, 1080, 60), STANDARD, passthrough=False)
    assert sizes(rungs) == ["720p 1280x720", "480p 854x480", "360p 640x360"]
    assert {rung.frame_rate for rung in rungs} == {30}


def test_a_limit_below_all_rungs_leaves_the_smallest() -> None:
    rungs = plan_ladder(source(1920, 1080), Ladder(max_height=144), passthrough=False)
    assert sizes(rungs) == ["360p 640x360"]


def test_pixels_become_square() -> None:
    anamorphic = source(1440, 1080, 25, Fraction(4, 3))
    assert sizes(plan_ladder(anamorphic, PARTNER, passthrough=True))[0] == "720p 1280x720"
    narrow = source(720, 576, 25, Fraction(1, 2))
    assert source_name(narrow) == "360p"
    assert sizes(plan_ladder(narrow, PARTNER, passthrough=False)) == ["360p 360x576"]


def test_a_codec_that_needs_fewer_bits_is_made_of_the_sources_size_too() -> None:
    hevc = RungTemplate("1080p-hevc", 1080, 60, 3_000_000, codec=Codec.HEVC)
    ladder = Ladder((hevc, *PARTNER.templates))
    rungs = plan_ladder(source(1920, 1080), ladder, passthrough=True)
    assert [(rung.name, rung.codec) for rung in rungs][:2] == [("1080p-hevc", Codec.HEVC), ("720p", Codec.H264)]


def test_a_rung_has_what_its_template_says() -> None:
    template = RungTemplate("one", 720, 30, 2_000_000, 4_000_000, 2.0, "fast")
    (rung,) = plan_ladder(source(1920, 1080), Ladder((template,)), passthrough=True)
    assert rung == Rung("one", 1280, 720, Fraction(30), 2_000_000, 4_000_000, 2.0, "fast")


def test_a_source_is_named_by_its_short_side_and_a_high_frame_rate() -> None:
    assert source_name(source(1920, 1080)) == "1080p"
    assert source_name(source(1080, 1920)) == "1080p"
    assert source_name(source(1920, 1080, Fraction(60000, 1001))) == "1080p60"
