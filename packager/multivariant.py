"""Multivariant playlists as text (RFC 8216bis §4.4.6): a pure function from published state.

EXTM3U, VERSION, INDEPENDENT-SEGMENTS
per audio group: its tracks
per picture: a variant, with each group that belongs to it
the group that stands alone: a variant without a picture
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from packager.playlist import VERSION
from packager.window import Window
from pinkmedia.media import AudioTrack, Codec, VideoTrack

STARTUP_BANDWIDTH_BPS = 2_500_000
"""The variant nearest to this comes first: players start with the first one."""
_VIDEO_RANGES = {16: "PQ", 18: "HLG"}
"""By transfer characteristics (ITU-T H.273); left out, it is SDR (§4.4.6.2)."""


class _AudioGroup(NamedTuple):
    """Tracks to choose from: of one quality, and of one codec, because a variant's CODECS hold for all of a group."""

    group_id: str
    quality: str
    """`Rendition.audio_group`."""
    windows: tuple[Window, ...]


_SILENT = _AudioGroup("", "", ())


def multivariant_playlist(windows: Sequence[Window], *, base_uri: str) -> str:
    """The playlist of the renditions that can be played now.

    ``base_uri`` is the presentation's folder relative to the playlist, with a slash at its end.
    """
    videos = [window for window in windows if isinstance(window.rendition.track, VideoTrack)]
    audios = [window for window in windows if isinstance(window.rendition.track, AudioTrack)]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    groups = _audio_groups(audios) if videos else []
    offers = list(_offers(_startup_first(videos), groups)) if videos else [(window, _SILENT) for window in audios]
    for group in groups:
        if any(offered is group for _, offered in offers):
            lines += _media(group, base_uri)
    scores = _scores([window for window, _ in offers])
    for window, group in offers:
        lines += _variant(window, group, base_uri, scores[window.rendition.name])
    return "\n".join(lines) + "\n"


def _audio_groups(audios: Sequence[Window]) -> list[_AudioGroup]:
    """The best first: that is how renditions are added."""
    members: dict[tuple[str, Codec], list[Window]] = {}
    for window in audios:
        members.setdefault((window.rendition.audio_group, window.rendition.track.codec), []).append(window)
    groups: list[_AudioGroup] = []
    for (quality, codec), windows in members.items():
        is_first_codec = all(group.quality != quality for group in groups)
        groups.append(_AudioGroup(quality if is_first_codec else f"{quality}-{codec}", quality, tuple(windows)))
    return groups


def _offers(videos: Sequence[Window], groups: Sequence[_AudioGroup]) -> Iterator[tuple[Window, _AudioGroup]]:
    """Each picture with the sound that belongs to it, in every codec there is; then the sound that stands alone."""
    qualities = [group.quality for group in groups]
    for window in videos:
        wanted = window.rendition.audio_group
        quality = wanted if wanted in qualities or not qualities else qualities[0]
        for group in [group for group in groups if group.quality == quality] or [_SILENT]:
            yield window, group
    for group in groups:
        if group.windows[0].rendition.stands_alone:
            yield group.windows[0], group


def _startup_first(videos: list[Window]) -> list[Window]:
    """The start-up variant, which must be there already, then the others from the best down."""
    there = [window for window in videos if not window.is_dormant] or videos
    startup = min(there, key=lambda window: abs(window.bandwidth.peak_bps - STARTUP_BANDWIDTH_BPS))
    rest = sorted(videos, key=lambda window: window.bandwidth.peak_bps, reverse=True)
    return [startup, *(window for window in rest if window is not startup)]


def _scores(windows: Sequence[Window]) -> dict[str, int]:
    """By the rendition's name: the more pictures, pixels and bits, the better (§4.4.6.2)."""

    def quality(window: Window) -> tuple[float, int]:
        track = window.rendition.track
        pixel_rate = track.display_width * track.height * track.frame_rate if isinstance(track, VideoTrack) else 0
        return float(pixel_rate), window.rendition.bit_rate_bps

    names = dict.fromkeys(window.rendition.name for window in sorted(windows, key=quality))
    return {name: number + 1 for number, name in enumerate(names)}


def _media(group: _AudioGroup, base_uri: str) -> list[str]:
    """A line for each track; the first one is played unless the viewer chooses."""
    lines = []
    for index, window in enumerate(group.windows):
        rendition = window.rendition
        chosen = "NO" if index else "YES"
        channels = f'CHANNELS="{rendition.track.channels}",' if isinstance(rendition.track, AudioTrack) else ""
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group.group_id}",NAME="{rendition.label}",'
            f"DEFAULT={chosen},AUTOSELECT={chosen},{channels}"
            f'STABLE-RENDITION-ID="{rendition.name}",URI="{base_uri}{rendition.name}/media.m3u8"'
        )
    return lines


def _variant(window: Window, group: _AudioGroup, base_uri: str, score: int) -> list[str]:
    """A variant with the largest audio rendition that may be chosen beside it (§4.4.6.2)."""
    track = window.rendition.track
    picture = [] if window in group.windows else [window]
    codecs = ",".join(dict.fromkeys(one.rendition.track.codec_string for one in (*picture, *group.windows)))
    pictures, sounds = ([one.bandwidth for one in some] for some in (picture, group.windows))
    peak_bps = sum(each.peak_bps for each in pictures) + max((each.peak_bps for each in sounds), default=0)
    average_bps = sum(each.average_bps for each in pictures) + max((each.average_bps for each in sounds), default=0)
    name = window.rendition.name
    stable_id = f"{name}.{group.group_id}" if picture and group.windows else name
    attributes = [
        f"BANDWIDTH={_rounded_up(peak_bps)}",
        f"AVERAGE-BANDWIDTH={_rounded_up(average_bps)}",
        f"SCORE={score}.0",
        f'STABLE-VARIANT-ID="{stable_id}"',
        f'CODECS="{codecs}"',
    ]
    if isinstance(track, VideoTrack):
        attributes += [f"RESOLUTION={track.display_width}x{track.height}", f"FRAME-RATE={float(track.frame_rate):.3f}"]
        video_range = _VIDEO_RANGES.get(track.colour.transfer) if track.colour else None
        attributes += [f"VIDEO-RANGE={video_range}"] if video_range else []
    attributes += [f'AUDIO="{group.group_id}"'] if group.windows else []
    attributes += ["CLOSED-CAPTIONS=NONE"]
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{base_uri}{name}/media.m3u8"]


def _rounded_up(bps: int) -> int:
    return -(-bps // 1000) * 1000
