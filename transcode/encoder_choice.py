"""Which of the encoders a rung gets (see `transcode.encoder_kinds`).

Strategy: what is wished for first, then the same codec in software, then H.264, which everything plays and every
machine can encode. So a stream is never without pictures because a device is gone; that it is, is said in a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pinkmedia.media import Codec
from transcode.encoder_kinds import EncoderKind, Family
from transcode.faults import TranscodeFault
from transcode.hardware_encoders import HARDWARE_ENCODERS
from transcode.software_encoders import SOFTWARE_ENCODERS

AUTO = "auto"
"""The first hardware encoder that works here, else software."""
ENCODER_WISHES = (AUTO, *Family)
"""What an operator can ask for."""
ENCODERS = {kind.name: kind for kind in (*SOFTWARE_ENCODERS, *HARDWARE_ENCODERS)}
"""All of them, by FFmpeg's names."""


class Choice(NamedTuple):
    """An encoder for a rung."""

    kind: EncoderKind
    note: str | None
    """Why it is not what was asked for; None when it is."""


def choose_encoder(codec: Codec, wanted: str, why_unusable: Callable[[str], str | None]) -> Choice:
    """The encoder to use.

    ``wanted`` is one of ENCODER_WISHES; ``why_unusable`` tells, by name, what is wrong with an encoder (None: nothing)
    and is asked about no more of them than needed. Raises TranscodeFault when none is usable.
    """
    reasons: list[str] = []
    for name in _names_in_order(codec, wanted):
        kind = ENCODERS.get(name)
        reason = why_unusable(name) if kind else f"FFmpeg has no {name}"
        if kind and reason is None:
            is_as_asked = not reasons or (wanted == AUTO and kind.codec is codec)
            return Choice(kind, None if is_as_asked else f"{'; '.join(reasons)}; {name} is used instead")
        reasons.append(str(reason))
    raise TranscodeFault("; ".join(reasons))


def _names_in_order(codec: Codec, wanted: str) -> Iterator[str]:
    codecs = (codec,) if codec is Codec.H264 else (codec, Codec.H264)
    for each in codecs:
        yield from _hardware_names(each, wanted)
        yield from (kind.name for kind in SOFTWARE_ENCODERS if kind.codec is each)


def _hardware_names(codec: Codec, wanted: str) -> Iterator[str]:
    if wanted == AUTO:
        yield from (kind.name for kind in HARDWARE_ENCODERS if kind.codec is codec)
    elif wanted != Family.SOFTWARE:
        yield f"{codec}_{wanted}"  # FFmpeg's own way to name them
