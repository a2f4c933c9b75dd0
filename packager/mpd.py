"""DASH manifests (MPD, ISO/IEC 23009-1) as text: a pure function from published state.

    MPD                           availability, how often to read it again
    ├── ServiceDescription        the latency to keep, and how much faster or slower to play for it
    ├── Period *                  a stretch of the timeline without a discontinuity
    │   └── AdaptationSet *       pictures in one codec; or one audio track in one codec
    │       ├── ProducerReferenceTime
    │       └── Representation *  a rendition, by the names and numbers that its playlist has, too
    │           └── SegmentTemplate ── SegmentTimeline
    └── UTCTiming                 where to ask for the time

Strategy: segments follow the source's key frames, so each is listed with its own time (SegmentTimeline), counted by
`$Number$`. The segment in the making and the one after it are **announced**: listed with the longest duration that a
segment may have, and `@availabilityTimeOffset` such that each can be asked for one part after it begins (§A.3). What
was announced is corrected by the next MPD, and only ever downwards: a player that appends to what it knows whatever
ends later (Shaka) then takes no segment twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from packager.boundaries import Boundary
from packager.dates import date_time
from packager.layout import Layout
from packager.segment import Segment
from packager.window import Window
from pinkmedia.media import (
    HDR_TRANSFERS,
    ID3_SCHEME,
    SCTE35_SCHEME,
    VIDEO_TIMESCALE,
    AudioTrack,
    Track,
    VideoTrack,
)

PROFILES = ("urn:mpeg:dash:profile:isoff-live:2011", "urn:mpeg:dash:profile:cmaf:2019")
UPDATE_SECONDS = 0.5
"""How often players read the MPD: a segment that came sooner than announced is found no later than this."""
TARGET_DELAY_SECONDS = 0.6
"""Added to the hold back of HLS: players learn of a segment up to UPDATE_SECONDS late, and count from the clock, not
from what is published, so that what encoders and the publisher's line take is in it, too."""
PATIENCE_SECONDS = 0.8
"""How much of a Period may be there before it is shown without what is late: less than players have in store."""
LOWEST_LATENCY_RATIO, HIGHEST_LATENCY_RATIO = 0.5, 4.0
"""Of the target: the range in which players only change their speed."""
SLOWEST_RATE, FASTEST_RATE = 0.95, 1.05
"""Nobody hears these."""

_CLOCK_SCHEME = "urn:mpeg:dash:utc:http-xsdate:2014"
_CHANNELS_SCHEME = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_CHANNEL_CONFIGURATIONS = {**{count: count for count in range(1, 7)}, 7: 11, 8: 7}
"""ISO/IEC 23003-3 table for numbers of channels as AAC orders them: 5.1 is 6, 6.1 is 11, 7.1 is 7."""
_TRANSFER_SCHEME = "urn:mpeg:mpegB:cicp:TransferCharacteristics"

Value: TypeAlias = str | int | None
Lines: TypeAlias = list[str]
SetKey: TypeAlias = tuple[str, ...]
"""What all of an AdaptationSet have in common: "video" or "audio" first."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A Period: from a break in the timeline to the next one."""

    first_msn: int
    start_ticks: int
    """Presentation time at VIDEO_TIMESCALE."""
    end_msn: int | None
    """Where the next one begins; None for the last."""

    def holds(self, msn: int) -> bool:
        return msn >= self.first_msn and (self.end_msn is None or msn < self.end_msn)


def manifest(
    windows: Sequence[Window], breaks: Sequence[Boundary], *, epoch_wall_seconds: float, clock_uri: str
) -> str:
    """The MPD of a presentation as of now; its URIs are relative to the presentation's folder.

    ``windows`` are all its renditions, at least one of them playable, and ``breaks`` its boundaries with a
    discontinuity. ``epoch_wall_seconds`` is the wall clock (Unix seconds) of presentation time 0; ``clock_uri`` tells
    the time.
    """
    is_over = all(window.is_ended for window in windows)
    sets = _adaptation_sets(windows)
    stretches = [stretch for stretch in _stretches(breaks) if _has_come(stretch, sets)]
    layout = windows[0].layout
    start = date_time(epoch_wall_seconds)
    body = [] if is_over else _service_description(layout)
    for stretch in stretches:
        body += _period(stretch, sets, start, clock_uri, is_over=is_over)
    body += [] if is_over else _clock(clock_uri)
    attributes = _static(windows) if is_over else _dynamic(windows, start, epoch_wall_seconds)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_element("MPD", attributes, body)]
    return "\n".join(lines) + "\n"


