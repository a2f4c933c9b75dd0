"""What a publisher has said of its media so far, and the tracks that follow from it.

Metadata is a hint: it says which tracks to wait for, the frame rate and the audio's bit rate. Only sequence headers
make a track.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from fractions import Fraction

from ingest.frame_rate import declared_frame_rate
from pinkmedia.codecs.aac import AudioSpecificConfig, audio_track
from pinkmedia.codecs.h264 import AvcConfiguration, SequenceParameterSet, parse_sps, video_track
from pinkmedia.media import Track

VIDEO_TRACK_ID = 1
AUDIO_TRACK_ID = 2
MAX_AUDIO_KBPS = 2_000
"""Above any AAC; a larger figure in the metadata is not in kilobits."""


class MediaKind(Enum):
    """Which of a publisher's two tracks."""

    AUDIO = auto()
    VIDEO = auto()


_CODEC_FIELDS = {MediaKind.AUDIO: "audiocodecid", MediaKind.VIDEO: "videocodecid"}


class SourceDescription:
    """Collects metadata and sequence headers."""

    def __init__(self) -> None:
        self._metadata: Mapping[str, object] = {}
        self._video: AvcConfiguration | None = None
        self._sps: SequenceParameterSet | None = None
        self._audio: AudioSpecificConfig | None = None

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        self._metadata = properties

    def set_video(self, configuration: AvcConfiguration) -> bool:
        """Whether that was news. Raises CodecError for parameter sets that cannot be parsed."""
        if configuration == self._video:
            return False
        self._sps = parse_sps(configuration.sps[0])
        self._video = configuration
        return True

    def set_audio(self, configuration: AudioSpecificConfig) -> bool:
        """Whether that was news."""
        is_news = configuration != self._audio
        self._audio = configuration
        return is_news

    @property
    def described(self) -> frozenset[MediaKind]:
        """The kinds whose sequence header has come."""
        headers = {MediaKind.VIDEO: self._video, MediaKind.AUDIO: self._audio}
        return frozenset(kind for kind, header in headers.items() if header is not None)

    @property
    def announced(self) -> frozenset[MediaKind]:
        """The kinds that the metadata names; both when it names none."""
        named = frozenset(kind for kind, field in _CODEC_FIELDS.items() if self._metadata.get(field))
        return named or frozenset(MediaKind)

    @property
    def frame_rate(self) -> Fraction | None:
        """As declared; None when it must be measured."""
        return declared_frame_rate(self._metadata) or (self._sps.frame_rate if self._sps else None)

    def tracks(self, frame_rate: Fraction) -> tuple[Track, ...]:
        """What has been described, video first."""
        tracks: list[Track] = []
        if self._video is not None:
            tracks.append(video_track(self._video, track_id=VIDEO_TRACK_ID, frame_rate=frame_rate))
        if self._audio is not None:
            bit_rate_bps = self._audio_bit_rate_bps()
            tracks.append(audio_track(self._audio, track_id=AUDIO_TRACK_ID, bit_rate_bps=bit_rate_bps))
        return tuple(tracks)

    def _audio_bit_rate_bps(self) -> int | None:
        rate_kbps = self._metadata.get("audiodatarate")
        if isinstance(rate_kbps, float) and 0 < rate_kbps <= MAX_AUDIO_KBPS:
            return round(rate_kbps * 1000)
        return None
