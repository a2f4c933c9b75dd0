"""What a source becomes: which renditions, passed through or encoded, and how long its segments are.

The source's own key frames are the segment boundaries as long as they come often enough. Encoders are often set up
otherwise, so the longest distance that was seen between a stream's key frames decides, for its next presentation:

- up to the segment target: as configured;
- up to LONGEST_PASSTHROUGH_SECONDS: passed through, with longer segments;
- farther apart: encoded anew at the top, too, on a fixed grid (without transcoding: even longer segments).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from packager.boundaries import Cadence
from packager.layout import LONGEST_ROUNDED_DOWN_SECONDS, Layout, PackagerSettings, plan_layout
from pinkmedia.media import AudioTrack, Track, VideoTrack
from transcode.ladder import Rung, plan_ladder, source_name

LONGEST_PASSTHROUGH_SECONDS = 4.0
"""Segments longer than this make joining and switching too slow; encoding anew is worth its cost then."""
AUDIO_RENDITION = "audio"


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source's way through the stages."""

    video: VideoTrack | None
    audio: AudioTrack | None
    passthrough_name: str | None
    """The rendition that carries the source's own video."""
    rungs: tuple[Rung, ...]
    cadence: Cadence
    layout: Layout

    @property
    def leader(self) -> Track:
        """The track that decides where segments begin: video where there is any."""
        leader = self.video or self.audio
        if leader is None:
            raise ValueError("a source has at least one track")
        return leader

    @property
    def leader_rendition(self) -> str | None:
        """The rendition that carries the leader itself; None when its video is encoded anew."""
        return self.passthrough_name if self.video else AUDIO_RENDITION

    @property
    def rendition_names(self) -> frozenset[str]:
        names = {rung.name for rung in self.rungs}
        names |= {self.passthrough_name} if self.passthrough_name else set()
        names |= {AUDIO_RENDITION} if self.audio else set()
        return frozenset(names)


def plan_source(
    tracks: Sequence[Track], key_frame_distance_seconds: float, settings: PackagerSettings, *, is_transcoding: bool
) -> SourcePlan:
    """Decides for a source's tracks (at least one), given the longest key frame distance known of the stream."""
    video = next((track for track in tracks if isinstance(track, VideoTrack)), None)
    audio = next((track for track in tracks if isinstance(track, AudioTrack)), None)
    segment_target_seconds, is_passthrough = settings.segment_target_seconds, True
    if key_frame_distance_seconds > segment_target_seconds + LONGEST_ROUNDED_DOWN_SECONDS:
        if key_frame_distance_seconds <= LONGEST_PASSTHROUGH_SECONDS + LONGEST_ROUNDED_DOWN_SECONDS:
            segment_target_seconds = LONGEST_PASSTHROUGH_SECONDS
        elif is_transcoding:
            is_passthrough = False
        else:
            segment_target_seconds = float(math.ceil(key_frame_distance_seconds))
    return SourcePlan(
        video=video,
        audio=audio,
        passthrough_name=source_name(video) if video and is_passthrough else None,
        rungs=plan_ladder(video, passthrough=is_passthrough) if video and is_transcoding else (),
        cadence=Cadence.SOURCE_KEY_FRAMES if video and is_passthrough else Cadence.FIXED_GRID,
        layout=plan_layout(settings, tracks, segment_target_seconds),
    )
