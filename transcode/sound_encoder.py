"""Samples become frames of AAC-LC whose times are those of the samples.

    samples ─► resampler, where the rate differs ─► 1024 at a time ─► FFmpeg's encoder ─► packets

Strategy: one object for each stretch of sound without a gap. It counts samples from the stretch's beginning, so that
nothing is ever rounded twice; the encoder's delay is in its packets' times already: the first one (priming) lies a
frame before the beginning, and the second one has its first sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec.context import CodecContext, Flags
from av.packet import Packet as AvPacket
from av.stream import Stream

from pinkmedia.media import Packet
from transcode.sound_mix import Wave, wave_of
from transcode.sound_rung import SoundRung

LAYOUTS = {1: "mono", 2: "stereo"}
"""FFmpeg's names, by channels."""
SAMPLE_FORMAT = "fltp"


class SoundEncoder:
    """Encodes one stretch of sound. Its methods raise FFmpegError."""

    def __init__(self, rung: SoundRung, sample_rate: int, begin_ticks: int, track_id: int) -> None:
        """``begin_ticks`` is the time of the first sample, in samples of the rung's rate; ``track_id`` the packets'."""
        self._rung = rung
        self._track_id = track_id
        self._source_rate = sample_rate
        self._source_count = 0
        self._frame_ticks = begin_ticks
        self._left_over: Wave = np.zeros((rung.channels, 0), np.float32)
        self._arrivals: dict[int, float] = {}
        self._received_at = 0.0
        self._context = _open_context(rung)
        self._resampler: AudioResampler | None = None
        if sample_rate != rung.sample_rate:
            self._resampler = AudioResampler(SAMPLE_FORMAT, LAYOUTS[rung.channels], rung.sample_rate)

    def write(self, wave: Wave, received_at: float) -> Iterator[Packet]:
        """The samples that follow; what is complete with them."""
        self._received_at = received_at
        for samples in self._resampled(wave):
            yield from self._take(samples)

    def flush(self) -> Iterator[Packet]:
        """What is left, filled up to a frame with silence. Nothing may be written afterwards."""
        if self._resampler is not None and self._source_count:
            for frame in self._resampler.resample(None):
                yield from self._take(wave_of(frame))
        if missing := -self._left_over.shape[1] % self._rung.frame_samples:
            yield from self._take(np.zeros((self._rung.channels, missing), np.float32))
        yield from self._packets(self._context.encode(None))

    def _resampled(self, wave: Wave) -> Iterator[Wave]:
        if self._resampler is None:
            yield wave
            return
        frame = self._frame(wave, self._source_rate, self._source_count)
        self._source_count += wave.shape[1]
        for resampled in self._resampler.resample(frame):
            yield wave_of(resampled)

    def _take(self, samples: Wave) -> Iterator[Packet]:
        waiting = np.concatenate([self._left_over, samples], axis=1)
        size = self._rung.frame_samples
        whole = waiting.shape[1] // size * size
        self._left_over = waiting[:, whole:]
        for begin in range(0, whole, size):
            frame = self._frame(waiting[:, begin : begin + size], self._rung.sample_rate, self._frame_ticks)
            self._arrivals[self._frame_ticks] = self._received_at
            self._frame_ticks += size
            yield from self._packets(self._context.encode(frame))

    def _frame(self, wave: Wave, sample_rate: int, pts_ticks: int) -> AudioFrame:
        layout = LAYOUTS[self._rung.channels]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(wave), format=SAMPLE_FORMAT, layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), pts_ticks
        return frame

    def _packets(self, units: list[AvPacket[Stream]]) -> Iterator[Packet]:
        for unit in units:
            if unit.pts is None:
                continue
            yield Packet(
                track_id=self._track_id,
                dts_ticks=unit.pts,
                pts_ticks=unit.pts,
                duration_ticks=self._rung.frame_samples,
                is_sync=True,
                payload=bytes(unit),
                received_at=self._arrivals.pop(unit.pts, self._received_at),
            )


def _open_context(rung: SoundRung) -> AudioCodecContext:
    context = CodecContext.create("aac", "w")
    context.sample_rate = rung.sample_rate
    context.layout = LAYOUTS[rung.channels]
    context.format = SAMPLE_FORMAT
    context.time_base = Fraction(1, rung.sample_rate)
    context.bit_rate = rung.bit_rate_bps
    context.flags |= Flags.global_header
    context.options = {"profile": "aac_low"}
    context.open()
    return context
