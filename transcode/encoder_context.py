"""Opening an encoder for a rung, and finding out what opens on this machine.

Strategy: a hardware encoder is only believed once it has encoded a few pictures, with key frames where they were
forced: FFmpeg knows of encoders whose device, driver or permission is missing. Asked once per process, because a
device takes some hundred milliseconds to wake. When an encoder refuses the rung all the same (a device has a limit
of encoders at once), the next choice is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import cast

from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext, Flags
from av.codec.hwaccel import HWAccel
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from pinkmedia.errors import CodecError
from pinkmedia.media import VIDEO_TIMESCALE
from transcode.codec_output import CodecOutput, codec_output
from transcode.encoder_choice import AUTO, ENCODERS, choose_encoder
from transcode.encoder_kinds import EncoderKind, Family
from transcode.faults import TranscodeFault
from transcode.hardware_encoders import HARDWARE_ENCODERS
from transcode.ladder import Rung

LARGEST_RATE_DENOMINATOR = 1001
"""Encoders keep frame rates as 32-bit numbers; a measured rate may be an unwieldy fraction."""
IDENTITY_MATRIX, UNSPECIFIED_MATRIX = 0, 2
"""Of ITU-T H.273. The first is for pictures with full colour resolution only, which no rung has; SVT-AV1 refuses it."""
PROBE_PIXELS = 256
"""Width and height of the pictures that hardware is tried with: more than the least that any encoder takes."""
PROBE_RATE, PROBE_BPS = Fraction(30), 500_000
PROBE_FORCED = (True, False, True, False)
"""Which of them are forced to be key frames."""
QUIET = {"SVT_LOG": "1", "LIBVA_MESSAGING_LEVEL": "0"}
"""Libraries that write on standard error whatever FFmpeg is told: errors only."""


@dataclass(frozen=True, slots=True)
class OpenEncoder:
    """An encoder that is ready for a rung's pictures."""

    kind: EncoderKind
    context: VideoCodecContext
    output: CodecOutput


class EncoderOpener:
    """Opens the encoders of one stream's rungs; knows afterwards what it has opened."""

    def __init__(self, wanted: str = Family.SOFTWARE) -> None:
        """``wanted`` is one of `encoder_choice.ENCODER_WISHES`."""
        self.opened: list[str] = []
        """FFmpeg's names of what was opened, in order."""
        self.notes: list[str] = []
        """What is not as it was asked for: each a line, said once."""
        self._wanted = wanted
        self._refusals: dict[str, str] = {}

    def open(self, rung: Rung, first: VideoFrame, aspect_ratio: Fraction | None) -> OpenEncoder:
        """The best encoder there is, with the colour properties of the first picture. Raises TranscodeFault."""
        while True:
            choice = choose_encoder(rung.codec, self._wanted, self._why_unusable)
            try:
                encoder = open_encoder(choice.kind, rung, first, aspect_ratio)
            except TranscodeFault as fault:
                self._refusals[choice.kind.name] = str(fault)
                continue
            self.opened.append(choice.kind.name)
            if choice.note and choice.note not in self.notes:
                self.notes.append(choice.note)
            return encoder

    def _why_unusable(self, name: str) -> str | None:
        return self._refusals.get(name) or why_unusable(name)


def open_encoder(kind: EncoderKind, rung: Rung, first: VideoFrame, aspect_ratio: Fraction | None) -> OpenEncoder:
    """Raises TranscodeFault."""
    options = kind.options_for(rung)
    try:
        context = _create(kind)
        _describe_pictures(context, kind, rung, first)
        if aspect_ratio:
            context.sample_aspect_ratio = aspect_ratio
        context.flags |= Flags.global_header | Flags.closed_gop
        context.options = options
        context.open()
        return OpenEncoder(kind, context, codec_output(kind.codec, context.extradata or b""))
    except FFmpegError as error:
        raise TranscodeFault(f"{kind.name} does not open for {rung.name}: {error.strerror}") from None
    except CodecError as error:
        raise TranscodeFault(f"{kind.name} does not say what it makes: {error}") from None


def _create(kind: EncoderKind) -> VideoCodecContext:
    """Raises TranscodeFault, FFmpegError."""
    try:
        device = {"hwaccel": HWAccel(kind.device)} if kind.device else {}
        return cast(VideoCodecContext, CodecContext.create(kind.name, "w", **device))
    except (UnknownCodecError, NotImplementedError):  # PyAV's words for a codec, or a kind of device, that is missing
        raise TranscodeFault(f"{kind.name} is not in this build of FFmpeg") from None


def _describe_pictures(context: VideoCodecContext, kind: EncoderKind, rung: Rung, first: VideoFrame) -> None:
    context.width, context.height = rung.width, rung.height
    context.pix_fmt = kind.pixel_format
    context.time_base = Fraction(1, VIDEO_TIMESCALE)
    context.framerate = rung.frame_rate.limit_denominator(LARGEST_RATE_DENOMINATOR)
    context.color_range = first.color_range
    context.colorspace = UNSPECIFIED_MATRIX if first.colorspace == IDENTITY_MATRIX else first.colorspace
    context.color_primaries, context.color_trc = first.color_primaries, first.color_trc


@cache
def why_unusable(name: str) -> str | None:
    """What is wrong with that encoder here; None when nothing is."""
    kind = ENCODERS[name]
    try:
        if kind.is_hardware:
            _try_out(kind)
        else:
            _create(kind)
    except TranscodeFault as fault:
        return str(fault)
    return None


def usable_hardware(wanted: str) -> tuple[str, ...]:
    """The hardware encoders of that family (``auto``: of all) that work here. What it finds is remembered."""
    kinds = HARDWARE_ENCODERS if wanted == AUTO else [kind for kind in HARDWARE_ENCODERS if kind.family == wanted]
    return tuple(kind.name for kind in kinds if why_unusable(kind.name) is None)


def _try_out(kind: EncoderKind) -> None:
    """Encodes a few pictures. Raises TranscodeFault."""
    rung = Rung("a trial", PROBE_PIXELS, PROBE_PIXELS, PROBE_RATE, PROBE_BPS, codec=kind.codec)
    grey = VideoFrame(PROBE_PIXELS, PROBE_PIXELS, "yuv420p")
    for plane in grey.planes:
        plane.update(bytes((128,)) * plane.buffer_size)
    encoder = open_encoder(kind, rung, grey, None)
    try:
        made = [unit for picture in _trial_pictures(grey) for unit in encoder.context.encode(picture)]
        made += encoder.context.encode(None)
        are_sync = [encoder.output.access_unit(bytes(unit)).is_sync for unit in made]
    except FFmpegError as error:
        raise TranscodeFault(f"{kind.name} does not encode: {error.strerror}") from None
    except CodecError as error:
        raise TranscodeFault(f"{kind.name} makes what cannot be read: {error}") from None
    if are_sync != list(PROBE_FORCED):
        raise TranscodeFault(f"{kind.name} has not its key frames where they are forced")


def _trial_pictures(picture: VideoFrame) -> Iterator[VideoFrame]:
    for number, is_forced in enumerate(PROBE_FORCED):
        picture.pts = number * round(VIDEO_TIMESCALE / PROBE_RATE)
        picture.time_base = Fraction(1, VIDEO_TIMESCALE)
        picture.pict_type = PictureType.I if is_forced else PictureType.NONE
        yield picture


def quieten_libraries() -> None:
    """For a process that has a log to keep. Before anything is opened."""
    for name, level in QUIET.items():
        os.environ.setdefault(name, level)
