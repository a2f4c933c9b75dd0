"""The test source: a clock for people, a clock for machines, and a beep."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE
from tests.transcode.sources import luma_plane
from transcode.machine_clock import paint_clock, read_clock
from transcode.test_source import SAMPLE_RATE, SAMPLES_PER_FRAME, Beep, MovingPicture, PictureSettings, clock_text

EPOCH_MS = 1_790_000_000_123


@pytest.mark.parametrize("epoch_ms", [0, 1, EPOCH_MS, 2**42 - 1])
@pytest.mark.parametrize("size", [(1080, 1920), (480, 854), (240, 426), (1280, 720)])
def test_the_machine_clock_reads_what_was_painted(epoch_ms: int, size: tuple[int, int]) -> None:
    picture = np.full(size, 100, dtype=np.uint8)
    paint_clock(picture, epoch_ms)
    assert read_clock(picture) == epoch_ms


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("size", [(480, 854), (8, 8), (1, 1000)])
def test_a_picture_without_clock_has_none(level: int, size: tuple[int, int]) -> None:
    assert read_clock(np.full(size, level, dtype=np.uint8)) is None


def test_a_damaged_clock_is_not_read() -> None:
    picture = np.full((480, 854), 100, dtype=np.uint8)
    paint_clock(picture, EPOCH_MS)
    picture[:, 400:430] = 255 - picture[:, 400:430]
    assert read_clock(picture) is None


@pytest.mark.parametrize(("width", "height", "bit_rate_bps"), [(854, 480, 1_200_000), (426, 240, 400_000)])
def test_the_machine_clock_survives_a_small_rung(width: int, height: int, bit_rate_bps: int) -> None:
    picture = MovingPicture(PictureSettings(has_machine_clock=True))
    painted = [EPOCH_MS + index * 33 for index in range(20)]
    frames = [picture.paint(index, epoch_ms).reformat(width, height) for index, epoch_ms in enumerate(painted)]
    assert [read_clock(luma_plane(frame)) for frame in transcoded(frames, bit_rate_bps)] == painted


def transcoded(frames: list[VideoFrame], bit_rate_bps: int) -> list[VideoFrame]:
    encoder, decoder = CodecContext.create("libx264", "w"), CodecContext.create("h264", "r")
    encoder.width, encoder.height, encoder.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, VIDEO_TIMESCALE), Fraction(30)
    encoder.bit_rate = bit_rate_bps
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "maxrate": str(bit_rate_bps)}
    encoder.options |= {"bufsize": str(bit_rate_bps)}
    out: list[VideoFrame] = []
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index * 3000, encoder.time_base
        for unit in encoder.encode(frame):
            out += decoder.decode(unit)
    return out + decoder.decode(None)


def test_the_picture_moves_and_shows_the_time() -> None:
    picture = MovingPicture(PictureSettings(640, 360))
    first = luma_plane(picture.paint(0, EPOCH_MS)).copy()
    moved = luma_plane(picture.paint(1, EPOCH_MS)).copy()
    later = luma_plane(picture.paint(1, EPOCH_MS + 1)).copy()
    assert (first != moved).mean() > 0.1
    assert 0 < (moved != later).mean() < 0.02
    assert (moved != later).any(axis=1).nonzero()[0].min() > 180  # the digits are in the lower half


@pytest.mark.parametrize("size", [(1920, 1080), (854, 480), (720, 1280), (640, 360)])
def test_the_clock_fits_every_picture(size: tuple[int, int]) -> None:
    frame = MovingPicture(PictureSettings(*size)).paint(10_000, EPOCH_MS)
    assert (frame.width, frame.height) == size


def test_the_clock_is_utc_with_milliseconds() -> None:
    assert clock_text(0) == "00:00:00.000"
    assert clock_text(86_399_007) == "23:59:59.007"


def test_it_beeps_at_the_start_of_each_second_of_the_wall_clock() -> None:
    beep = Beep(epoch_ms=1_000_000_000_250)
    frames = [beep.frame(first) for first in range(0, 3 * SAMPLE_RATE, SAMPLES_PER_FRAME)]
    sound = np.abs(np.hstack([frame.to_ndarray() for frame in frames])[0])
    quiet, loud = sound[: SAMPLE_RATE * 3 // 4], sound[SAMPLE_RATE * 3 // 4 : SAMPLE_RATE * 3 // 4 + SAMPLE_RATE // 20]
    assert quiet.max() == 0
    assert loud.max() == pytest.approx(0.2, abs=0.01)
    assert [frame.pts for frame in frames[:3]] == [0, 1024, 2048]
