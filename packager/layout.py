"""Durations that a presentation promises and keeps: part target, target duration, hold back.

Parts hold a fixed number of frames chosen from the frame rate, because a time grid breaks the rule that a part lasts
at least 85 % of the part target (RFC 8216bis §4.4.4.9). PART-TARGET covers the longest part of any rendition.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pinkmedia.media import Track, VideoTrack

LEAST_SKIPPED_TARGET_DURATIONS = 6
"""What is nearer to the end than this, in target durations, is never left out of a playlist (RFC 8216bis §4.4.3.8)."""
PARTS_HELD_BACK = 3
"""PART-HOLD-BACK in part targets: Apple's authoring rules demand at least three."""
LONGEST_ROUNDED_DOWN_SECONDS = 0.499
"""What a segment may last beyond a whole number of seconds: its rounded duration counts (RFC 8216bis §4.4.3.1)."""
ASKED_AHEAD_SECONDS = 3.0
"""The "advance part limit": parts farther ahead than this are refused (RFC 8216bis §6.2.5.2), or one target duration
where that is longer. hls.js, when it has been told that its playlist is old, asks for what it reckons is newest."""
SHORTEST_PART_RATIO = 0.85
"""A part shorter than this share of the part target is only allowed at the end of a segment."""


@dataclass(frozen=True, slots=True)
class PackagerSettings:
    """What the operator chooses."""

    segment_target_seconds: float = 2.0
    """Segments begin at the first key frame at least this long after the last."""
    part_target_seconds: float = 0.2
    """Parts last about this long; the frame rate decides exactly."""
    window_seconds: float = 12.0
    """How much of the past is kept in memory, and listed at least."""
    dvr_seconds: float = 0.0
    """How much of it is listed, where it can be stored."""
    audio_only: bool = True
    """The sound of the smallest picture is offered without any, too."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The durations of one presentation; they never change while its playlists live."""

    target_duration_seconds: int
    """EXT-X-TARGETDURATION."""
    segment_target_seconds: float
    part_seconds: float
    """What parts are cut to, in whole frames."""
    part_target_seconds: float
    """PART-TARGET: at least the longest part of any rendition."""
    memory_seconds: float
    """How much of the past memory holds."""
    window_seconds: float
    """How much of it is listed, where there is an archive."""

    @property
    def skip_until_seconds(self) -> int | None:
        """CAN-SKIP-UNTIL; None where windows are too short for anything to be left out."""
        seconds = LEAST_SKIPPED_TARGET_DURATIONS * self.target_duration_seconds
        return seconds if self.window_seconds > seconds else None

    @property
    def most_parts_ahead(self) -> int:
        """How many parts ahead of the newest one players may ask."""
        seconds = max(ASKED_AHEAD_SECONDS, self.target_duration_seconds)
        return math.ceil(seconds / min(self.part_target_seconds, 1.0))

    @property
    def part_hold_back_seconds(self) -> float:
        return PARTS_HELD_BACK * self.part_target_seconds

    @property
    def longest_segment_seconds(self) -> float:
        """Longer ones would break the target duration."""
        return self.target_duration_seconds + LONGEST_ROUNDED_DOWN_SECONDS

    def part_ticks(self, track: Track) -> int:
        """The nominal duration of this track's parts."""
        return part_ticks(track, self.part_seconds)


def part_ticks(track: Track, part_target_seconds: float) -> int:
    """Whole frames nearest to the target: never longer for audio, which must fit beside the video's parts."""
    frames = part_target_seconds * track.timescale / track.frame_duration_ticks
    if isinstance(track, VideoTrack):
        count = max(1, round(frames))
    else:
        count = max(1, math.floor(frames + 1e-6))
        if count < SHORTEST_PART_RATIO * frames:
            count += 1
    return count * track.frame_duration_ticks


def plan_layout(settings: PackagerSettings, tracks: Iterable[Track], segment_target_seconds: float) -> Layout:
    """The layout for the tracks of all renditions, that which leads first.

    ``segment_target_seconds`` is the operator's, or longer when the source's key frames are farther apart.
    """
    tracks = list(tracks)
    video = [track for track in tracks if isinstance(track, VideoTrack)]
    wanted_seconds = settings.part_target_seconds
    if video:
        wanted_seconds = part_ticks(video[0], settings.part_target_seconds) / video[0].timescale
    longest_seconds = max(part_ticks(track, wanted_seconds) / track.timescale for track in tracks)
    # Rounded up to what a playlist prints, so that no printed part duration exceeds the printed target.
    part_target_seconds = math.ceil(longest_seconds * 100_000 - 1e-6) / 100_000
    return Layout(
        target_duration_seconds=max(1, math.ceil(segment_target_seconds - LONGEST_ROUNDED_DOWN_SECONDS)),
        segment_target_seconds=segment_target_seconds,
        part_seconds=wanted_seconds,
        part_target_seconds=part_target_seconds,
        memory_seconds=settings.window_seconds,
        window_seconds=max(settings.window_seconds, settings.dvr_seconds),
    )
