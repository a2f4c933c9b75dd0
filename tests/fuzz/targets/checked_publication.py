"""A publication that holds ingest to its promises, whatever the publisher sent."""

from __future__ import annotations

from collections.abc import Sequence

from packager.event_message import event_message
from packager.init_segment import init_segment
from pinkmedia.media import Packet, TimedMetadata, Track, VideoTrack
from pinkmedia.publishing import PublishLimits

FARTHEST_COMPOSITION_TICKS = 1 << 31
"""What a movie fragment can say (ISO/IEC 14496-12 §8.8.8)."""


class CheckedPublication:
    """Raises AssertionError where a promise is broken."""

    stream_name = "fuzz"
    limits = PublishLimits(bit_rate_bps=50_000_000, video_tracks=6, audio_tracks=6)

    def __init__(self) -> None:
        self._last_dts_ticks: dict[int, int | None] = {}
        self._is_over = False

    def begin(self, tracks: Sequence[Track]) -> None:
        assert not self._is_over
        self._last_dts_ticks = {track.track_id: None for track in tracks}
        assert len(self._last_dts_ticks) == len(tracks)
        for track in tracks:
            _check_track(track)

    def write(self, packet: Packet) -> None:
        assert not self._is_over
        last_dts_ticks = self._last_dts_ticks[packet.track_id]
        assert last_dts_ticks is None or packet.dts_ticks > last_dts_ticks
        assert abs(packet.pts_ticks - packet.dts_ticks) < FARTHEST_COMPOSITION_TICKS
        assert packet.duration_ticks > 0
        assert len(packet.payload)
        self._last_dts_ticks[packet.track_id] = packet.dts_ticks

    def write_metadata(self, metadata: TimedMetadata) -> None:
        assert not self._is_over
        assert event_message(metadata, number=1)

    def end(self, reason: str, *, is_clean: bool) -> None:
        assert not self._is_over
        self._is_over = True


def _check_track(track: Track) -> None:
    """It can be written down for players."""
    init_segment(track)
    assert track.codec_string.replace(".", "").replace("-", "").isalnum()
    assert track.codec_string.isascii()
    if isinstance(track, VideoTrack):
        assert min(track.width, track.height) > 0
        assert 0 < track.frame_rate <= 1000
    else:
        assert min(track.sample_rate, track.channels, track.samples_per_frame) > 0
