"""The test source: a moving picture with a running clock, and a beep once a second.

Strategy: it must cost little beside its encoding. The landscape is painted once, twice as wide as the picture and
repeating, and each picture is a window on it that moves on by a few pixels; digits are pasted from ready-made glyphs;
one second of sound is made once and read round and round. Picture and sound both follow the wall clock.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from numpy.typing import NDArray

from transcode.landscape import Landscape, Plane
from transcode.machine_clock import paint_clock, row_height

SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 1024
"""What an AAC encoder takes at once."""
BEEP_HERTZ = 440
BEEP_SECONDS = 0.1
BEEP_AMPLITUDE = 0.2
BEEP_FADE_SECONDS = 0.01
"""A tone that starts at full level clicks."""

SCROLL_FRACTION = 480
"""The picture's width takes this many frames to pass by: a walking pace at 30 frames per second."""
BT709_MATRIX = 1
"""AVCOL_SPC_BT709."""

DIGIT_HEIGHT_FRACTION = 6
"""A digit's share of the picture's height: 80 pixels at 480p, readable on a telephone."""
PANEL_LUMA = 24
DIGIT_LUMA = 225
NEUTRAL_CHROMA = 128

_SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg", "6": "acdefg",
    "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
"""Seven segments: a is on top, b to f follow clockwise, g is in the middle."""


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What the test source looks like."""

    width: int = 1920
    """In pixels, even."""
    height: int = 1080
    """In pixels, even."""
    frame_rate: Fraction = Fraction(30)
    """Frames per second."""
    has_machine_clock: bool = False
    """With the wall clock for machines (`transcode.machine_clock`) across the top."""


class MovingPicture:
    """Paints pictures, each into the same frame: encode one before the next is painted."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        self._frame = VideoFrame(settings.width, settings.height, "yuv420p")
        self._frame.color_range = ColorRange.MPEG
        self._frame.colorspace = BT709_MATRIX
        self._frame.color_primaries = ColorPrimaries.BT709
        self._frame.color_trc = ColorTrc.BT709
        self._planes = [_writable(plane) for plane in self._frame.planes]
        self._landscape = Landscape(settings.width, settings.height)
        self._digits = ClockFace(settings.width, settings.height)
        self._step_pixels = max(2, settings.width // SCROLL_FRACTION // 2 * 2)

    def paint(self, index: int, epoch_ms: int) -> VideoFrame:
        """The picture number ``index`` (from 0) at that wall clock time."""
        self._landscape.paint(self._planes, index * self._step_pixels)
        self._digits.paint(self._planes, epoch_ms)
        if self._settings.has_machine_clock:
            paint_clock(self._planes[0], epoch_ms)
            for chroma in self._planes[1:]:
                chroma[: row_height(self._settings.height) // 2] = NEUTRAL_CHROMA
        return self._frame


class ClockFace:
    """HH:MM:SS.mmm (UTC) in seven-segment digits on a dark panel, and a bar that grows through each second."""

    def __init__(self, width: int, height: int) -> None:
        digit_height = min(height // DIGIT_HEIGHT_FRACTION, width // 9) // 2 * 2
        self._glyphs = {character: _glyph(character, digit_height) for character in "0123456789:."}
        self._text_width = sum(self._glyphs[character].shape[1] for character in "00:00:00.000")
        self._margin = digit_height // 6 * 2
        self._left = (width - self._text_width) // 4 * 2
        self._top = (height * 2 // 3 - digit_height // 2) // 2 * 2
        self._bar_height = max(2, digit_height // 24 * 2)
        self._height = digit_height

    def paint(self, planes: list[Plane], epoch_ms: int) -> None:
        """On the three planes of a 4:2:0 picture."""
        luma, *chroma = planes
        top, bottom = self._top - self._margin, self._top + self._height + self._margin
        left, right = self._left - self._margin, self._left + self._text_width + self._margin
        luma[top:bottom, left:right] = PANEL_LUMA
        for plane in chroma:
            plane[top // 2 : bottom // 2, left // 2 : right // 2] = NEUTRAL_CHROMA
        self._paint_text(luma, clock_text(epoch_ms))
        bar_right = self._left + self._text_width * (epoch_ms % 1000) // 1000
        luma[bottom - 2 * self._bar_height : bottom - self._bar_height, self._left : bar_right] = DIGIT_LUMA

    def _paint_text(self, luma: Plane, text: str) -> None:
        column = self._left
        for character in text:
            glyph = self._glyphs[character]
            luma[self._top : self._top + self._height, column : column + glyph.shape[1]] = glyph
            column += glyph.shape[1]


class Beep:
    """Stereo sound that beeps at the start of each second of wall clock time."""

    def __init__(self, epoch_ms: int) -> None:
        """``epoch_ms`` is the wall clock time of sample 0."""
        self._second = np.tile(_beep_second(), (2, 1))
        self._offset = epoch_ms % 1000 * SAMPLE_RATE // 1000

    def frame(self, first_sample: int) -> AudioFrame:
        """The SAMPLES_PER_FRAME samples from that one on; its pts is its first sample's number."""
        samples = (np.arange(SAMPLES_PER_FRAME) + first_sample + self._offset) % SAMPLE_RATE
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(self._second[:, samples]), format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = first_sample
        return frame


def clock_text(epoch_ms: int) -> str:
    """HH:MM:SS.mmm in UTC."""
    seconds, milliseconds = divmod(epoch_ms, 1000)
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%H:%M:%S}.{milliseconds:03}"


def _writable(plane: VideoPlane) -> Plane:
    rows: Plane = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _glyph(character: str, height: int) -> Plane:
    stroke, digit_width = height // 9, height // 2
    width = digit_width + 2 * stroke if character.isdigit() else 3 * stroke
    glyph = np.full((height, width), PANEL_LUMA, dtype=np.uint8)
    if character.isdigit():
        for segment in _SEGMENTS[character]:
            glyph[_segment_area(segment, height, digit_width, stroke)] = DIGIT_LUMA
    else:
        for centre in (height // 3, height * 2 // 3) if character == ":" else (height - stroke,):
            glyph[centre - stroke // 2 : centre + stroke - stroke // 2, stroke : 2 * stroke] = DIGIT_LUMA
    return glyph


def _segment_area(segment: str, height: int, width: int, stroke: int) -> tuple[slice, slice]:
    middle = (height - stroke) // 2
    across, left, right = slice(stroke, stroke + width), slice(stroke, 2 * stroke), slice(width, stroke + width)
    upper, lower = slice(0, middle + stroke), slice(middle, height)
    return {
        "a": (slice(0, stroke), across),
        "b": (upper, right),
        "c": (lower, right),
        "d": (slice(height - stroke, height), across),
        "e": (lower, left),
        "f": (upper, left),
        "g": (slice(middle, middle + stroke), across),
    }[segment]


def _beep_second() -> NDArray[np.float32]:
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    fade = np.clip(np.minimum(seconds, BEEP_SECONDS - seconds) / BEEP_FADE_SECONDS, 0, 1)
    return (BEEP_AMPLITUDE * fade * np.sin(2 * np.pi * BEEP_HERTZ * seconds)).astype(np.float32)
