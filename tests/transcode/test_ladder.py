"""The ladder as a table: source in, rungs out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pinkmedia.media import Codec, VideoTrack
from transcode.ladder import plan_ladder, source_name


def source(width: int, height: int, frame_rate: Fraction | int = 30) -> VideoTrack:
    return VideoTrack(1, Codec.H264, b"", width, height, "avc1.640028", Fraction(frame_rate))


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((3840, 2160), ["1080p 1920x1080", "720p 1280x720", "480p 854x480"]),
        ((1920, 1080), ["720p 1280x720", "480p 854x480"]),
        ((1280, 720), ["480p 854x480"]),
        ((1080, 1920), ["720p 720x1280", "480p 480x854"]),
        ((2560, 1080), ["720p 1706x720", "480p 1138x480"]),
        ((854, 480), []),
        ((320, 240), []),
    ],
)
def test_with_passthrough_only_smaller_rungs_are_encoded(size: tuple[int, int], rungs: list[str]) -> None:
    ladder = plan_ladder(source(*size), passthrough=True)
    assert [f"{rung.name} {rung.width}x{rung.height}" for rung in ladder] == rungs


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((3840, 2160), ["1080p 1920x1080 5000000", "720p 1280x720 2500000", "480p 854x480 1200000"]),
        ((1920, 1080), ["1080p 1920x1080 5000000", "720p 1280x720 2500000", "480p 854x480 1200000"]),
        ((1600, 900), ["900p 1600x900 3472222", "720p 1280x720 2500000", "480p 854x480 1200000"]),
        ((720, 1280), ["720p 720x1280 2500000", "480p 480x854 1200000"]),
        ((640, 360), ["360p 640x360 675000"]),
        ((641, 361), ["361p 640x360 678755"]),
    ],
)
def test_without_passthrough_the_top_rung_is_encoded_too(size: tuple[int, int], rungs: list[str]) -> None:
    ladder = plan_ladder(source(*size), passthrough=False)
    assert [f"{rung.name} {rung.width}x{rung.height} {rung.bit_rate_bps}" for rung in ladder] == rungs


@pytest.mark.parametrize(
    ("frame_rate", "bit_rate_bps"),
    [
        (Fraction(25), 2_500_000),
        (Fraction(30000, 1001), 2_500_000),
        (Fraction(3_000_001, 100_000), 2_500_000),
        (Fraction(48), 3_750_000),
        (Fraction(60), 3_750_000),
    ],
)
def test_more_than_30_frames_per_second_get_half_as_many_bits_again(frame_rate: Fraction, bit_rate_bps: int) -> None:
    rung = plan_ladder(source(1920, 1080, frame_rate), passthrough=True)[0]
    assert (rung.bit_rate_bps, rung.frame_rate) == (bit_rate_bps, frame_rate)


def test_a_source_is_named_by_its_short_side() -> None:
    assert source_name(source(1920, 1080)) == "1080p"
    assert source_name(source(1080, 1920)) == "1080p"
