"""The right picture in every rung, whatever the source is: its colours, its light, its shape and its times."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pinkmedia.media import Packet
from tests.transcode.patches import Tags, Transcoded, encoded, flat, middle, rung, with_luma
from tests.transcode.sources import FRAME_TICKS, luma_plane, moving_pictures, with_parameter_sets
from transcode.colour import HLG, PQ
from transcode.faults import TranscodeFault
from transcode.geometry import Shape, Turn, fitted, pixel_aspect, remaining_pixel_aspect, turn_by
from transcode.picture_kind import PictureKinds
from transcode.scaler import Scaler
from transcode.tone_mapping import pq_codes

ORANGE = (130, 80, 180)
"""Luma and chroma of a colour that no mix-up leaves as it is."""
CLOSE = 3
"""Of 255: rounding, and encoding it twice."""


def near(frame: object, expected: tuple[int, ...], tolerance: int = CLOSE) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(middle(frame), expected, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pixel_format", "codes", "expected"),
    [
        ("yuv420p", ORANGE, ORANGE),
        ("yuv422p", ORANGE, ORANGE),
        ("yuv444p", ORANGE, ORANGE),
        ("yuv420p10le", tuple(4 * code for code in ORANGE), ORANGE),
        ("yuv422p10le", tuple(4 * code for code in ORANGE), ORANGE),
        ("yuvj420p", ORANGE, ORANGE),
        ("gray", (130,), (130, 128, 128)),
        ("gray10le", (520,), (130, 128, 128)),
    ],
)
def test_colours_of_other_pixel_formats(pixel_format: str, codes: tuple[int, ...], expected: tuple[int, ...]) -> None:
    tags = Tags(1, 1, 1, 2 if pixel_format == "yuvj420p" else 1)
    source, packets = encoded([flat(codes, 320, 180, pixel_format) for _ in range(2)], tags=tags)
    made = Transcoded(source, packets, (rung(320, 180), rung(160, 90)))
    for index in range(2):
        frame = made.frames(index)[-1]
        assert near(frame, expected), middle(frame)
        assert frame.color_range == tags.range


@pytest.mark.parametrize(("pixel_format", "code"), [("gray", 30), ("gray10le", 120)])
@pytest.mark.parametrize("color_range", [1, 2])
def test_pictures_that_a_decoder_gives_without_chroma(pixel_format: str, code: int, color_range: int) -> None:
    frame = flat((code,), 320, 180, pixel_format)
    frame.color_range, frame.pts = color_range, 0
    kind = PictureKinds().kind_of(frame, None)
    (made,) = Scaler([Shape(160, 90)], kind.tags).scale(frame, kind, (0,))
    assert near(made, (30, 128, 128))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720), (1, 1, 1)),
        ((720, 1280), (1, 1, 1)),
        ((720, 576), (5, 5, 6)),
        ((640, 480), (6, 6, 6)),
    ],
)
def test_unspecified_colours_are_told_by_the_sources_size(
    size: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    source, packets = encoded([flat(ORANGE, *size)])
    made = Transcoded(source, packets, (rung(*size), rung(size[0] // 4, size[1] // 4)))
    for index in range(2):
        (frame,) = made.frames(index)
        assert (frame.colorspace, frame.color_primaries, frame.color_trc) == expected
        assert near(frame, ORANGE)


def test_what_the_source_says_of_its_colours_is_kept() -> None:
    source, packets = encoded([flat(ORANGE, 320, 180)], tags=Tags(matrix=1))
    (frame,) = Transcoded(source, packets, (rung(320, 180),)).frames(0)
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 6, 6)


def hdr_codes(nits: tuple[float, float, float]) -> tuple[int, int, int]:
    """Luma and chroma of BT.2020 light in PQ, 10 bits, limited range."""
    red, green, blue = pq_codes(np.array(nits))
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    chroma = (blue - luma) / 1.8814, (red - luma) / 1.4746
    return round(64 + 876 * luma), round(512 + 896 * chroma[0]), round(512 + 896 * chroma[1])


def hdr_made(codes: tuple[int, int, int], transfer: int) -> Transcoded:
    source, packets = encoded([flat(codes, 320, 180, "yuv420p10le")], tags=Tags(9, 9, transfer, 1))
    return Transcoded(source, packets, (rung(320, 180), rung(160, 90)))


@pytest.mark.parametrize(
    ("nits", "expected"),
    [
        (0, 16),
        (10, 16 + 219 * (10 / 203) ** (1 / 2.4)),
        (26, 16 + 219 * (26 / 203) ** (1 / 2.4)),
        (80, 16 + 219 * (80 / 203) ** (1 / 2.4)),
        (203, 214),
        (1000, 235),
        (4000, 235),
    ],
)
def test_hdr_greys_become_those_of_an_sdr_display(nits: float, expected: float) -> None:
    made = hdr_made(hdr_codes((nits, nits, nits)), PQ)
    for index in range(2):
        (frame,) = made.frames(index)
        assert near(frame, (round(expected), 128, 128)), middle(frame)
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)


def test_hlg_white_becomes_white() -> None:
    reference_white = round(64 + 876 * 0.75)
    (frame,) = hdr_made((reference_white, 512, 512), HLG).frames(0)
    assert near(frame, (214, 128, 128)), middle(frame)


@pytest.mark.parametrize("nits", [30.0, 150.0, 600.0])
@pytest.mark.parametrize(("bt709", "hue"), [((1.0, 0.1, 0.1), 0), ((0.1, 1.0, 0.1), 120), ((1.0, 1.0, 0.1), 60)])
def test_hdr_colours_keep_their_hue(nits: float, bt709: tuple[float, ...], hue: int) -> None:
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    red, green, blue = to_bt2020 @ np.array(bt709) * nits
    (frame,) = hdr_made(hdr_codes((red, green, blue)), PQ).frames(0)
    luma, blueness, redness = middle(frame)
    light = [
        luma - 16 + 1.793 * (redness - 128),
        luma - 16 - 0.213 * (blueness - 128) - 0.533 * (redness - 128),
        luma - 16 + 2.112 * (blueness - 128),
    ]
    low, high = min(light), max(light)
    assert high - low > 50
    of_hue = {0: (1, 0, 0), 120: (0, 1, 0), 60: (1, 1, 0)}[hue]
    for value, is_lit in zip(light, of_hue, strict=True):
        assert abs(value - (high if is_lit else low)) < 0.1 * (high - low), light


def test_hdr_can_be_refused() -> None:
    source, packets = encoded([flat((500, 512, 512), 320, 180, "yuv420p10le")], tags=Tags(9, 9, PQ, 1))
    with pytest.raises(TranscodeFault, match="SDR"):
        Transcoded(source, packets, (rung(320, 180),), hdr="refuse")


def combing(luma: np.ndarray) -> float:
    """How much every line differs from both its neighbours."""
    rows = luma.astype(int)
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())


def fields(count: int) -> list[np.ndarray]:
    """A bar that moves from field to field."""
    pictures = []
    for number in range(count):
        luma = np.full((180, 320), 40, np.uint8)
        for parity in (0, 1):
            left = 20 + 16 * number + 8 * parity
            luma[parity::2, left : left + 60] = 200
        pictures.append(luma)
    return pictures


def test_interlaced_pictures_are_deinterlaced_at_their_times() -> None:
    combed = fields(12)
    source, packets = encoded((with_luma(luma) for luma in combed), parameters="tff=1", interlaced=True)
    made = Transcoded(source, packets, (rung(320, 180),), idr_at=[packets[5].pts_ticks])
    assert made.times(0) == [packet.pts_ticks for packet in packets]
    assert made.sync_times(0) == [packets[0].pts_ticks, packets[5].pts_ticks]
    assert combing(combed[5]) > 10
    assert max(combing(luma_plane(frame)) for frame in made.frames(0)[1:-1]) < 3


def test_a_lower_rung_gets_every_second_picture_and_every_idr() -> None:
    source, packets = encoded((flat(ORANGE, 160, 90) for _ in range(24)), frame_rate=60)
    times = [packet.pts_ticks for packet in packets]
    rungs = (rung(160, 90, 60), rung(80, 46, 30), rung(64, 36, 15))
    made = Transcoded(source, packets, rungs, idr_at=[times[9]])
    assert made.times(0) == times
    assert made.times(1) == times[0:9:2] + times[9::2]
    assert made.times(2) == times[0:9:4] + times[9::4]
    assert [made.sync_times(index) for index in range(3)] == [[times[0], times[9]]] * 3
    assert {packet.duration_ticks for packet in made.packets[1]} == {3000}


def quarters() -> np.ndarray:
    """Each corner has its own brightness: 50 and 100, below them 150 and 200."""
    return np.kron(np.array([[50, 100], [150, 200]], np.uint8), np.ones((64, 96), np.uint8))


def corners(frame: object) -> list[list[int]]:
    luma = luma_plane(frame)  # type: ignore[arg-type]
    height, width = luma.shape
    at = [[luma[y, x] for x in (width // 4, width * 3 // 4)] for y in (height // 4, height * 3 // 4)]
    return [[round(float(value) / 50) * 50 for value in row] for row in at]


def orientation_sei(*, mirrored: bool, upside_down: bool, quarter_turns: int) -> bytes:
    """A NAL unit with the display orientation message (ITU-T H.264 §D.1.27), in force up to the next sequence."""
    bits = f"0{mirrored:b}{upside_down:b}{quarter_turns * 16384:016b}" + "010" + "0"
    payload = int(bits.ljust(24, "0"), 2).to_bytes(3)
    unit = bytes([6, 47, len(payload)]) + payload + b"\x80"
    escaped = unit.replace(b"\0\0\0", b"\0\0\3\0")
    return len(escaped).to_bytes(4) + escaped


@pytest.mark.parametrize(
    ("mirrored", "quarter_turns", "expected"),
    [
        (False, 1, [[100, 200], [50, 150]]),
        (False, 2, [[200, 150], [100, 50]]),
        (False, 3, [[150, 50], [200, 100]]),
        (True, 0, [[100, 50], [200, 150]]),
    ],
)
def test_a_turned_picture_is_brought_upright(mirrored: bool, quarter_turns: int, expected: list[list[int]]) -> None:
    source, packets = encoded(with_luma(quarters()) for _ in range(3))
    sei = orientation_sei(mirrored=mirrored, upside_down=False, quarter_turns=quarter_turns)
    packets[0] = replace(packets[0], payload=sei + packets[0].payload)
    made = Transcoded(source, packets, (rung(192, 128), rung(96, 64)))
    for index, (width, height) in enumerate(((192, 128), (96, 64))):
        frames = made.frames(index)
        sides = (height, width) if quarter_turns % 2 else (width, height)
        assert {(frame.width, frame.height) for frame in frames} == {sides}
        assert [corners(frame) for frame in frames] == [expected] * 3


def test_display_matrices() -> None:
    def matrix(*numbers: int) -> bytes:
        return b"".join((number << 16).to_bytes(4, "little", signed=True) for number in (*numbers, 0, 0, 0, 1))

    assert turn_by(matrix(1, 0, 0, 0, 1)) == Turn.NONE
    assert turn_by(matrix(1, 0, 0, 0, -1)) == Turn.UPSIDE_DOWN
    assert turn_by(matrix(0, 1, 0, -1, 0)) == Turn.RIGHT
    assert turn_by(matrix(0, -1, 0, 1, 0)) == Turn.LEFT
    assert turn_by(matrix(0, 1, 0, 1, 0)) == Turn.LEFT_MIRROR


def test_odd_sizes_are_cut() -> None:
    source, packets = encoded([next(iter(moving_pictures(1, 321, 181, "yuv444p")))])
    (original,) = moving_pictures(1, 321, 181, "yuv444p")
    (frame,) = Transcoded(source, packets, (rung(320, 180),)).frames(0)
    difference = np.abs(luma_plane(frame).astype(int) - luma_plane(original)[:180, :320])
    assert difference.mean() < 2


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((720, 576), Fraction(64, 45)),
        ((1024, 576), Fraction(1)),
        ((360, 288), Fraction(64, 45)),
        ((512, 512), Fraction(16, 9)),
    ],
)
def test_the_pixels_shape_is_what_remains(size: tuple[int, int], expected: Fraction) -> None:
    assert remaining_pixel_aspect(Shape(720, 576, Fraction(64, 45)), *size) == expected


def test_rounding_a_rung_to_even_sizes_leaves_pixels_square() -> None:
    assert remaining_pixel_aspect(Shape(1920, 1080), 854, 480) == 1
    assert remaining_pixel_aspect(Shape(640, 360), 214, 120) == 1


def test_an_absurd_pixel_shape_is_ignored() -> None:
    assert pixel_aspect(Fraction(4000)) == pixel_aspect(Fraction(0)) == pixel_aspect(None) == 1


def test_rungs_are_told_the_shape_of_their_pixels() -> None:
    source, packets = encoded([flat(ORANGE, 180, 144)], pixel_aspect=Fraction(64, 45))
    made = Transcoded(source, packets, (rung(256, 144), rung(90, 72)))
    assert [made.pixel_aspect(index) for index in range(2)] == [1, Fraction(64, 45)]


def test_a_picture_of_other_proportions_is_fitted_in() -> None:
    assert fitted(Shape(640, 480), Shape(640, 360)) == Shape(480, 360)
    assert fitted(Shape(640, 200), Shape(640, 360)) == Shape(640, 200)
    assert fitted(Shape(640, 360), Shape(214, 120)) == Shape(214, 120)


def joined(first: list[Packet], second: list[Packet]) -> list[Packet]:
    """The second stream's pictures after the first's."""
    shift_ticks = first[-1].pts_ticks + FRAME_TICKS - second[0].pts_ticks
    return first + [
        replace(packet, pts_ticks=packet.pts_ticks + shift_ticks, dts_ticks=packet.dts_ticks + shift_ticks)
        for packet in second
    ]


@pytest.mark.parametrize(
    ("size", "pixel_format", "codes"),
    [
        ((160, 120), "yuv420p", ORANGE),
        ((640, 480), "yuv420p", ORANGE),
        ((160, 120), "yuv444p", ORANGE),
        ((160, 120), "yuv420p10le", tuple(4 * code for code in ORANGE)),
    ],
)
def test_another_size_in_mid_stream_is_letterboxed(
    size: tuple[int, int], pixel_format: str, codes: tuple[int, ...]
) -> None:
    tags = Tags(1, 1, 1, 1)
    source, packets = encoded((flat(ORANGE, 320, 180) for _ in range(3)), tags=tags)
    other, other_packets = encoded((flat(codes, *size, pixel_format) for _ in range(3)), tags=tags)
    packets = joined(packets, with_parameter_sets(other, other_packets))
    made = Transcoded(source, packets, (rung(320, 180), rung(160, 90)), idr_at=[packets[3].pts_ticks])
    for index in range(2):
        assert made.times(index) == [packet.pts_ticks for packet in packets]
        assert made.sync_times(index) == [packets[0].pts_ticks, packets[3].pts_ticks]
        frame = made.frames(index)[-1]
        luma = luma_plane(frame)
        assert near(frame, ORANGE)
        bar = luma.shape[1] // 8 - 4
        assert luma[:, :bar].max() < 20
        assert luma[:, -bar:].max() < 20
        assert luma[:, bar + 12 : -bar - 12].min() > 120


def test_other_colours_in_mid_stream_are_converted() -> None:
    source, packets = encoded((flat(ORANGE, 320, 180) for _ in range(2)), tags=Tags(1, 1, 1, 1))
    full, full_packets = encoded((flat((255, 128, 128), 320, 180) for _ in range(2)), tags=Tags(1, 1, 1, 2))
    made = Transcoded(source, joined(packets, with_parameter_sets(full, full_packets)), (rung(320, 180),))
    assert near(made.frames(0)[-1], (235, 128, 128))
