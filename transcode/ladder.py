"""The adaptive ladder: which renditions a source is encoded to.

Strategy: rungs are fixed by the picture's short side, so that vertical video gets the same ladder as horizontal, and
have square pixels. Of several entries for one size, that with the frame rate nearest above the source's is taken. A
rung never enlarges the source, nor has more frames; a lower frame rate is a whole fraction of the source's. Where the
source is not passed through, its own size is encoded too; a size between two rungs costs as many bits per pixel as the
rung above it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from pinkmedia.media import Codec, VideoTrack

HdrHandling: TypeAlias = Literal["tone_map", "refuse"]
"""What becomes of a source that is HDR (PQ or HLG): SDR rungs, or none."""
FRAME_RATE_TOLERANCE = Fraction(21, 20)
"""A rate this much above a limit is still within it: measured rates waver, and 30.1 must not become 15.05."""
HIGH_FRAME_RATE = 30
"""Rounded frames per second beyond which a rendition's name tells them: ``720p60``."""
LEAST_STEP = Fraction(9, 10)
"""A rung nearer than this to the one above it is not worth its cost: nobody sees the difference."""
LEAST_SIDE_PIXELS = 16
"""Of an encoded picture: a macroblock."""


@dataclass(frozen=True, slots=True)
class RungTemplate:
    """An entry of the configured ladder. The defaults are those of `Rung`."""

    name: str
    """Of the rendition: unique, and fit for a URL."""
    height: int
    """Of the picture in pixels; of upright pictures the width."""
    max_fps: int
    """Frames per second that are kept of a source that has more."""
    bit_rate_bps: int
    max_bit_rate_bps: int | None = None
    buffer_seconds: float = 1.0
    preset: str = "veryfast"
    codec: Codec = Codec.H264
    audio_bit_rate_bps: int | None = None


DEFAULT_TEMPLATES = (
    RungTemplate("1080p60", 1080, 60, 7_500_000),
    RungTemplate("1080p", 1080, 30, 5_000_000),
    RungTemplate("720p60", 720, 60, 3_750_000),
    RungTemplate("720p", 720, 30, 2_500_000),
    RungTemplate("480p", 480, 30, 1_200_000),
    RungTemplate("360p", 360, 30, 700_000),
)
"""Neighbours are a factor of two apart, where a player's switch is worth its while. Twice the frames take half as many
bits again: neighbouring frames differ less."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What a stream may become."""

    templates: tuple[RungTemplate, ...] = DEFAULT_TEMPLATES
    """At least one in H.264, which every browser decodes."""
    max_height: int = 2160
    """Largest picture that is served, passed through or encoded; of upright pictures the width."""
    max_fps: int = 60
    """Most frames per second that are served."""
    hdr: HdrHandling = "tone_map"

    def fits(self, source: VideoTrack) -> bool:
        """Whether it may be passed through, by its size and frame rate."""
        is_in_rate = source.frame_rate <= self.max_fps * FRAME_RATE_TOLERANCE
        return short_side(source) <= self.max_height and is_in_rate


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition to encode."""

    name: str
    """Its template's, or like a source's: ``720p``."""
    width: int
    """In square pixels, even."""
    height: int
    """In square pixels, even."""
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
    audio_bit_rate_bps: int | None = None
    """Of the sound beside it, where that of the source is more; None: what the source's own picture has."""


def plan_ladder(source: VideoTrack, ladder: Ladder, *, passthrough: bool) -> tuple[Rung, ...]:
    """The rungs to encode, largest first.

    With ``passthrough`` the source is its own top rung and only smaller ones are encoded (none, if it is smaller than
    all); without, there is always at least one rung in H.264.
    """
    top_side = Fraction(short_side(source))
    chosen = list(_chosen(source, ladder))
    if passthrough:
        templates = [each for each in chosen if each.height <= top_side * LEAST_STEP or _adds_codec(each, top_side)]
        return tuple(_rung(source, ladder, template, template.height) for template in templates)
    rungs = [_rung(source, ladder, each, each.height) for each in chosen if each.height <= top_side]
    own = _own_size(source, ladder, chosen)
    if own is None:
        return tuple(rungs)
    smaller = [rung for rung in rungs if min(rung.width, rung.height) <= LEAST_STEP * min(own.width, own.height)]
    return own, *smaller


