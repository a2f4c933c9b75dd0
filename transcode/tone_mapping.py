"""HDR becomes SDR by a table of colours that is computed here and applied by a filter.

Strategy: PyAV's wheel has no zscale and no libplacebo, and its scaler's own conversion takes seconds to begin and twice
the time for each picture. The table (a Hald image: every colour of a cube, one after the other) is made at once, and
its steps are all here:

    PQ or HLG ─► light in nits ─► highlights rolled off ─► BT.709 primaries ─► gamma of an SDR display

Brightness is compressed by the largest of red, green and blue, so that the hue stays. Diffuse white (203 nits, ITU-R
BT.2408 §2) is nearly SDR's white; what is below about 90 nits keeps its light, as ITU-R BT.2390 §5.4 has it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from transcode.colour import HLG

Colours: TypeAlias = NDArray[np.float64]
"""Rows of red, green and blue."""

HALD_LEVEL = 8
"""The cube has the square of it on a side: 64 steps of PQ's even scale, an error below one of 255."""
HALD_FORMAT = "rgb48le"
"""Of table and pictures. Planar ones are faster by a fifth, but FFmpeg 8 takes the table's green plane for red."""
SDR_WHITE_NITS = 203.0
"""Diffuse white of HDR (BT.2408): what SDR's brightest becomes on a screen that shows both."""
PEAK_NITS = 1000.0
"""What sources are mastered to, nearly all; HLG's nominal peak (BT.2100). Beyond it there is only white."""
SDR_GAMMA = 2.4
"""Of an SDR display (ITU-R BT.1886)."""
HLG_GAMMA = 1.2
"""Of the whole HLG system, at its nominal peak (BT.2100)."""
LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
LUMINANCE_709 = np.array([0.2126, 0.7152, 0.0722])
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
"""From BT.2020 primaries (ITU-R BT.2087 §4), linear light."""

_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_PQ_NITS = 10_000.0
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_SIXTEEN_BITS = 65_535


@lru_cache(maxsize=2)
def hald_picture(transfer: int) -> VideoFrame:
    """The table for a BT.2020 source of this transfer characteristic, PQ or HLG: full-range RGB to full-range RGB."""
    side = HALD_LEVEL**2
    steps = np.linspace(0.0, 1.0, side)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red changes fastest
    table = tone_mapped(np.stack([red, green, blue], axis=-1).reshape(-1, 3), transfer)
    codes = np.rint(table * _SIXTEEN_BITS).astype("<u2")
    picture = VideoFrame(HALD_LEVEL**3, HALD_LEVEL**3, HALD_FORMAT)
    (plane,) = picture.planes
    rows = np.zeros((plane.height, plane.line_size // 2), dtype="<u2")
    rows[:, : 3 * plane.width] = codes.reshape(plane.height, 3 * plane.width)
    plane.update(rows.tobytes())
    picture.pts = 0
    return picture


def tone_mapped(codes: Colours, transfer: int) -> Colours:
    """R'G'B' of a BT.2020 source in 0…1 as R'G'B' of BT.709 in 0…1."""
    nits = _hlg_nits(codes) if transfer == HLG else pq_nits(codes)
    brightest = nits.max(axis=-1, keepdims=True)
    scale = np.divide(rolled_off(brightest), brightest, out=np.ones_like(brightest), where=brightest > 0)
    light: Colours = (nits * scale / SDR_WHITE_NITS) @ TO_BT709.T
    codes_709: Colours = np.clip(_in_gamut(light), 0.0, 1.0) ** (1 / SDR_GAMMA)
    return codes_709


def pq_nits(codes: Colours) -> Colours:
    """SMPTE ST 2084's electro-optical transfer function."""
    power = codes ** (1 / _PQ_M2)
    light: Colours = (np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1)
    return light * _PQ_NITS


def pq_codes(nits: Colours) -> Colours:
    """Its inverse."""
    power = (nits / _PQ_NITS) ** _PQ_M1
    codes: Colours = ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2
    return codes


def rolled_off(nits: Colours) -> Colours:
    """Light up to PEAK_NITS as light up to SDR_WHITE_NITS (BT.2390 §5.4.1, with black where it is)."""
    peak = pq_codes(np.array(PEAK_NITS))
    codes = np.minimum(pq_codes(nits) / peak, 1.0)
    most = pq_codes(np.array(SDR_WHITE_NITS)) / peak
    knee = 1.5 * most - 0.5
    t = np.maximum(codes - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_nits(np.where(codes < knee, codes, spline) * peak)


def _hlg_nits(codes: Colours) -> Colours:
    """BT.2100's inverse transfer function and its system gamma, on a display of PEAK_NITS."""
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    luminance = (scene @ LUMINANCE_2020)[..., np.newaxis]
    nits: Colours = PEAK_NITS * np.maximum(luminance, 0) ** (HLG_GAMMA - 1) * scene
    return nits


def _in_gamut(light: Colours) -> Colours:
    """Colours that BT.709 lacks become paler, not others: moved towards grey of the same luminance."""
    grey = np.clip((light @ LUMINANCE_709)[..., np.newaxis], 0.0, 1.0)
    distance = light - grey
    room = np.where(distance < 0, grey, 1 - grey)
    share = np.divide(room, np.abs(distance), out=np.ones_like(room), where=np.abs(distance) > room).min(
        axis=-1, keepdims=True
    )
    mapped: Colours = grey + distance * share
    return mapped
