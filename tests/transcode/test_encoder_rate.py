"""The bit rate is held within the buffer: what is sent at the maximum rate never waits longer than the buffer lasts.

So a window of time holds at most what the maximum allows for it, and one buffer more: that comes after a passage
which needed less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE
from tests.support import real_footage
from transcode.encoder_context import open_encoder
from transcode.encoder_kinds import EncoderKind
from transcode.ladder import Rung
from transcode.software_encoders import SVT_AV1, X264, X265

FRAME_RATE = 30
KEY_EVERY = 60
PICTURES = 180
SCENE_PICTURES = 45
WIDTH, HEIGHT = 320, 180
RATE_BPS = 400_000
TOLERANCE = 1.05
"""Rate control ends a picture a little late."""


def noise_after_stillness() -> Iterator[VideoFrame]:
    """Each other key frame begins pictures that nothing predicts: the worst that there is."""
    random = np.random.default_rng(1)
    for number in range(PICTURES):
        planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        if number // KEY_EVERY % 2:
            planes[:HEIGHT] = random.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
        yield VideoFrame.from_ndarray(planes, format="yuv420p")


def film_after_titles() -> Iterator[VideoFrame]:
    """Stillness and film take turns, and not at key frames."""
    with av.open(str(real_footage())) as container:
        film = container.decode(video=0)
        for number in range(PICTURES):
            if number // SCENE_PICTURES % 2:
                yield next(film).reformat(WIDTH, HEIGHT, "yuv420p")
            else:
                yield VideoFrame.from_ndarray(np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8), format="yuv420p")


def sizes_in_bits(kind: EncoderKind, rung: Rung, pictures: Iterator[VideoFrame]) -> list[int]:
    first = next(pictures)
    encoder = open_encoder(kind, rung, first, None)
    sizes = []
    for number, picture in enumerate((first, *pictures)):
        picture.pts, picture.time_base = number * VIDEO_TIMESCALE // FRAME_RATE, Fraction(1, VIDEO_TIMESCALE)
        picture.pict_type = PictureType.NONE if number % KEY_EVERY else PictureType.I
        sizes += [unit.size * 8 for unit in encoder.context.encode(picture)]
    encoder.context.encode(None)
    return sizes


def most_waiting_bits(sizes: list[int], rate_bps: int) -> float:
    """What waits at most when it is sent on at that rate."""
    waiting, most = 0.0, 0.0
    for size in sizes:
        waiting = max(0.0, waiting + size - rate_bps / FRAME_RATE)
        most = max(most, waiting)
    return most


def assert_within_buffer(kind: EncoderKind, rung: Rung, pictures: Iterator[VideoFrame]) -> None:
    sizes = sizes_in_bits(kind, rung, pictures)
    assert len(sizes) == PICTURES
    max_bps = rung.max_bit_rate_bps or rung.bit_rate_bps
    assert most_waiting_bits(sizes, max_bps) <= max_bps * rung.buffer_seconds * TOLERANCE
    seconds = [sum(sizes[start : start + FRAME_RATE]) for start in range(len(sizes) - FRAME_RATE)]
    assert max(seconds) > rung.bit_rate_bps, "too little to say anything"


@pytest.mark.parametrize("kind", [X264, X265], ids=lambda kind: kind.name)
@pytest.mark.parametrize(("max_bps", "buffer_seconds"), [(None, 1.0), (500_000, 0.5), (600_000, 2.0)])
def test_noise_stays_within_the_buffer(kind: EncoderKind, max_bps: int | None, buffer_seconds: float) -> None:
    rung = Rung("180p", WIDTH, HEIGHT, Fraction(FRAME_RATE), RATE_BPS, max_bps, buffer_seconds, codec=kind.codec)
    assert_within_buffer(kind, rung, noise_after_stillness())


@pytest.mark.parametrize("kind", [X264, X265, SVT_AV1], ids=lambda kind: kind.name)
def test_film_stays_within_the_buffer(kind: EncoderKind) -> None:
    rung = Rung("180p", WIDTH, HEIGHT, Fraction(FRAME_RATE), RATE_BPS, codec=kind.codec)
    assert_within_buffer(kind, rung, film_after_titles())


@pytest.mark.parametrize("pictures", [noise_after_stillness, film_after_titles])
def test_without_its_buffer_x264_would_not_stay_there(pictures: Callable[[], Iterator[VideoFrame]]) -> None:
    rung = Rung("180p", WIDTH, HEIGHT, Fraction(FRAME_RATE), RATE_BPS, buffer_seconds=60)
    assert most_waiting_bits(sizes_in_bits(X264, rung, pictures()), RATE_BPS) > RATE_BPS * TOLERANCE
