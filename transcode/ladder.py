"""The adaptive ladder: which renditions a source is encoded to.

Strategy: rungs are fixed by the picture's short side, so that vertical video gets the same ladder as horizontal. A
rung never enlarges the source. Where the source is not passed through, its own size (at most the largest rung's) is
encoded too; a size between two rungs costs as many bits per pixel as the rung above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pinkmedia.media import Codec, VideoTrack

LADDER_BPS = {1080: 5_000_000, 720: 2_500_000, 480: 1_200_000}
"""Bit rates by short side in pixels, largest first: neighbours are a factor of two apart, where a player's switch is
worth its while."""
HIGH_FRAME_RATE_ABOVE = 30
"""Rounded frames per second beyond which a rung needs more bits (measured rates waver around 30)."""
HIGH_FRAME_RATE_FACTOR = Fraction(3, 2)
"""Twice the frames take about half as many bits again: neighbouring frames differ less."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition to encode."""

    name: str
    """By its short side: ``720p``."""
    width: int
    """In pixels, even."""
    height: int
    """In pixels, even."""
    frame_rate: Fraction
    """Nominal frames per second: the source's, or a whole fraction of it."""
    bit_rate_bps: int
    """Target of the encoder's rate control."""
    max_bit_rate_bps: int | None = None
    """What a second may reach; None: the target."""
    buffer_seconds: float = 1.0
    """Over how long the maximum is held: an IDR picture takes several pictures' share, and comes every two seconds."""
    preset: str = "veryfast"
    """In x264's words, whatever the encoder: the best picture per bit that a core encodes at 1080p60 in time."""
    codec: Codec = Codec.H264


def plan_ladder(source: VideoTrack, *, passthrough: bool) -> tuple[Rung, ...]:
    """The rungs to encode, largest first.

    With ``passthrough`` the source is its own top rung and only smaller ones are encoded (none, if it is smaller than
    all); without, there is always at least one rung.
    """
    source_side = _short_side(source)
    sides = [side for side in LADDER_BPS if side < source_side]
    if not passthrough:
        top_side = min(source_side, max(LADDER_BPS))
        sides = [top_side, *(side for side in sides if side < top_side)]
    return tuple(_rung(source, side) for side in sides)


def source_name(source: VideoTrack) -> str:
    """The source's own name as a rendition, by its short side: ``1080p``."""
    return f"{_short_side(source)}p"


def _short_side(source: VideoTrack) -> int:
    return min(source.width, source.height)


def _rung(source: VideoTrack, side: int) -> Rung:
    scale = Fraction(side, _short_side(source))
    return Rung(
        name=f"{side}p",
        width=_even(source.width * scale),
        height=_even(source.height * scale),
        frame_rate=source.frame_rate,
        bit_rate_bps=_bit_rate_bps(side, source.frame_rate),
    )


def _even(length: Fraction) -> int:
    """The nearest even number of pixels: 4:2:0 chroma has half of them."""
    if length.denominator == 1:
        return max(2, length.numerator // 2 * 2)  # an odd source is cut, not enlarged
    return max(2, round(length / 2) * 2)


def _bit_rate_bps(side: int, frame_rate: Fraction) -> int:
    rung_side = min(rung for rung in LADDER_BPS if rung >= side)
    bit_rate_bps = Fraction(LADDER_BPS[rung_side] * side**2, rung_side**2)
    if round(frame_rate) > HIGH_FRAME_RATE_ABOVE:
        bit_rate_bps *= HIGH_FRAME_RATE_FACTOR
    return int(bit_rate_bps)