def manifest_state(windows: Sequence[Window], breaks: Sequence[Boundary]) -> tuple[object, ...]:
    """What the manifest depends on: the same one stays true as long as this is equal."""
    sets = _adaptation_sets(windows)
    shown = [stretch for stretch in _stretches(breaks) if _has_come(stretch, sets)]
    return len(breaks), len(shown), *map(_window_state, windows)


def _window_state(window: Window) -> tuple[object, ...]:
    newest = _newest(window)
    edge = (newest.msn, newest.is_complete) if newest else None
    oldest_msn = window.segments[0].msn if window.segments else None
    return oldest_msn, edge, window.is_playable, window.is_ended


# The document


def _dynamic(windows: Sequence[Window], start: str, epoch_wall_seconds: float) -> dict[str, Value]:
    layout = windows[0].layout
    # Nothing but a segment's beginning changes what is listed, so that is when this was published.
    newest_seconds = max(window.segments[-1].start_seconds for window in windows if window.segments)
    return {
        **_root("dynamic", layout),
        "availabilityStartTime": start,
        "publishTime": date_time(epoch_wall_seconds + newest_seconds),
        "minimumUpdatePeriod": _duration(UPDATE_SECONDS),
        "timeShiftBufferDepth": _duration(layout.window_seconds),
        # Where players begin that do not begin at the target latency (Shaka).
        "suggestedPresentationDelay": _duration(layout.part_hold_back_seconds),
        "maxSegmentDuration": _duration(_announced_seconds(layout)),
    }


def _static(windows: Sequence[Window]) -> dict[str, Value]:
    end_seconds = max(window.end_seconds for window in windows)
    return {**_root("static", windows[0].layout), "mediaPresentationDuration": _duration(end_seconds)}


def _root(kind: str, layout: Layout) -> dict[str, Value]:
    return {
        "xmlns": "urn:mpeg:dash:schema:mpd:2011",
        "profiles": ",".join(PROFILES),
        "type": kind,
        "minBufferTime": _duration(layout.part_hold_back_seconds),
    }


def _service_description(layout: Layout) -> Lines:
    target_ms = round(_target_seconds(layout) * 1000)
    lowest_ms, highest_ms = round(target_ms * LOWEST_LATENCY_RATIO), round(target_ms * HIGHEST_LATENCY_RATIO)
    latency: dict[str, Value] = {"target": target_ms, "min": lowest_ms, "max": highest_ms, "referenceId": 0}
    rates: dict[str, Value] = {"min": f"{SLOWEST_RATE}", "max": f"{FASTEST_RATE}"}
    return _element("ServiceDescription", {"id": 0}, [*_element("Latency", latency), *_element("PlaybackRate", rates)])


def _clock(clock_uri: str) -> Lines:
    return _element("UTCTiming", {"schemeIdUri": _CLOCK_SCHEME, "value": clock_uri})


def _target_seconds(layout: Layout) -> float:
    return layout.part_hold_back_seconds + TARGET_DELAY_SECONDS


def _announced_seconds(layout: Layout) -> float:
    """No segment is longer: sound ends its segments up to a frame later than pictures, which is less than a part."""
    return layout.longest_segment_seconds + layout.part_target_seconds


# Periods


def _stretches(breaks: Sequence[Boundary]) -> list[_Stretch]:
    begins = [(0, 0), *((each.msn, each.pts_ticks) for each in breaks)]
    ends = [msn for msn, _ in begins[1:]]
    return [_Stretch(msn, ticks, end) for (msn, ticks), end in zip(begins, [*ends, None], strict=True)]


def _has_come(stretch: _Stretch, sets: Mapping[SetKey, Sequence[Window]]) -> bool:
    """All that is served is there: some players read once what a Period has. What is late is waited for a while, but
    there is something of each AdaptationSet in any case."""
    served = [set_windows for set_windows in map(_served, sets.values()) if set_windows]
    come = [[_is_in(window, stretch) for window in set_windows] for set_windows in served]
    newest_seconds = max((window.end_seconds for set_windows in served for window in set_windows), default=0.0)
    is_late = newest_seconds - stretch.start_ticks / VIDEO_TIMESCALE > PATIENCE_SECONDS
    return bool(come) and all(any(each) if is_late else all(each) for each in come)


