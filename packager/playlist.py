"""Media playlists as text (RFC 8216bis): a pure function from published state.

In the order it is written:

    EXTM3U, VERSION, TARGETDURATION, SERVER-CONTROL, PART-INF, MEDIA-SEQUENCE, DISCONTINUITY-SEQUENCE
    DATERANGE* (all of the window, in delta updates, too)
    SKIP? (delta updates only)
    per segment: DISCONTINUITY?, MAP?, PROGRAM-DATE-TIME, PART* (near the end only), GAP?, EXTINF, URI
    the open segment: the same without EXTINF and URI
    PRELOAD-HINT, RENDITION-REPORT*   or   ENDLIST
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

from packager.date_ranges import DateRanges
from packager.dates import date_time
from packager.segment import Segment
from packager.window import Window
from pinkmedia.media import VideoTrack

VERSION = 6
"""EXT-X-MAP outside I-frame playlists needs 6 (§8); no tag used here needs more, ..."""
DELTA_VERSION = 9
"""... except EXT-X-SKIP."""
FLOAT_MS = 1e-3
"""A time since 1970 in seconds is no more exact than this as a float."""
PARTS_LISTED_TARGET_DURATIONS = 3
"""Parts older than this many target durations are left out (§4.4.4.9)."""


def media_playlist(
    window: Window,
    *,
    epoch_wall_seconds: float,
    others: Iterable[Window],
    date_ranges: DateRanges | None = None,
    is_delta: bool = False,
) -> str:
    """The media playlist of a rendition as of now.

    ``epoch_wall_seconds`` is the wall clock (Unix seconds) of presentation time 0; ``others`` are the presentation's
    other renditions, for their reports, and ``date_ranges`` its metadata. ``is_delta``: what players have known for
    long is left out, where there is so much (§6.2.5.1).
    """
    skipped_count = _skipped_count(window) if is_delta else 0
    lines = _header(window, DELTA_VERSION if skipped_count else VERSION)
    init_uri = None
    if date_ranges is not None and window.segments:
        lines += date_ranges.lines(window.segments[0].start_seconds, epoch_wall_seconds)
    if skipped_count:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped_count}")
        init_uri = window.segments[skipped_count - 1].init_uri
    first_with_parts = _first_segment_with_parts(window)
    for segment in islice(window.segments, skipped_count, None):
        if not segment.is_listed:
            continue
        if segment.has_discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.init_uri != init_uri:
            init_uri = segment.init_uri
            lines.append(f'#EXT-X-MAP:URI="{init_uri}"')
        has_parts = segment.msn >= first_with_parts  # after the end, too: it is by its last part that hls.js knows it
        lines.append(_listing(window, segment, epoch_wall_seconds, has_parts=has_parts))
    lines += ["#EXT-X-ENDLIST"] if window.is_ended else [_preload_hint(window), *_reports(others)]
    return "\n".join(lines) + "\n"


def _skipped_count(window: Window) -> int:
    """How many segments, the oldest, are farther from the end of the last complete one than CAN-SKIP-UNTIL."""
    skip_until_seconds = window.layout.skip_until_seconds
    if skip_until_seconds is None or window.is_ended:
        return 0
    remaining_seconds = float(skip_until_seconds)
    kept_count = 0
    for segment in reversed(window.segments):
        if remaining_seconds <= 0:
            break
        kept_count += 1
        remaining_seconds -= segment.duration_seconds if segment.is_complete else 0.0
    return len(window.segments) - kept_count


def _header(window: Window, version: int) -> list[str]:
    layout = window.layout
    hold_back = math.ceil(layout.part_hold_back_seconds * 1000 - 1e-6) / 1000
    skip_until = "" if layout.skip_until_seconds is None else f"CAN-SKIP-UNTIL={layout.skip_until_seconds:.1f},"
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{layout.target_duration_seconds}",
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,{skip_until}PART-HOLD-BACK={hold_back:.3f}",
        f"#EXT-X-PART-INF:PART-TARGET={layout.part_target_seconds:.5f}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.segments[0].msn if window.segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_sequence}",
    ]


def _listing(window: Window, segment: Segment, epoch_wall_seconds: float, *, has_parts: bool) -> str:
    """A segment's own lines. They are kept as soon as they change no more: windows may have thousands."""
    if segment.listing and not has_parts:
        return segment.listing
    lines = [f"#EXT-X-PROGRAM-DATE-TIME:{date_time(_listed_wall_seconds(window, segment, epoch_wall_seconds))}"]
    lines += _parts(segment) if has_parts else []
    lines += _segment_end(segment) if segment.is_complete else []
    text = "\n".join(lines)
    if segment.is_complete and not has_parts:
        segment.listing = text
    return text


def _listed_wall_seconds(window: Window, segment: Segment, epoch_wall_seconds: float) -> float:
    """To the millisecond, which is what players keep of it: sound never later beside pictures than it is.

    Players align sound to pictures by these dates. hls.js, where it began inside a segment, asks for nothing after it
    while the segment ends, by the playlist, later than what it has buffered of it.
    """
    milliseconds = (epoch_wall_seconds + segment.start_seconds) * 1000
    is_video = isinstance(window.rendition.track, VideoTrack)
    whole = math.ceil(milliseconds - FLOAT_MS) if is_video else math.floor(milliseconds + FLOAT_MS)
    return whole / 1000


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
        f'#EXT-X-PART:DURATION={_never_longer(part.duration_seconds):.5f},URI="{part.uri}"'
        + (",INDEPENDENT=YES" if part.is_independent else "")
        for part in segment.parts
    ]


def _never_longer(duration_seconds: float) -> float:
    """As it is written, for the same reason as `_listed_wall_seconds`."""
    return math.floor(duration_seconds * 1e5 + FLOAT_MS) / 1e5


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
