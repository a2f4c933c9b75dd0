"""The test source's background: pink hills at dusk that pass by.

Strategy: painted once in 4:2:0, twice the picture's width and repeating after one, so that every picture is a plain
copy of a window on it. Hills have a fine pattern, so that an encoder has something to do.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.uint8]
"""One plane of a picture: rows × columns."""
Colours: TypeAlias = NDArray[np.float32]
"""Red, green and blue (0 to 1) in the last dimension."""

SKY_TOP = (0.20, 0.10, 0.35)
SKY_BOTTOM = (1.00, 0.62, 0.70)
SUN = (1.00, 0.90, 0.75)
HILLS = (
    # base (of the height, from above), amplitude, waves per picture, phase, colour
    (0.52, 0.07, 3, 0.4, (0.85, 0.36, 0.58)),
    (0.64, 0.06, 5, 2.1, (0.62, 0.22, 0.50)),
    (0.76, 0.05, 4, 4.0, (0.40, 0.14, 0.42)),
    (0.88, 0.03, 7, 1.3, (0.22, 0.09, 0.30)),
)
PATTERN_AMPLITUDE = 0.04
PATTERN_PIXELS = 24
"""Period of the pattern on the hills."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""BT.709."""


class Landscape:
    """A window on it is the background of a picture."""

    def __init__(self, width: int, height: int) -> None:
        """In pixels, even."""
        self._width = width
        self._planes = [np.hstack((plane, plane)) for plane in _to_yuv420(_colours(width, height))]

    def paint(self, planes: list[Plane], offset_pixels: int) -> None:
        """Fills the planes of a picture with the view ``offset_pixels`` (even) to the right."""
        start = offset_pixels % self._width
        for target, plane, scale in zip(planes, self._planes, (1, 2, 2), strict=True):
            first = start // scale
            np.copyto(target, plane[:, first : first + target.shape[1]])


def _colours(width: int, height: int) -> Colours:
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    turns = np.linspace(0, 2 * np.pi, width, endpoint=False, dtype=np.float32)[None, :]
    picture = np.empty((height, width, 3), dtype=np.float32)
    picture[:] = (
        np.array(SKY_TOP, np.float32) * (1 - rows[..., None]) + np.array(SKY_BOTTOM, np.float32) * rows[..., None]
    )
    columns = np.arange(width, dtype=np.float32)[None, :]
    distance = np.hypot(columns - width * 0.7, rows * height - height * 0.3)
    picture[distance < height / 9] = SUN
    pattern = np.sin(2 * np.pi * (columns + rows * height) / PATTERN_PIXELS) * np.sin(2 * np.pi * rows * height / 17)
    for base, amplitude, waves, phase, colour in HILLS:
        is_hill = rows > base + amplitude * np.sin(waves * turns + phase)
        shaded = np.array(colour, np.float32) + PATTERN_AMPLITUDE * pattern[..., None]
        picture[is_hill] = shaded[is_hill]
    return picture


def _to_yuv420(colours: Colours) -> list[Plane]:
    """Limited range BT.709."""
    luma: NDArray[np.float32] = colours @ _LUMA
    blue = _halved(colours[..., 2] - luma) / 1.8556
    red = _halved(colours[..., 0] - luma) / 1.5748
    return [_quantise(16 + 219 * luma), _quantise(128 + 224 * blue), _quantise(128 + 224 * red)]


def _halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = plane.shape
    halved: NDArray[np.float32] = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return halved


def _quantise(plane: NDArray[np.float32]) -> Plane:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)