def _is_in(window: Window, stretch: _Stretch) -> bool:
    """It has come as far as this, be it with a gap."""
    newest = _newest(window)
    return newest is not None and newest.msn >= stretch.first_msn


def _period(
    stretch: _Stretch, sets: Mapping[SetKey, Sequence[Window]], start: str, clock_uri: str, *, is_over: bool
) -> Lines:
    body: Lines = []
    first_sound = next((number for number, key in enumerate(sets) if key[0] == "audio"), None)
    for number, (key, windows) in enumerate(sets.items()):
        runs = [(window, _run(window, stretch)) for window in _served(windows)]
        representations = [line for window, run in runs if run for line in _representation(window, run, stretch)]
        if not representations:
            continue
        reference = [] if is_over else _producer_reference(number, start, clock_uri)
        parts = [*_properties(windows[0]), *reference, *representations]
        body += _adaptation_set(number, key, number == first_sound, parts)
    identity: dict[str, Value] = {
        "id": stretch.first_msn,
        "start": _duration(stretch.start_ticks / VIDEO_TIMESCALE),
    }
    return _element("Period", identity, body) if body else []


def _served(windows: Sequence[Window]) -> list[Window]:
    return [window for window in windows if window.is_playable]


def _run(window: Window, stretch: _Stretch) -> list[Segment]:
    """The newest segments in a Period that follow each other and share a header; numbers are counted, so that nothing
    may be missing between them."""
    run: list[Segment] = []
    for segment in reversed(window.segments):
        is_there = not segment.is_gap and (segment.is_complete or bool(segment.parts))
        if stretch.holds(segment.msn) and is_there and (not run or segment.init_uri == run[0].init_uri):
            run.append(segment)
        elif run:
            break
    return run[::-1]


# AdaptationSets


def _adaptation_sets(windows: Sequence[Window]) -> dict[SetKey, list[Window]]:
    """What may be changed for one another in the middle of playing."""
    sets: dict[SetKey, list[Window]] = {}
    for window in windows:
        sets.setdefault(_set_key(window), []).append(window)
    return sets


def _set_key(window: Window) -> SetKey:
    track = window.rendition.track
    if isinstance(track, AudioTrack):
        return "audio", track.codec, window.rendition.label
    return "video", track.codec, _hdr_transfer(track) or ""


def _hdr_transfer(track: VideoTrack) -> str | None:
    """Transfer characteristics (ITU-T H.273) that a display must know of."""
    return str(track.colour.transfer) if track.colour and track.colour.transfer in HDR_TRANSFERS else None


def _adaptation_set(number: int, key: SetKey, is_first_sound: bool, body: Lines) -> Lines:
    content_type = key[0]
    attributes: dict[str, Value] = {
        "id": number,
        "contentType": content_type,
        "mimeType": f"{content_type}/mp4",
        "segmentAlignment": "true",
        "startWithSAP": 1,
        "selectionPriority": 2 if is_first_sound else None,
    }
    return _element("AdaptationSet", attributes, body)


def _properties(window: Window) -> Lines:
    """In the schema's order (§5.3.7). What events there will be, nobody knows: players must listen from the start."""
    track = window.rendition.track
    events = [line for scheme in (SCTE35_SCHEME, ID3_SCHEME) for line in _descriptor("InbandEventStream", scheme)]
    if isinstance(track, AudioTrack):
        return [*events, f"<Label>{escape(window.rendition.label)}</Label>"]
    transfer = _hdr_transfer(track)
    return [*(_descriptor("SupplementalProperty", _TRANSFER_SCHEME, transfer) if transfer else []), *events]


def _producer_reference(number: int, start: str, clock_uri: str) -> Lines:
    """What the clock showed when a moment of the media came in; `prft` boxes tell when each part was made (§5.12)."""
    reference: dict[str, Value] = {
        "id": number,
        "inband": "true",
        "type": "encoder",
        "wallClockTime": start,
        "presentationTime": 0,
    }
    return _element("ProducerReferenceTime", reference, _clock(clock_uri))


# Representations


