"""The source's audio frames become samples in the channels of the rendition.

Strategy: a frame in, its samples out, in one call: none of these decoders holds anything back. What cannot be decoded
becomes nothing here, and silence in `transcode.sound`, which keeps the time.
"""

from __future__ import annotations

import sys
from typing import NamedTuple, cast

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet as AvPacket

from pinkmedia.media import AudioTrack, Codec, Packet
from transcode.sound_mix import Wave, mixing_matrix, wave_of

SOUND_DECODERS = {
    Codec.AAC: "aac",
    Codec.AC3: "ac3",
    Codec.EAC3: "eac3",
    Codec.FLAC: "flac",
    Codec.OPUS: "libopus",
}
"""FFmpeg's names."""
ERRORS_LOGGED = 20
"""Decode errors of one track that are logged one by one; a publisher must not fill the log."""


class Sound(NamedTuple):
    """What a frame decodes to."""

    sample_rate: int
    """In Hz; HE-AAC that does not announce itself has twice its track's."""
    wave: Wave


class SoundDecoder:
    """Decodes one track to one or two channels."""

    def __init__(self, source: AudioTrack, channels: int) -> None:
        self._channels = channels
        self._error_count = 0
        self._context = self._open(source)
        self._shape: tuple[str, str, int] | None = None
        self._packer = AudioResampler(format="flt")
        self._matrix = mixing_matrix(["FC"], channels)

    def decode(self, packet: Packet) -> Sound | None:
        """The samples of one frame; None when there are none."""
        if self._context is None or not packet.payload:
            return None
        try:
            sounds = [self._mixed(frame) for frame in self._context.decode(AvPacket(bytes(packet.payload)))]
        except (FFmpegError, ValueError) as error:
            self._log(f"audio frame at {packet.pts_ticks} cannot be decoded: {error}")
            return None
        rates = {sound.sample_rate for sound in sounds}
        if len(rates) != 1:
            return None
        return Sound(rates.pop(), np.concatenate([sound.wave for sound in sounds], axis=1))

    def _mixed(self, frame: AudioFrame) -> Sound:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self._shape = shape
            self._packer = AudioResampler(format="flt")
            self._matrix = mixing_matrix([channel.name for channel in frame.layout.channels], self._channels)
        # Packed first: PyAV looks for a ninth plane behind eight planar channels.
        packed = [wave_of(each).reshape(-1, self._matrix.shape[1]) for each in self._packer.resample(frame)]
        wave = self._matrix @ np.concatenate(packed).T
        # A broken frame may decode to anything; the encoder refuses what is not a number.
        return Sound(frame.sample_rate, np.nan_to_num(wave, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0))

    def _open(self, source: AudioTrack) -> AudioCodecContext | None:
        name = SOUND_DECODERS[source.codec]
        try:
            context = cast(AudioCodecContext, CodecContext.create(name, "r"))
            context.thread_count = 1
            context.extradata = _extradata(source)
            context.open()
        except (UnknownCodecError, FFmpegError, ValueError) as error:
            self._log(f"{source.codec} audio cannot be decoded, and is silent: {error}")
            return None
        return context

    def _log(self, text: str) -> None:
        self._error_count += 1
        if self._error_count <= ERRORS_LOGGED:
            sys.stderr.write(text + "\n")


def _extradata(source: AudioTrack) -> bytes | None:
    """The configuration in the form that FFmpeg's decoders know."""
    match source.codec:
        case Codec.AAC:
            return source.configuration
        case Codec.FLAC:
            return source.configuration[4:]  # STREAMINFO without its block's header
        case Codec.OPUS:
            return _opus_head(source.configuration)
    return None  # (E-)AC-3 frames say everything themselves


def _opus_head(specific: bytes) -> bytes:
    """Ogg's header (RFC 7845 §5.1, little-endian) of a ``dOps`` body.

    Without the pre-skip: packets keep their times, and a stream that is joined live has no beginning to skip to.
    """
    channels, gain, mapping = specific[1:2], specific[8:10][::-1], specific[10:]
    input_rate = specific[4:8][::-1]
    return b"OpusHead" + bytes((1,)) + channels + bytes(2) + input_rate + gain + mapping
