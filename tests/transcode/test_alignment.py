"""Every rung shows the source's picture at the source's time: a shift by one frame would be found.

Compared by structural similarity (Wang et al., "Image Quality Assessment", 2004) on blocks of 8 by 8 pixels.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from pinkmedia.media import Packet
from tests.transcode.sources import FRAME_TICKS, decoded, encoded_source
from tests.transcode.test_engine import Harness
from transcode.ladder import Rung

Luma = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 360
BLOCK = 8
LEAST_SIMILARITY = 0.93
"""Of a rung at these bit rates to its source; to the frame before or after it is lower by 0.04 and more."""
RUNGS = (
    Rung("360p", WIDTH, HEIGHT, Fraction(30), 1_500_000),
    Rung("240p", 426, 240, Fraction(30), 800_000),
)
IDR_EVERY = 15


def luma(frame: VideoFrame) -> Luma:
    """At the source's size."""
    return frame.reformat(width=WIDTH, height=HEIGHT, format="gray").to_ndarray().astype(np.float64)


def blocks(plane: Luma) -> Luma:
    """One row of pixels for each block."""
    rows, columns = HEIGHT // BLOCK, WIDTH // BLOCK
    return plane.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)


def similarity(one: Luma, other: Luma) -> float:
    """1 for equal pictures."""
    first, second = blocks(one), blocks(other)
    mean_1, mean_2 = first.mean(axis=1), second.mean(axis=1)
    covariance = (first * second).mean(axis=1) - mean_1 * mean_2
    stabiliser_1, stabiliser_2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    contrast = (2 * covariance + stabiliser_2) / (first.var(axis=1) + second.var(axis=1) + stabiliser_2)
    luminance = (2 * mean_1 * mean_2 + stabiliser_1) / (mean_1**2 + mean_2**2 + stabiliser_1)
    return float((luminance * contrast).mean())


def pictures(frames: list[VideoFrame]) -> dict[int, Luma]:
    return {frame.pts: luma(frame) for frame in frames if frame.pts is not None}


@pytest.fixture(scope="module", params=[0, 3], ids=["in order", "B-frames"])
def ladder(request: pytest.FixtureRequest) -> tuple[dict[int, Luma], Harness]:
    """The source's pictures by time, and what was made of them."""
    source, packets = encoded_source(45, b_frames=request.param, gop_frames=IDR_EVERY)
    harness = Harness(source, RUNGS)
    for key_frame in (packet for packet in packets if packet.is_sync):
        harness.engine.force_idr_at(key_frame.pts_ticks)
    harness.run([copy_of(packet) for packet in packets])
    return pictures(decoded(source, packets)), harness


def copy_of(packet: Packet) -> Packet:
    """The engine may change its own."""
    fields = (getattr(packet, name) for name in packet.__slots__)
    return Packet(*fields)


@pytest.mark.parametrize("name", [rung.name for rung in RUNGS])
def test_each_picture_is_the_sources_at_its_time(ladder: tuple[dict[int, Luma], Harness], name: str) -> None:
    source, harness = ladder
    made = pictures(decoded(harness.track(name), harness.packets[name]))
    assert made.keys() == source.keys()
    for pts_ticks, picture in made.items():
        here = similarity(picture, source[pts_ticks])
        assert here > LEAST_SIMILARITY
        for shifted_ticks in (pts_ticks - FRAME_TICKS, pts_ticks + FRAME_TICKS):
            assert shifted_ticks not in source or similarity(picture, source[shifted_ticks]) < here


@pytest.mark.parametrize("name", [rung.name for rung in RUNGS])
def test_idr_pictures_have_the_sources_times(ladder: tuple[dict[int, Luma], Harness], name: str) -> None:
    source, harness = ladder
    expected = sorted(source)[::IDR_EVERY]
    assert [packet.pts_ticks for packet in harness.packets[name] if packet.is_sync] == expected
