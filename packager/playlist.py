"""Playlists as text (RFC 8216bis): pure functions from published state.

Media playlist, in the order it is written:

    EXTM3U, VERSION, TARGETDURATION, SERVER-CONTROL, PART-INF, MEDIA-SEQUENCE, DISCONTINUITY-SEQUENCE
    per segment: DISCONTINUITY?, MAP?, PROGRAM-DATE-TIME, PART* (near the end only), GAP?, EXTINF, URI
    the open segment: the same without EXTINF and URI
    PRELOAD-HINT, RENDITION-REPORT*   or   ENDLIST
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from packager.window import Segment, Window
from pinkmedia.media import AudioTrack, Rendition, VideoTrack

VERSION = 6
"""EXT-X-MAP outside I-frame playlists needs 6 (§8); no tag used here needs more."""
PARTS_LISTED_TARGET_DURATIONS = 3
"""Parts older than this many target durations are left out (§4.4.4.9)."""
AUDIO_GROUP = "audio"
_VIDEO_RANGES = {16: "PQ", 18: "HLG"}
"""By transfer characteristics (ITU-T H.273); left out, it is SDR (§4.4.6.2)."""
STARTUP_BANDWIDTH_BPS = 2_500_000
"""The variant nearest to this comes first: players start with the first one."""


def media_playlist(window: Window, *, epoch_wall_seconds: float, others: Iterable[Window]) -> str:
    """The media playlist of a rendition as of now.

    ``epoch_wall_seconds`` is the wall clock (Unix seconds) of presentation time 0; ``others`` are the presentation's
    other renditions, for their reports.
    """
    lines = _header(window)
    first_with_parts = _first_segment_with_parts(window)
    init_uri = None
    for segment in window.segments:
        if not segment.parts and not segment.is_gap:
            continue
        if segment.has_discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.init_uri != init_uri:
            init_uri = segment.init_uri
            lines.append(f'#EXT-X-MAP:URI="{init_uri}"')
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date_time(epoch_wall_seconds + segment.start_seconds)}")
        if segment.msn >= first_with_parts and not window.is_ended:
            lines += _parts(segment)
        if segment.is_complete:
            lines += _segment_end(segment)
    lines += ["#EXT-X-ENDLIST"] if window.is_ended else [_preload_hint(window), *_reports(others)]
    return "\n".join(lines) + "\n"


def _header(window: Window) -> list[str]:
    layout = window.layout
    hold_back = math.ceil(layout.part_hold_back_seconds * 1000 - 1e-6) / 1000
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{layout.target_duration_seconds}",
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold_back:.3f}",
        f"#EXT-X-PART-INF:PART-TARGET={layout.part_target_seconds:.5f}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.segments[0].msn if window.segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_sequence}",
    ]


def _first_segment_with_parts(window: Window) -> int:
    """The oldest sequence number whose parts are listed."""
    remaining_seconds = float(PARTS_LISTED_TARGET_DURATIONS * window.layout.target_duration_seconds)
    msn = 0
    for segment in reversed(window.segments):
        msn = segment.msn
        remaining_seconds -= segment.duration_seconds
        if remaining_seconds <= 0:
            break
    return msn


def _parts(segment: Segment) -> list[str]:
    return [
        f'#EXT-X-PART:DURATION={part.duration_seconds:.5f},URI="{part.uri}"'
        + (",INDEPENDENT=YES" if part.is_independent else "")
        for part in segment.parts
    ]


def _segment_end(segment: Segment) -> list[str]:
    extinf = f"#EXTINF:{segment.duration_seconds:.5f},"
    return ["#EXT-X-GAP", extinf, segment.uri] if segment.is_gap else [extinf, segment.uri]


def _preload_hint(window: Window) -> str:
    msn, index = window.hinted
    return f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{msn}.{index}.m4s"'


def _reports(others: Iterable[Window]) -> list[str]:
    """EXT-X-RENDITION-REPORT: the newest part of each other rendition (§4.4.5.4)."""
    reports = []
    for other in others:
        last = next((segment for segment in reversed(other.segments) if segment.parts), None)
        if last is not None:
            uri = f"../{other.rendition.name}/media.m3u8"
            newest = f"LAST-MSN={last.msn},LAST-PART={len(last.parts) - 1}"
            reports.append(f'#EXT-X-RENDITION-REPORT:URI="{uri}",{newest}')
    return reports


def _date_time(unix_seconds: float) -> str:
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def multivariant_playlist(windows: Sequence[Window], *, base_uri: str) -> str:
    """The multivariant playlist (§4.4.6) of the renditions that can be played now.

    ``base_uri`` is the presentation's folder relative to the playlist, with a slash at its end.
    """
    videos = [window for window in windows if isinstance(window.rendition.track, VideoTrack)]
    audios = [window for window in windows if isinstance(window.rendition.track, AudioTrack)]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if not videos:
        for window in audios:
            lines += _variant(window, [], None, base_uri)
        return "\n".join(lines) + "\n"
    groups = _audio_groups(audios)
    lines += [
        _audio_media(window.rendition, group_id, base_uri, is_default=window is group[0])
        for group_id, group in groups.items()
        for window in group
    ]
    for group_id, group in groups.items() or [(None, [])]:
        for window in _startup_first(videos):
            lines += _variant(window, group, group_id, base_uri)
    return "\n".join(lines) + "\n"


def _audio_groups(audios: Sequence[Window]) -> dict[str, list[Window]]:
    """Tracks to choose from, by group id: those of one codec, because a variant's CODECS hold for all of a group."""
    groups: dict[str, list[Window]] = {}
    for window in audios:
        codec = window.rendition.track.codec
        is_first_codec = codec is audios[0].rendition.track.codec
        groups.setdefault(AUDIO_GROUP if is_first_codec else f"{AUDIO_GROUP}-{codec}", []).append(window)
    return groups


