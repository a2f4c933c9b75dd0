"""The rules of RFC 8216bis for media playlists, as a checker that watches them change.

    text ─► read_playlist ─► Playlist ─┬─► faults           rules that one version must keep
                                       ├─► change_faults    rules between a version and a later one
                                       └─► group_faults     rules between the renditions of one presentation

Each returns what is wrong, in words with the section's number; an empty list is a valid playlist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from tests.playlist_reader import SINGLE_TAGS, ListedSegment, Playlist, read_playlist
from tests.system.player import attributes

PRINTED_SECONDS = 0.001
"""Durations are printed with five digits and dates with three: sums may differ by so much per step."""
DATE_SECONDS = 0.1
"""How far a segment's date may be from the end of the one before: a frame and the jitter of a publisher's clock."""
OVERLAP_SECONDS = 1.0
"""After a discontinuity dates may go back by less than this (§6.2.1)."""
SHORTEST_PART_RATIO = 0.85
"""§4.4.4.9."""
LEAST_SKIPPED_TARGET_DURATIONS = 6
"""§4.4.3.8."""
WHOLE_VERSION = "6"
"""§8: EXT-X-MAP needs it; only EXT-X-SKIP would need more."""
LEAST_TARGET_DURATIONS = 3
"""What must stay listed when segments are removed (§6.2.2), and how far PART-HOLD-BACK is from the end (§4.4.3.8)."""


# One version


def faults(playlist: Playlist) -> list[str]:
    """What is wrong with a version by itself."""
    return [
        *_header_faults(playlist),
        *_tail_faults(playlist),
        *(fault for segment in playlist.segments for fault in _segment_faults(playlist, segment)),
        *_part_faults(playlist),
        *_old_part_faults(playlist),
        *_map_faults(playlist),
        *_date_faults(playlist),
    ]


def _header_faults(playlist: Playlist) -> Iterator[str]:
    counts = Counter(line.partition(":")[0] for line in playlist.lines)
    yield from (f"4.4.1: {tag} occurs {counts[tag]} times" for tag in SINGLE_TAGS if counts[tag] != 1)
    yield from (f"4.4: misplaced or unknown: {line}" for line in playlist.misplaced)
    yield from (
        f"4.4.5.1: the date range {identity!r} has no ID or no start"
        for identity, values in playlist.date_ranges.items()
        if not identity or "START-DATE" not in values
    )
    if any(line.startswith("#EXT-X-PLAYLIST-TYPE") for line in playlist.lines):
        yield "6.2.2: a playlist that lets segments go has a type"
    if playlist.lines[0] != "#EXTM3U":
        yield "4.4.1.1: EXTM3U is not the first line"
    control = attributes(playlist.header["#EXT-X-SERVER-CONTROL"])
    if control.get("CAN-BLOCK-RELOAD") != "YES":
        yield "4.4.3.8: a low-latency playlist without blocking reload"
    if float(control.get("CAN-SKIP-UNTIL", "inf")) < LEAST_SKIPPED_TARGET_DURATIONS * playlist.target_seconds:
        yield "4.4.3.8: CAN-SKIP-UNTIL is less than six target durations"
    if float(control.get("HOLD-BACK", "inf")) < LEAST_TARGET_DURATIONS * playlist.target_seconds:
        yield "4.4.3.8: HOLD-BACK is less than three target durations"
    if playlist.header.get("#EXT-X-VERSION", WHOLE_VERSION) != WHOLE_VERSION:
        yield "8: a whole playlist of a version that it does not need"
    if float(control["PART-HOLD-BACK"]) < LEAST_TARGET_DURATIONS * playlist.part_target_seconds - PRINTED_SECONDS:
        yield "4.4.3.8: PART-HOLD-BACK is less than three part targets"


def _tail_faults(playlist: Playlist) -> Iterator[str]:
    if playlist.is_ended:
        if playlist.hints or playlist.lines[-1] != "#EXT-X-ENDLIST":
            yield "4.4.5.3: something follows the end"
        if playlist.segments and not playlist.segments[-1].is_whole:
            yield "4.4.3.4: the last segment of an ended playlist is not whole"
        return
    if len(playlist.hints) != 1:
        yield f"4.4.5.3: {len(playlist.hints)} preload hints"
    listed = {part.uri for segment in playlist.segments for part in segment.parts}
    yield from (f"4.4.5.3: {hint['URI']} is hinted and listed" for hint in playlist.hints if hint["URI"] in listed)


def _segment_faults(playlist: Playlist, segment: ListedSegment) -> Iterator[str]:
    name = f"segment {segment.msn}"
    if segment.map_uri is None:
        yield f"4.4.4.5: {name} has no EXT-X-MAP"
    if segment.date is None:
        yield f"4.4.4.6: {name} has no date"
    if not segment.is_whole:
        return
    if segment.seconds is None:
        yield f"4.4.4.1: {name} has no EXTINF"
    elif int(segment.seconds + 0.5) > playlist.target_seconds:
        yield f"4.4.3.1: {name} lasts {segment.seconds} s, more than the target duration"
    elif segment.parts and abs(sum(part.seconds for part in segment.parts) - segment.seconds) > PRINTED_SECONDS:
        yield f"4.4.4.9: the parts of {name} do not add up to it"


def _part_faults(playlist: Playlist) -> Iterator[str]:
    target_seconds = playlist.part_target_seconds
    uris = Counter(part.uri for segment in playlist.segments for part in segment.parts)
    yield from (f"4.4.4.9: {uri} is listed twice" for uri, count in uris.items() if count > 1)
    for segment in playlist.segments:
        yield from (
            f"4.4.4.9: {part.uri} lasts {part.seconds} s, more than the part target"
            for part in segment.parts
            if part.seconds > target_seconds
        )
        # The last one listed may turn out to be the last of its segment, which may be short.
        yield from (
            f"4.4.4.9: {part.uri} lasts {part.seconds} s, less than 85 % of the part target"
            for part, following in pairwise(segment.parts)
            if part.seconds < SHORTEST_PART_RATIO * target_seconds
            and not (part.is_independent or part.is_gap or following.is_gap)
        )


def _old_part_faults(playlist: Playlist) -> Iterator[str]:
    """Parts leave the list when they are three target durations from its end (§6.2.2); by whole segments, here."""
    behind_seconds = 0.0
    for segment in reversed(playlist.segments):
        if segment.parts and behind_seconds > LEAST_TARGET_DURATIONS * playlist.target_seconds:
            yield f"6.2.2: the parts of segment {segment.msn} are still listed"
        behind_seconds += segment.seconds if segment.seconds is not None else 0.0


def _map_faults(playlist: Playlist) -> Iterator[str]:
    for earlier, later in pairwise(playlist.segments):
        if earlier.map_uri != later.map_uri and not (later.has_discontinuity or earlier.is_gap or later.is_gap):
            yield f"4.4.4.3: segment {later.msn} has another header, and no discontinuity"


def _date_faults(playlist: Playlist) -> Iterator[str]:
    for earlier, later in pairwise(playlist.segments):
        if earlier.date is None or earlier.seconds is None or later.date is None:
            continue
        missing_seconds = later.date - earlier.date - earlier.seconds
        if (earlier.is_gap or later.is_gap) and 0 < missing_seconds <= playlist.target_seconds:
            continue  # where a rendition stopped or came back within a segment: nothing plays there, dates tell when
        if later.has_discontinuity:
            if missing_seconds <= -OVERLAP_SECONDS:
                yield f"6.2.1: segment {later.msn} begins {-missing_seconds:.3f} s before the end of the one before"
        elif abs(missing_seconds) > DATE_SECONDS:
            yield f"4.4.4.6: segment {later.msn} begins {missing_seconds:+.3f} s from the end of the one before"


# Change


def change_faults(earlier: Playlist, later: Playlist) -> list[str]:
    """What is wrong with a version as the successor of one seen before (§6.2.1, §6.2.2)."""
    if earlier.is_ended:
        return [] if earlier.lines == later.lines else ["4.4.3.4: an ended playlist changed"]
    fixed = ("#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF")
    return [
        *(f"6.2.1: {tag} changed" for tag in fixed if earlier.header[tag] != later.header[tag]),
        *_removal_faults(earlier, later),
        *_date_range_faults(earlier, later),
        *(fault for segment in later.segments for fault in _rewriting_faults(earlier.find(segment.msn), segment)),
    ]


def _removal_faults(earlier: Playlist, later: Playlist) -> Iterator[str]:
    if later.first_msn < earlier.first_msn:
        yield "6.2.2: the media sequence number decreased"
    if later.edge < earlier.edge:
        yield f"6.2.1: the playlist went back from part {earlier.edge} to {later.edge}"
    removed = [segment for segment in earlier.segments if segment.msn < later.first_msn]
    expected = earlier.discontinuity_sequence + sum(segment.has_discontinuity for segment in removed)
    is_contiguous = later.first_msn <= earlier.edge[0]
    if later.discontinuity_sequence < expected or (is_contiguous and later.discontinuity_sequence != expected):
        yield f"6.2.2: EXT-X-DISCONTINUITY-SEQUENCE is {later.discontinuity_sequence}, not {expected}"
    listed_seconds = sum(segment.seconds or 0.0 for segment in later.segments)
    if removed and listed_seconds < LEAST_TARGET_DURATIONS * later.target_seconds:
        yield f"6.2.2: only {listed_seconds:.3f} s stay listed"


def _date_range_faults(earlier: Playlist, later: Playlist) -> Iterator[str]:
    """Attributes may be added to a date range, but none changed (§4.4.5.1)."""
    for identity, known in earlier.date_ranges.items():
        values = later.date_ranges.get(identity, known)
        if any(values.get(name) != value for name, value in known.items()):
            yield f"4.4.5.1: the date range {identity} changed"


def _rewriting_faults(earlier: ListedSegment | None, later: ListedSegment) -> Iterator[str]:
    """What a segment was said to be, it is."""
    if earlier is None:
        return
    for name in ("discontinuity_number", "has_discontinuity", "map_uri", "date"):
        if getattr(earlier, name) != getattr(later, name):
            yield f"6.2.1: {name} of segment {later.msn} changed"
    if earlier.is_whole and (earlier.uri, earlier.seconds) != (later.uri, later.seconds):
        yield f"6.2.1: segment {later.msn} changed"
    if later.parts and earlier.parts != later.parts[: len(earlier.parts)]:
        yield f"6.2.1: the parts of segment {later.msn} changed"


# Renditions beside each other


def group_faults(playlists: Sequence[Playlist]) -> list[str]:
    """What is wrong between the media playlists of one multivariant playlist (§6.2.4)."""
    return [fault for one, other in pairwise(playlists) for fault in _pair_faults(one, other)]


def _pair_faults(one: Playlist, other: Playlist) -> Iterator[str]:
    for tag in ("#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL"):
        if one.header[tag] != other.header[tag]:
            yield f"6.2.4: {tag} differs between renditions"
    for segment in one.segments:
        beside = other.find(segment.msn)
        if beside is None or segment.is_gap or beside.is_gap:
            continue
        if segment.discontinuity_number != beside.discontinuity_number:
            yield f"6.2.4: the discontinuity number of segment {segment.msn} differs between renditions"
        if segment.date and beside.date and abs(segment.date - beside.date) > one.target_seconds:
            yield f"6.2.4: the date of segment {segment.msn} differs between renditions"


def lag_seconds(playlists: Sequence[Playlist]) -> float:
    """How far the rendition that is farthest behind is from the one in front; a target duration at most (§6.2.4)."""
    ends = [playlist.end_date for playlist in playlists if playlist.end_date is not None and not playlist.is_ended]
    return max(ends) - min(ends) if ends else 0.0


class PlaylistWatch:
    """Follows one media playlist's versions and refuses the first that breaks a rule."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.latest: Playlist | None = None
        self.segments: dict[int, ListedSegment] = {}
        """Every whole segment that was ever listed."""

    def observe(self, text: str) -> Playlist:
        """A version that was just fetched. Raises AssertionError with all that is wrong."""
        playlist = read_playlist(text)
        found = faults(playlist) + (change_faults(self.latest, playlist) if self.latest else [])
        refuse(found, f"{self._name}\n{text}")
        self.latest = playlist
        self.segments |= {segment.msn: segment for segment in playlist.whole_segments}
        return playlist


def refuse(found: Iterable[str], context: str) -> None:
    """Raises AssertionError when something was found."""
    complaints = "\n".join(found)
    assert not complaints, f"{complaints}\nin {context}"
