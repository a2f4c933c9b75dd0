"""What a worker's encoders make, as the node's other parts know it: renditions with their tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pinkmedia.codecs.av1 import Av1Format
from pinkmedia.codecs.formats import VideoFormat
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.codecs.hevc import HevcFormat
from pinkmedia.media import Codec, Rendition, audio_group
from pinkmedia.processes.frames import WireError
from transcode.encoder_choice import ENCODERS
from transcode.ladder import Rung
from transcode.messages import Opened


def renditions_of(rungs: Sequence[Rung], opened: Opened) -> list[Rendition]:
    """One per rung; its codec is that of the encoder which was opened, not always the one that was asked for.

    Raises WireError, CodecError when it is not an answer to these rungs.
    """
    encoders = opened.encoders or tuple("" for _ in rungs)
    if not len(rungs) == len(opened.configurations) == len(encoders):
        raise WireError("configurations do not match the rungs")
    made = zip(rungs, encoders, opened.configurations, strict=True)
    return [
        rendition_of(index, replace(rung, codec=_codec_of(name) or rung.codec), configuration)
        for index, (rung, name, configuration) in enumerate(made)
    ]


def rendition_of(index: int, rung: Rung, configuration: bytes) -> Rendition:
    """The rendition that is encoded to this configuration record. Raises CodecError."""
    track = _format_of(rung.codec, configuration).track(track_id=index + 1, frame_rate=rung.frame_rate)
    group = audio_group(rung.audio_bit_rate_bps)
    return Rendition(rung.name, track, rung.bit_rate_bps, is_passthrough=False, audio_group=group)


def _codec_of(encoder_name: str) -> Codec | None:
    kind = ENCODERS.get(encoder_name)
    return kind.codec if kind else None


def _format_of(codec: Codec, configuration: bytes) -> VideoFormat:
    if codec is Codec.AV1:
        return Av1Format.parse(configuration)
    if codec is Codec.HEVC:
        return HevcFormat.parse(configuration)
    return H264Format.parse(configuration)