def _startup_first(videos: list[Window]) -> list[Window]:
    """The start-up variant, which must be there already, then the others from the best down."""
    there = [window for window in videos if not window.is_dormant] or videos
    startup = min(there, key=lambda window: abs(window.bandwidth.peak_bps - STARTUP_BANDWIDTH_BPS))
    rest = sorted(videos, key=lambda window: window.bandwidth.peak_bps, reverse=True)
    return [startup, *(window for window in rest if window is not startup)]


def _audio_media(rendition: Rendition, group_id: str, base_uri: str, *, is_default: bool) -> str:
    channels = f'CHANNELS="{rendition.track.channels}",' if isinstance(rendition.track, AudioTrack) else ""
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group_id}",NAME="{rendition.name}",'
        f"DEFAULT={'YES' if is_default else 'NO'},AUTOSELECT={'YES' if is_default else 'NO'},"
        f'{channels}URI="{base_uri}{rendition.name}/media.m3u8"'
    )


def _variant(window: Window, group: Sequence[Window], group_id: str | None, base_uri: str) -> list[str]:
    """A variant with the largest audio rendition that may be chosen beside it (§4.4.6.2)."""
    track = window.rendition.track
    codecs = ",".join(dict.fromkeys(one.rendition.track.codec_string for one in (window, *group)))
    peak_bps = window.bandwidth.peak_bps + max((one.bandwidth.peak_bps for one in group), default=0)
    average_bps = window.bandwidth.average_bps + max((one.bandwidth.average_bps for one in group), default=0)
    attributes = [
        f"BANDWIDTH={_rounded_up(peak_bps)}",
        f"AVERAGE-BANDWIDTH={_rounded_up(average_bps)}",
        f'CODECS="{codecs}"',
    ]
    if isinstance(track, VideoTrack):
        attributes += [f"RESOLUTION={track.display_width}x{track.height}", f"FRAME-RATE={float(track.frame_rate):.3f}"]
        video_range = _VIDEO_RANGES.get(track.colour.transfer) if track.colour else None
        attributes += [f"VIDEO-RANGE={video_range}"] if video_range else []
        attributes += [f'AUDIO="{group_id}"'] if group_id else []
        attributes += ["CLOSED-CAPTIONS=NONE"]
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{base_uri}{window.rendition.name}/media.m3u8"]


def _rounded_up(bps: int) -> int:
    return -(-bps // 1000) * 1000
