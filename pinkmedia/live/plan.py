"""What a source becomes: which renditions, passed through or encoded, and how long its segments are.

The source's own key frames are the segment boundaries as long as they come often enough. Encoders are often set up
otherwise, so the longest distance that was seen between a stream's key frames decides, for its next presentation:

- up to the segment target: as configured;
- up to LONGEST_PASSTHROUGH_SECONDS: passed through, with longer segments;
- farther apart: encoded anew at the top, too, on a fixed grid (without transcoding: even longer segments).

A source whose picture, frame rate or bit rate is beyond its stream's limits is encoded anew as well. One that not every
browser decodes is passed through beside a whole H.264 ladder. One with several video tracks brings its ladder along.
Of the sound, `pinkmedia.live.plan_audio` decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from packager.boundaries import Cadence
from packager.layout import LONGEST_ROUNDED_DOWN_SECONDS, Layout, PackagerSettings, plan_layout
from pinkmedia.live.plan_audio import plan_audios
from pinkmedia.media import HDR_TRANSFERS, AudioTrack, Codec, Track, VideoTrack
from pinkmedia.tiers import Tier
from transcode.ladder import HdrHandling, Ladder, Rung, plan_ladder, source_name
from transcode.sound_rung import SoundRung

LONGEST_PASSTHROUGH_SECONDS = 4.0
"""Segments longer than this make joining and switching too slow; encoding anew is worth its cost then."""
PLAYABLE_H264_PROFILES = frozenset({66, 77, 88, 100})
"""Baseline, Main, Extended and High (ITU-T H.264 Annex A)."""


@dataclass(frozen=True, slots=True)
class StreamPolicy:
    """What may be made of a stream's sources."""

    ladder: Ladder | None
    """None: nothing is encoded, viewers get what is sent."""
    tier: Tier
    passthrough_bps: int
    """Pictures with more, as a mean over some seconds, are encoded anew where there is a ladder."""
    dvr_seconds: float = 0.0
    """How far viewers can rewind; 0: as far as memory goes."""


@dataclass(slots=True)
class SourceHistory:
    """What was learnt of a stream's encoder: it outlives broadcasts, because encoders' settings do."""

    key_frame_distance_seconds: float = 0.0
    """The longest seen."""
    is_over_bit_rate: bool = False
    """It has sent more than may be passed through."""


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
    essential: frozenset[str]
    """Names of the rungs without which not every browser had a picture."""
    hdr: HdrHandling
    cadence: Cadence
    layout: Layout
    sounds: tuple[SoundRung, ...] = ()
    """What audio tracks are encoded to."""
    audio_only: str | None = None
    """The audio rendition that is offered without a picture, too."""
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
    tracks: Sequence[Track], history: SourceHistory, policy: StreamPolicy, settings: PackagerSettings
) -> SourcePlan:
    """Decides for a source's tracks (at least one), given what is known of the stream."""
    videos = [track for track in tracks if isinstance(track, VideoTrack)]
    audios = [track for track in tracks if isinstance(track, AudioTrack)]
    served = _served(videos, history, policy)
    segment_target_seconds = settings.segment_target_seconds
    distance_seconds = history.key_frame_distance_seconds
    if served and distance_seconds > segment_target_seconds + LONGEST_ROUNDED_DOWN_SECONDS:
        segment_target_seconds = max(LONGEST_PASSTHROUGH_SECONDS, math.ceil(distance_seconds))
    rungs = _rungs(videos, served, policy.ladder)
    heard = plan_audios(audios, rungs, has_own_picture=bool(served), is_transcoding=policy.ladder is not None)
    leader = served[0] if served else videos[0] if videos else audios[0]
    pictures = [track for track in (leader, *served, *_encoded(leader, rungs)) if isinstance(track, VideoTrack)]
    return SourcePlan(
        leader=leader,
        carried=(*_carried_videos(served, rungs), *(Carried(name, audio) for name, audio in heard.carried)),
        rungs=rungs,
        essential=_essential(served, rungs),
        hdr=policy.ladder.hdr if policy.ladder else "tone_map",
        cadence=Cadence.SOURCE_KEY_FRAMES if served else Cadence.FIXED_GRID,
        layout=plan_layout(
            replace(settings, dvr_seconds=policy.dvr_seconds), [*pictures, *heard.tracks], segment_target_seconds
        ),
        sounds=heard.sounds,
        audio_only=heard.smallest if settings.audio_only else None,
        fills_silence=policy.ladder is not None,
    )


def _encoded(leader: Track, rungs: Sequence[Rung]) -> list[Track]:
    """The tracks that the rungs will be, as far as they are known."""
    return [replace(leader, frame_rate=rung.frame_rate) for rung in rungs if isinstance(leader, VideoTrack)]


def _served(videos: Sequence[VideoTrack], history: SourceHistory, policy: StreamPolicy) -> list[VideoTrack]:
    """The pictures that are passed through: all that fit, unless their key frames or bit rate forbid it."""
    if policy.ladder is None:
        return list(videos)
    if history.is_over_bit_rate:
        return []
    if history.key_frame_distance_seconds > LONGEST_PASSTHROUGH_SECONDS + LONGEST_ROUNDED_DOWN_SECONDS:
        return []
    return [video for video in videos if policy.ladder.fits(video)]


def _rungs(videos: Sequence[VideoTrack], served: Sequence[VideoTrack], ladder: Ladder | None) -> tuple[Rung, ...]:
    """What is encoded here: with H.264, which every browser decodes, among it."""
    if not videos or ladder is None:
        return ()
    is_playable = any(map(_plays_everywhere, served))
    if is_playable and len(served) > 1:
        return ()  # the encoder sends the ladder itself
    source = served[0] if served else videos[0]
    if ladder.hdr == "refuse" and source.colour is not None and source.colour.transfer in HDR_TRANSFERS:
        return ()
    return plan_ladder(source, ladder, passthrough=is_playable)


def _essential(served: Sequence[VideoTrack], rungs: Sequence[Rung]) -> frozenset[str]:
    """The smallest that every browser decodes, where nothing such is passed through."""
    if any(map(_plays_everywhere, served)):
        return frozenset()
    plain = [rung.name for rung in rungs if rung.codec is Codec.H264]
    return frozenset(plain[-1:])


def _plays_everywhere(video: VideoTrack) -> bool:
    """H.264 with 8 bits and 4:2:0: of the other profiles some browsers show nothing."""
    return video.codec is Codec.H264 and int(video.codec_string[5:7], 16) in PLAYABLE_H264_PROFILES


def _carried_videos(videos: Sequence[VideoTrack], rungs: Sequence[Rung]) -> list[Carried]:
    """Named by their size; what not every browser decodes, by its codec too."""
    names = [source_name(video) + ("" if _plays_everywhere(video) else f"-{video.codec}") for video in videos]
    taken = [rung.name for rung in rungs]
    return [Carried(name, video) for name, video in zip(_distinct([*taken, *names])[len(taken) :], videos, strict=True)]


def _distinct(names: Sequence[str]) -> list[str]:
    """The second of a name gets ``-2``, and so on."""
    counts = Counter[str]()
    distinct = []
    for name in names:
        counts[name] += 1
        distinct.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return distinct
