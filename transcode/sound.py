"""One audio track of the source becomes AAC-LC, in step with the picture.

    packets ─► SoundDecoder ─► places in time ─► SoundEncoder ─► packets

Strategy: every sample has the place that its packet's time gives it. Short gaps, and frames that cannot be decoded, are
silence of exactly their length; samples whose time is filled already are cut off; after a long gap, or when the rate
changes, a new stretch begins at its own time. So nothing drifts, however long the stream is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pinkmedia.media import Packet
from transcode.sound_decoder import Sound, SoundDecoder
from transcode.sound_encoder import SoundEncoder
from transcode.sound_mix import Wave
from transcode.sound_rung import SoundRung

LONGEST_FILLED_SECONDS = 2.0
"""A gap up to this is encoded as silence: longer than the node lets one become (`pinkmedia.live.silence`)."""


class SoundTranscoder:
    """Transcodes one track. Not for use by several threads."""

    def __init__(self, rung: SoundRung, track_id: int, on_packet: Callable[[Packet], None]) -> None:
        """``track_id`` is that of the packets which ``on_packet`` is given."""
        self._rung = rung
        self._track_id = track_id
        self._on_packet = on_packet
        self._decoder = SoundDecoder(rung.source, rung.channels)
        self._encoder: SoundEncoder | None = None
        self._sample_rate = rung.source.sample_rate
        """What is decoded; it may turn out to be another than the track's."""
        self._next_sample = 0
        """Where the next sample belongs, in samples of that rate."""
        self._emitted_ticks: int | None = None
        """End of the newest packet."""

    def write(self, packet: Packet) -> None:
        """One frame; one without a payload is silence for its duration. Raises FFmpegError when nothing can be
        encoded."""
        sound = self._decoder.decode(packet) or self._silence(packet.duration_ticks)
        first_sample = packet.pts_ticks * sound.sample_rate // self._rung.source.sample_rate
        missing = first_sample - self._next_sample
        encoder = self._encoder if sound.sample_rate == self._sample_rate else None
        if encoder is None or missing > LONGEST_FILLED_SECONDS * sound.sample_rate:
            encoder, missing = self._begin(sound.sample_rate, first_sample), 0
        self._encode(encoder, _from(sound.wave, missing), packet.received_at)

    def drain(self) -> None:
        """Emits what is left. Raises FFmpegError."""
        if self._encoder is not None:
            self._emit(self._encoder.flush())
            self._encoder = None

    def _silence(self, duration_ticks: int) -> Sound:
        count = duration_ticks * self._sample_rate // self._rung.source.sample_rate
        return Sound(self._sample_rate, np.zeros((self._rung.channels, count), np.float32))

    def _begin(self, sample_rate: int, first_sample: int) -> SoundEncoder:
        self.drain()
        self._sample_rate, self._next_sample = sample_rate, first_sample
        begin_ticks = round(first_sample * self._rung.sample_rate / sample_rate)
        self._encoder = SoundEncoder(self._rung, sample_rate, begin_ticks, self._track_id)
        return self._encoder

    def _encode(self, encoder: SoundEncoder, wave: Wave, received_at: float) -> None:
        self._next_sample += wave.shape[1]
        if wave.shape[1]:
            self._emit(encoder.write(wave, received_at))

    def _emit(self, packets: Iterable[Packet]) -> None:
        """No packet before the end of the last: the first of a stretch may only prime decoders."""
        for packet in packets:
            if self._emitted_ticks is None or packet.pts_ticks >= self._emitted_ticks:
                self._emitted_ticks = packet.pts_ticks + packet.duration_ticks
                self._on_packet(packet)


def _from(wave: Wave, missing: int) -> Wave:
    """With so many samples of silence in front; of a negative number, with so many cut off."""
    if missing <= 0:
        return wave[:, -missing:]
    return np.concatenate([np.zeros((wave.shape[0], missing), np.float32), wave], axis=1)