def _representation(window: Window, run: Sequence[Segment], stretch: _Stretch) -> Lines:
    rendition = window.rendition
    attributes: dict[str, Value] = {
        "id": rendition.name,
        "codecs": rendition.track.codec_string,
        "bandwidth": -(-window.bandwidth.peak_bps // 1000) * 1000,
    }
    return _element(
        "Representation",
        attributes | _format(rendition.track),
        [*_channels(rendition.track), *_segment_template(window, run, stretch)],
    )


def _format(track: Track) -> dict[str, Value]:
    if isinstance(track, AudioTrack):
        return {"audioSamplingRate": track.sample_rate}
    shape = track.sample_aspect_ratio
    return {
        "width": track.width,
        "height": track.height,
        "sar": f"{shape.numerator}:{shape.denominator}",
        "frameRate": str(track.frame_rate),
    }


def _channels(track: Track) -> Lines:
    configuration = _CHANNEL_CONFIGURATIONS.get(track.channels) if isinstance(track, AudioTrack) else None
    return [] if configuration is None else _descriptor("AudioChannelConfiguration", _CHANNELS_SCHEME, configuration)


def _segment_template(window: Window, run: Sequence[Segment], stretch: _Stretch) -> Lines:
    timescale = window.rendition.track.timescale
    attributes: dict[str, Value] = {
        "timescale": timescale,
        "presentationTimeOffset": stretch.start_ticks * timescale // VIDEO_TIMESCALE or None,
        "startNumber": run[0].msn,
        "initialization": f"$RepresentationID$/{run[0].init_uri}",
        "media": "$RepresentationID$/seg-$Number$.m4s",
    }
    if not window.is_ended:
        # A part after its beginning each can be asked for, and is sent as its parts are made.
        attributes["availabilityTimeOffset"] = f"{window.layout.longest_segment_seconds:g}"
        attributes["availabilityTimeComplete"] = "false"
    return _element("SegmentTemplate", attributes, _timeline(window, run, stretch))


def _timeline(window: Window, run: Sequence[Segment], stretch: _Stretch) -> Lines:
    """S elements (§5.3.9.6), equal durations in one."""
    entries: list[list[int]] = []
    end_ticks = None
    for start_ticks, duration_ticks in _times(window, run, stretch):
        if entries and start_ticks == end_ticks and duration_ticks == entries[-1][1]:
            entries[-1][2] += 1
        else:
            entries.append([start_ticks, duration_ticks, 0])
        end_ticks = start_ticks + duration_ticks
    lines = [line for t, d, r in entries for line in _element("S", {"t": t, "d": d, "r": r or None})]
    return _element("SegmentTimeline", {}, lines)


def _times(window: Window, run: Sequence[Segment], stretch: _Stretch) -> Iterator[tuple[int, int]]:
    """Start and duration of each segment, in the track's ticks, then those of what is announced."""
    timescale = window.rendition.track.timescale
    announced_ticks = math.ceil(_announced_seconds(window.layout) * timescale - 1e-6)
    for index, segment in enumerate(run):
        start_ticks = round(segment.start_seconds * timescale)
        if index + 1 < len(run):
            duration_ticks = round(run[index + 1].start_seconds * timescale) - start_ticks
        elif segment.is_complete:
            duration_ticks = round(segment.duration_seconds * timescale)
        else:
            duration_ticks = announced_ticks
        yield start_ticks, duration_ticks
    if not window.is_ended and run[-1] is _newest(window) and stretch.holds(run[-1].msn + 1):
        yield start_ticks + duration_ticks, announced_ticks


def _newest(window: Window) -> Segment | None:
    """The last segment that players know of."""
    return next((each for each in reversed(window.segments) if each.is_complete or each.parts), None)


# Text


def _element(name: str, attributes: Mapping[str, Value], body: Lines | None = None) -> Lines:
    """Attributes that are None are left out."""
    pairs = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    if not body:
        return [f"<{name}{pairs}/>"]
    return [f"<{name}{pairs}>", *(f"  {line}" for line in body), f"</{name}>"]


def _descriptor(name: str, scheme: str, value: Value = None) -> Lines:
    return _element(name, {"schemeIdUri": scheme, "value": value})


def _duration(seconds: float) -> str:
    """xs:duration, to the microsecond."""
    return "PT" + f"{seconds:.6f}".rstrip("0").rstrip(".") + "S"
