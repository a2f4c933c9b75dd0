"""What a source becomes: which renditions, passed through or encoded, and how long its segments are.

The source's own key frames are the segment boundaries as long as they come often enough. Encoders are often set up
otherwise, so the longest distance that was seen between a stream's key frames decides, for its next presentation:

- up to the segment target: as configured;
- up to LONGEST_PASSTHROUGH_SECONDS: passed through, with longer segments;
- farther apart: encoded anew at the top, too, on a fixed grid (without transcoding: even longer segments).

A source that not every browser decodes is passed through beside a whole H.264 ladder. One with several video tracks
brings its ladder along. Of the sound, `pinkmedia.live.plan_audio` decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from packager.boundaries import Cadence
from packager.layout import LONGEST_ROUNDED_DOWN_SECONDS, Layout, PackagerSettings, plan_layout
from pinkmedia.live.plan_audio import plan_audios
from pinkmedia.media import AudioTrack, Codec, Track, VideoTrack
from transcode.ladder import Rung, plan_ladder, source_name
from transcode.sound_rung import SoundRung

LONGEST_PASSTHROUGH_SECONDS = 4.0
"""Segments longer than this make joining and switching too slow; encoding anew is worth its cost then."""
PLAYABLE_H264_PROFILES = frozenset({66, 77, 88, 100})
"""Baseline, Main, Extended and High (ITU-T H.264 Annex A)."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A source's track that is served as it is."""

    rendition_name: str
    track: Track


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source's way through the stages."""

    leader: Track
    """The track that decides where segments begin, and that rungs are encoded from: video where there is any."""
    carried: tuple[Carried, ...]
    rungs: tuple[Rung, ...]
    cadence: Cadence
    layout: Layout
    sounds: tuple[SoundRung, ...] = ()
    """The audio tracks that are encoded."""
    fills_silence: bool = False
    """Where sound is missing, silence is made: a node that makes nothing lists gaps."""

    @property
    def leader_rendition(self) -> str | None:
        """The rendition that carries the leader itself; None when its video is encoded anew."""
        return next((each.rendition_name for each in self.carried if each.track is self.leader), None)

    @property
    def rendition_names(self) -> frozenset[str]:
        encoded = [rung.name for rung in self.rungs] + [sound.name for sound in self.sounds]
        return frozenset(encoded + [each.rendition_name for each in self.carried])


def plan_source(
    tracks: Sequence[Track], key_frame_distance_seconds: float, settings: PackagerSettings, *, is_transcoding: bool
) -> SourcePlan:
    """Decides for a source's tracks (at least one), given the longest key frame distance known of the stream."""
    videos = [track for track in tracks if isinstance(track, VideoTrack)]
    audios = [track for track in tracks if isinstance(track, AudioTrack)]
    segment_target_seconds, is_passthrough = settings.segment_target_seconds, True
    if key_frame_distance_seconds > segment_target_seconds + LONGEST_ROUNDED_DOWN_SECONDS:
        if key_frame_distance_seconds <= LONGEST_PASSTHROUGH_SECONDS + LONGEST_ROUNDED_DOWN_SECONDS:
            segment_target_seconds = LONGEST_PASSTHROUGH_SECONDS
        elif is_transcoding:
            is_passthrough = False
        else:
            segment_target_seconds = float(math.ceil(key_frame_distance_seconds))
    carried_audios, sounds = plan_audios(audios, is_transcoding=is_transcoding)
    carried = [
        *_carried_videos(videos if is_passthrough else []),
        *(Carried(name, audio) for name, audio in carried_audios),
    ]
    heard = [*(audio for _, audio in carried_audios), *(sound.track for sound in sounds)]
    return SourcePlan(
        leader=videos[0] if videos else audios[0],
        carried=tuple(carried),
        rungs=_rungs(videos, passthrough=is_passthrough) if is_transcoding else (),
        cadence=Cadence.SOURCE_KEY_FRAMES if videos and is_passthrough else Cadence.FIXED_GRID,
        layout=plan_layout(settings, [*videos, *heard], segment_target_seconds),
        sounds=sounds,
        fills_silence=is_transcoding,
    )


def _rungs(videos: Sequence[VideoTrack], *, passthrough: bool) -> tuple[Rung, ...]:
    """What is encoded here: always H.264, which every browser decodes."""
    if not videos:
        return ()
    is_playable = passthrough and any(map(_plays_everywhere, videos))
    if is_playable and len(videos) > 1:
        return ()  # the encoder sends the ladder itself
    return plan_ladder(videos[0], passthrough=is_playable)


def _plays_everywhere(video: VideoTrack) -> bool:
    """H.264 with 8 bits and 4:2:0: of the other profiles some browsers show nothing."""
    return video.codec is Codec.H264 and int(video.codec_string[5:7], 16) in PLAYABLE_H264_PROFILES


def _carried_videos(videos: Sequence[VideoTrack]) -> list[Carried]:
    """Named by their size; what not every browser decodes, by its codec too."""
    names = [source_name(video) + ("" if _plays_everywhere(video) else f"-{video.codec}") for video in videos]
    return [Carried(name, video) for name, video in zip(_distinct(names), videos, strict=True)]


def _distinct(names: Sequence[str]) -> list[str]:
    """The second of a name gets ``-2``, and so on."""
    counts = Counter[str]()
    distinct = []
    for name in names:
        counts[name] += 1
        distinct.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return distinct