def source_name(source: VideoTrack) -> str:
    """The source's own name as a rendition, by its short side and a high frame rate: ``1080p60``."""
    return _picture_name(short_side(source), source.frame_rate)


def short_side(source: VideoTrack) -> int:
    """In square pixels."""
    return min(source.display_width, source.height)


def capped_frame_rate(frame_rate: Fraction, max_fps: int) -> Fraction:
    """The frame rate itself, or the largest whole fraction of it that is within the limit."""
    return frame_rate / max(1, math.ceil(frame_rate / (max_fps * FRAME_RATE_TOLERANCE)))


def _picture_name(side: int, frame_rate: Fraction) -> str:
    rounded = round(frame_rate)
    return f"{side}p{rounded}" if rounded > HIGH_FRAME_RATE else f"{side}p"


def _chosen(source: VideoTrack, ladder: Ladder) -> Iterator[RungTemplate]:
    """One entry for each size and codec within the limits, largest first."""
    allowed = [each for each in ladder.templates if each.height <= ladder.max_height]
    allowed = allowed or [min(ladder.templates, key=lambda template: template.height)]
    wanted_fps = min(source.frame_rate, Fraction(ladder.max_fps)) / FRAME_RATE_TOLERANCE
    sizes = sorted({(each.height, each.codec) for each in allowed}, key=lambda size: size[0], reverse=True)
    for size in sizes:
        same_size = [each for each in allowed if (each.height, each.codec) == size]
        fast_enough = [each for each in same_size if each.max_fps >= wanted_fps]
        yield min(fast_enough, key=_by_frame_rate) if fast_enough else max(same_size, key=_by_frame_rate)


def _by_frame_rate(template: RungTemplate) -> int:
    return template.max_fps


def _adds_codec(template: RungTemplate, source_side: Fraction) -> bool:
    """The source's size once more, in a codec that needs fewer bits."""
    return template.codec is not Codec.H264 and template.height <= source_side


def _own_size(source: VideoTrack, ladder: Ladder, chosen: list[RungTemplate]) -> Rung | None:
    """The source's size in H.264, where that is smaller than the largest rung, and no rung itself."""
    side, plain = short_side(source), [each for each in chosen if each.codec is Codec.H264]
    larger = [template for template in plain if template.height > side]
    if any(template.height == side for template in plain) or not larger:
        return None
    return _rung(source, ladder, larger[-1], side)


def _rung(source: VideoTrack, ladder: Ladder, template: RungTemplate, side: int) -> Rung:
    """``side`` differs from the template's height where the source lies between two rungs."""
    scale = Fraction(side, short_side(source))
    frame_rate = capped_frame_rate(source.frame_rate, min(template.max_fps, ladder.max_fps))
    share = Fraction(side**2, template.height**2)
    most_bps = template.max_bit_rate_bps
    return Rung(
        name=template.name if side == template.height else _picture_name(side, frame_rate),
        width=_even(source.width * source.sample_aspect_ratio * scale),
        height=_even(source.height * scale),
        frame_rate=frame_rate,
        bit_rate_bps=int(template.bit_rate_bps * share),
        max_bit_rate_bps=None if most_bps is None else int(most_bps * share),
        buffer_seconds=template.buffer_seconds,
        preset=template.preset,
        codec=template.codec,
        audio_bit_rate_bps=template.audio_bit_rate_bps,
    )


def _even(length: Fraction) -> int:
    """The nearest even number of pixels: 4:2:0 chroma has half of them."""
    if length.denominator == 1:
        return max(LEAST_SIDE_PIXELS, length.numerator // 2 * 2)  # an odd source is cut, not enlarged
    return max(LEAST_SIDE_PIXELS, round(length / 2) * 2)
