"""What a publisher has said of its media so far, and the tracks that follow from it.

Metadata is a hint: it says which tracks to wait for, the frame rate and the audio's bit rate. Only sequence headers
make a track.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from ingest.elementary import ColourInfo, MediaKind, TrackKey
from ingest.frame_rate import declared_frame_rate
from pinkmedia.codecs.formats import AudioFormat, VideoFormat
from pinkmedia.media import AudioTrack, VideoTrack

MAX_AUDIO_KBPS = 2_000
"""Above any AAC; a larger figure in the metadata is not in kilobits."""
MAX_ANNOUNCED_TRACKS = 16
"""Of each kind; what metadata names beyond is not waited for."""


_TRACK_NUMBER = re.compile("[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5]", re.ASCII)
_CODEC_FIELDS = {MediaKind.AUDIO: "audiocodecid", MediaKind.VIDEO: "videocodecid"}
_TRACK_FIELDS = {MediaKind.AUDIO: "audioTrackIdInfoMap", MediaKind.VIDEO: "videoTrackIdInfoMap"}
"""Of enhanced RTMP's onMetaData: the tracks beyond the first, by their number."""


class SourceDescription:
    """Collects metadata and sequence headers."""

    def __init__(self) -> None:
        self._metadata: Mapping[str, object] = {}
        self._videos: dict[int, VideoFormat] = {}
        self._audios: dict[int, AudioFormat] = {}
        self._colours: dict[int, ColourInfo] = {}
        self._measured_rates: dict[int, Fraction] = {}
        self._pending: set[TrackKey] = set()
        """Tracks that are there, and not described yet."""

    def set_metadata(self, properties: Mapping[str, object]) -> None:
        self._metadata = properties

    def announce(self, key: TrackKey) -> None:
        """A track that is there, of which more will be known with its first (key) frame."""
        self._pending.add(key)

    @property
    def is_incomplete(self) -> bool:
        """Whether a track is there that is not described yet."""
        return not self._pending <= self.described

    def set_video(self, number: int, video_format: VideoFormat) -> bool:
        """Whether that was news."""
        is_news = self._videos.get(number) != video_format
        self._videos[number] = video_format
        return is_news

    def set_colour(self, number: int, info: ColourInfo) -> bool:
        """Whether that was news."""
        is_news = self._colours.get(number) != info
        self._colours[number] = info
        return is_news

    def set_audio(self, number: int, audio_format: AudioFormat) -> bool:
        """Whether that was news."""
        is_news = self._audios.get(number) != audio_format
        self._audios[number] = audio_format
        return is_news

    @property
    def described(self) -> frozenset[TrackKey]:
        """The tracks whose sequence header has come."""
        videos = {TrackKey(MediaKind.VIDEO, number) for number in self._videos}
        return frozenset(videos | {TrackKey(MediaKind.AUDIO, number) for number in self._audios})

    @property
    def announced(self) -> frozenset[TrackKey]:
        """The tracks that the metadata names; the first of both kinds when it names none."""
        named = {kind for kind, field in _CODEC_FIELDS.items() if self._metadata.get(field) is not None}
        firsts = {TrackKey(kind, 0) for kind in named or MediaKind}
        others = {key for kind in MediaKind for key in self._announced_beyond_first(kind)}
        return frozenset(firsts | others | self._pending)

    def _announced_beyond_first(self, kind: MediaKind) -> set[TrackKey]:
        tracks = self._metadata.get(_TRACK_FIELDS[kind])
        names = list(tracks)[:MAX_ANNOUNCED_TRACKS] if isinstance(tracks, dict) else []
        return {TrackKey(kind, int(name)) for name in names if _TRACK_NUMBER.fullmatch(name)}

    def set_frame_rate(self, number: int, frame_rate: Fraction) -> None:
        """What was measured, and outranks what is declared."""
        self._measured_rates[number] = frame_rate

    def frame_rate(self, number: int) -> Fraction | None:
        """For this video track; None when it must be measured."""
        if number in self._measured_rates:
            return self._measured_rates[number]
        # onMetaData describes the first track only.
        declared = declared_frame_rate(self._metadata) if number == 0 else None
        return declared or self._videos[number].frame_rate

    def video_track(self, number: int, frame_rate: Fraction) -> VideoTrack:
        """The described track of this number. Raises CodecError."""
        track = self._videos[number].track(track_id=TrackKey(MediaKind.VIDEO, number).track_id, frame_rate=frame_rate)
        info = self._colours.get(number)
        if info is None:
            return track
        return replace(track, colour=info.colour or track.colour, hdr=info.hdr or track.hdr)

    def audio_track(self, number: int) -> AudioTrack:
        """The described track of this number. Raises CodecError."""
        bit_rate_bps = self._audio_bit_rate_bps() if number == 0 else None
        track_id = TrackKey(MediaKind.AUDIO, number).track_id
        return self._audios[number].track(track_id=track_id, bit_rate_bps=bit_rate_bps)

    def _audio_bit_rate_bps(self) -> int | None:
        rate_kbps = self._metadata.get("audiodatarate")
        if isinstance(rate_kbps, float) and 0 < rate_kbps <= MAX_AUDIO_KBPS:
            return round(rate_kbps * 1000)
        return None
