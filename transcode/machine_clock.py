"""A wall clock that machines read off the picture, at any size and after any number of encodings.

    │ 42 bits: milliseconds since 1970, most significant first │ 16 bits: CRC-16/CCITT of them │

Strategy: one row of black and white cells across the top of the picture; their width scales with it, and the check
makes a reader sure. 58 cells are 7 pixels wide at 240p, and survive 400 kbit/s.
"""

from __future__ import annotations

import binascii

import numpy as np
from numpy.typing import NDArray

TIME_BITS = 42
"""Milliseconds since 1970 up to the year 2109."""
CHECK_BITS = 16
CELLS = TIME_BITS + CHECK_BITS
ROWS_PER_PICTURE = 24
"""The row's share of the picture's height: 20 pixels at 480p, more than a macroblock."""
BLACK_LUMA = 16
WHITE_LUMA = 235
THRESHOLD_LUMA = 126
_CHECK_START = 0xFFFF


def row_height(picture_height: int) -> int:
    """In pixels, even."""
    return picture_height // ROWS_PER_PICTURE // 2 * 2


def paint_clock(luma: NDArray[np.uint8], epoch_ms: int) -> None:
    """Paints the clock into the top of a picture's luma plane (rows × columns)."""
    height, width = luma.shape
    bits = np.array([*_bits(epoch_ms, TIME_BITS), *_bits(_check(epoch_ms), CHECK_BITS)], dtype=np.bool_)
    cell_of_column = np.arange(width) * CELLS // width
    luma[: row_height(height)] = np.where(bits[cell_of_column], np.uint8(WHITE_LUMA), np.uint8(BLACK_LUMA))


def read_clock(luma: NDArray[np.uint8]) -> int | None:
    """Milliseconds since 1970 as painted into this luma plane (rows × columns), None when there is no clock."""
    height, width = luma.shape
    rows = row_height(height)
    if rows == 0 or width < CELLS:
        return None
    row = luma[rows // 4 : max(rows // 4 + 1, rows * 3 // 4)].mean(axis=0)
    centres = (np.arange(CELLS) * 2 + 1) * width // (2 * CELLS)
    bits = row[centres] > THRESHOLD_LUMA
    epoch_ms = _number(bits[:TIME_BITS])
    return epoch_ms if _number(bits[TIME_BITS:]) == _check(epoch_ms) else None


def _check(epoch_ms: int) -> int:
    return binascii.crc_hqx(epoch_ms.to_bytes((TIME_BITS + 7) // 8), _CHECK_START)


def _bits(number: int, count: int) -> list[int]:
    return [number >> position & 1 for position in reversed(range(count))]


def _number(bits: NDArray[np.bool_]) -> int:
    return int("".join("1" if bit else "0" for bit in bits), 2)
