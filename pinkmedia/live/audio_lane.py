"""Sound beside the picture: each track's way to its rendition.

    passed through:  track ─► AudioLane ──────────────► AudioGate ─► Presentation
    encoded:         track ─► AudioLane ─► Encoding ──► AudioGate ─► Presentation

The lane adds silence where sound is missing; the gate keeps what is ahead of the open segment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from packager.boundaries import BoundaryPlanner, Cut
from packager.presentation import Presentation
from pinkmedia.codecs.aac_silence import silent_frame
from pinkmedia.live.silence import Silence
from pinkmedia.media import VIDEO_TIMESCALE, AudioTrack, Codec, Packet
from transcode.sound_rung import SoundRung

MOST_AUDIO_PACKETS = 500
"""Of all audio tracks, kept until the video has come as far: ten seconds, more than any sensible key frame distance."""
SILENCE_TO_ENCODE = b""
"""The payload of a frame that a worker is to take for silence."""


class AudioLane:
    """One track. Its packets are on the presentation's timeline, in samples of the source."""

    def __init__(
        self, rendition_names: Sequence[str], track: AudioTrack, *, is_encoded: bool, fills_silence: bool
    ) -> None:
        """``rendition_names``: one, or all that the track is encoded to."""
        self.rendition_names = rendition_names
        self.track = track
        self.is_encoded = is_encoded
        self._silence: Silence | None = None
        self._payload = SILENCE_TO_ENCODE if is_encoded else _silent_payload(track)
        if fills_silence and self._payload is not None:
            self._silence = Silence(track.timescale, track.samples_per_frame, may_overlap=is_encoded)
        self._begin_ticks = 0

    def begin(self, video_ticks: int) -> None:
        """The first segment begins here: what lies before belongs to nothing."""
        self._begin_ticks = self._in_samples(video_ticks)
        if self._silence is not None:
            self._silence.begin(self._begin_ticks)

    def advanced(self, leader: Packet, video_ticks: int) -> Iterator[Packet]:
        """The leader has come as far, by this packet: silence that is due."""
        if self._silence is not None:
            for ticks in self._silence.advance(self._in_samples(video_ticks)):
                yield self._silent(ticks, leader.received_at)

    def filled(self, packet: Packet) -> Iterator[Packet]:
        """The packet, unless its time is filled already, and the silence that is missing before it."""
        # Of an encoded track, the frame that the segment begins within is cut by who encodes it.
        end_ticks = packet.pts_ticks + (packet.duration_ticks - 1 if self.is_encoded else 0)
        if end_ticks < self._begin_ticks:
            return
        silent = iter(()) if self._silence is None else self._silence.hear(packet.pts_ticks, packet.duration_ticks)
        if silent is not None:
            for ticks in silent:
                yield self._silent(ticks, packet.received_at)
            yield packet

    def _silent(self, ticks: int, received_at: float) -> Packet:
        duration_ticks = self.track.samples_per_frame
        return Packet(self.track.track_id, ticks, ticks, duration_ticks, True, self._payload or b"", received_at)

    def _in_samples(self, video_ticks: int) -> int:
        return video_ticks * self.track.timescale // VIDEO_TIMESCALE


def _silent_payload(track: AudioTrack) -> bytes | None:
    return silent_frame(track.configuration) if track.codec is Codec.AAC else None


class _Ahead(NamedTuple):
    rendition_name: str
    timescale: int
    packet: Packet


class AudioGate:
    """Where sound enters the presentation: no segment becomes too long by sound that is ahead of the picture."""

    def __init__(self, presentation: Presentation, planner: BoundaryPlanner) -> None:
        self._presentation = presentation
        self._planner = planner
        self._ahead: deque[_Ahead] = deque(maxlen=MOST_AUDIO_PACKETS)
        """Later than the open segment may end: it belongs to one that has not begun."""

    def write(self, rendition_name: str, timescale: int, packet: Packet) -> None:
        """One frame on the presentation's timeline."""
        end_ticks = (packet.pts_ticks + packet.duration_ticks) * VIDEO_TIMESCALE // timescale
        if end_ticks <= self._planner.latest_end_ticks:
            self._presentation.write(rendition_name, packet)
        else:
            self._ahead.append(_Ahead(rendition_name, timescale, packet))

    def release(self, cut: Cut) -> None:
        """A segment begins: what was ahead may belong to it. What lies before a break belongs to no segment."""
        for _ in range(len(self._ahead)):
            ahead = self._ahead.popleft()
            if not (cut.is_break and ahead.packet.pts_ticks * VIDEO_TIMESCALE // ahead.timescale < cut.pts_ticks):
                self.write(*ahead)


class EncodedSound:
    """What a worker makes of the tracks, on its way to the gate."""

    def __init__(self, gate: AudioGate, sounds: Sequence[SoundRung]) -> None:
        self._gate = gate
        self._sample_rates = {sound.name: sound.sample_rate for sound in sounds}
        self._begin_ticks = 0

    def begin_at(self, video_ticks: int) -> None:
        """A worker begins with the segment that begins here: what its sound has before belongs to none."""
        self._begin_ticks = video_ticks

    def write(self, rendition_name: str, packet: Packet) -> None:
        sample_rate = self._sample_rates[rendition_name]
        if packet.pts_ticks >= self._begin_ticks * sample_rate // VIDEO_TIMESCALE:
            self._gate.write(rendition_name, sample_rate, packet)
