"""Media playlists as they are written (RFC 8216bis §4), for tests that hold them against rules.

The reader keeps what it cannot place (unknown tags, tags in a wrong place): players would stumble over it, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.system.player import attributes

SINGLE_TAGS = (
    "#EXTM3U",
    "#EXT-X-VERSION",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PART-INF",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
)
"""The header: each is there exactly once."""
_SEGMENT_TAGS = (
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-MAP",
    "#EXT-X-PROGRAM-DATE-TIME",
    "#EXT-X-PART",
    "#EXT-X-GAP",
    "#EXTINF",
)
_DATE_RANGE = "#EXT-X-DATERANGE"
_TAIL_TAGS = ("#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST")


@dataclass(frozen=True, slots=True)
class ListedPart:
    """One EXT-X-PART."""

    uri: str
    seconds: float
    is_independent: bool
    is_gap: bool


@dataclass(slots=True)
class ListedSegment:
    """One segment with its tags; without ``uri`` it is still in the making."""

    msn: int
    discontinuity_number: int
    """EXT-X-DISCONTINUITY-SEQUENCE plus the discontinuities listed up to and including it."""
    has_discontinuity: bool = False
    is_gap: bool = False
    map_uri: str | None = None
    date: float | None = None
    """EXT-X-PROGRAM-DATE-TIME in Unix seconds."""
    seconds: float | None = None
    """EXTINF."""
    uri: str | None = None
    parts: list[ListedPart] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.uri is not None


@dataclass(slots=True)
class Playlist:
    """A media playlist as it is written."""

    lines: list[str]
    header: dict[str, str] = field(default_factory=dict)
    segments: list[ListedSegment] = field(default_factory=list)
    hints: list[dict[str, str]] = field(default_factory=list)
    reports: list[dict[str, str]] = field(default_factory=list)
    date_ranges: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ID, what all tags with it say together."""
    is_ended: bool = False
    misplaced: list[str] = field(default_factory=list)

    @property
    def target_seconds(self) -> int:
        return int(self.header["#EXT-X-TARGETDURATION"])

    @property
    def part_target_seconds(self) -> float:
        return float(attributes(self.header["#EXT-X-PART-INF"])["PART-TARGET"])

    @property
    def first_msn(self) -> int:
        return int(self.header["#EXT-X-MEDIA-SEQUENCE"])

    @property
    def discontinuity_sequence(self) -> int:
        return int(self.header["#EXT-X-DISCONTINUITY-SEQUENCE"])

    @property
    def whole_segments(self) -> list[ListedSegment]:
        return [segment for segment in self.segments if segment.is_whole]

    @property
    def end_date(self) -> float | None:
        """Up to where there is media, in Unix seconds."""
        last = self.segments[-1] if self.segments else None
        if last is None or last.date is None:
            return None
        return last.date + (last.seconds if last.seconds is not None else sum(part.seconds for part in last.parts))

    @property
    def edge(self) -> tuple[int, int]:
        """Sequence number and part index that come next."""
        last = self.segments[-1] if self.segments else ListedSegment(self.first_msn, 0)
        return (last.msn + 1, 0) if last.is_whole else (last.msn, len(last.parts))

    def find(self, msn: int) -> ListedSegment | None:
        index = msn - self.first_msn
        return self.segments[index] if 0 <= index < len(self.segments) else None


def read_playlist(text: str) -> Playlist:
    """Reads what can be read; tags in a wrong place are kept in ``misplaced``."""
    playlist = Playlist(text.splitlines())
    for line in playlist.lines:
        tag, _, value = line.partition(":")
        if tag in SINGLE_TAGS:
            playlist.header.setdefault(tag, value)
    _SegmentReader(playlist).read()
    return playlist


class _SegmentReader:
    """Everything behind the header, line by line."""

    def __init__(self, playlist: Playlist) -> None:
        self._playlist = playlist
        self._map_uri: str | None = None
        self._discontinuity_number = playlist.discontinuity_sequence
        self._segment = self._next_segment(playlist.first_msn)
        self._is_in_tail = False

    def read(self) -> None:
        for line in self._playlist.lines:
            if not line.startswith("#"):
                self._end_segment(line)
                continue
            tag, _, value = line.partition(":")
            if tag == _DATE_RANGE:
                self._read_date_range(attributes(value))
            elif tag in _TAIL_TAGS:
                self._read_tail(tag, value)
            elif tag in _SEGMENT_TAGS:
                self._read_segment_tag(tag, value)
            elif tag not in SINGLE_TAGS or self._playlist.segments or self._is_in_tail:
                self._playlist.misplaced.append(line)
        if self._segment.parts:
            self._playlist.segments.append(self._segment)

    def _next_segment(self, msn: int) -> ListedSegment:
        return ListedSegment(msn, self._discontinuity_number, map_uri=self._map_uri)

    def _end_segment(self, uri: str) -> None:
        self._segment.uri = uri
        self._playlist.segments.append(self._segment)
        self._segment = self._next_segment(self._segment.msn + 1)

    def _read_segment_tag(self, tag: str, value: str) -> None:
        segment = self._segment
        is_late = bool(segment.parts) and tag in ("#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME")
        if is_late or self._is_in_tail:
            self._playlist.misplaced.append(f"{tag} of segment {segment.msn}")
        match tag:
            case "#EXT-X-DISCONTINUITY":
                segment.has_discontinuity = True
                self._discontinuity_number += 1
                segment.discontinuity_number = self._discontinuity_number
            case "#EXT-X-MAP":
                segment.map_uri = self._map_uri = attributes(value)["URI"]
            case "#EXT-X-PROGRAM-DATE-TIME":
                segment.date = datetime.fromisoformat(value).timestamp()
            case "#EXT-X-PART":
                segment.parts.append(_part(attributes(value)))
            case "#EXT-X-GAP":
                segment.is_gap = True
            case "#EXTINF":
                segment.seconds = float(value.split(",")[0])

    def _read_date_range(self, values: dict[str, str]) -> None:
        known = self._playlist.date_ranges.setdefault(values.get("ID", ""), {})
        if any(known.get(name, value) != value for name, value in values.items()):
            self._playlist.misplaced.append(f"{_DATE_RANGE} that contradicts another: {values}")
        known.update(values)

    def _read_tail(self, tag: str, value: str) -> None:
        self._is_in_tail = True
        match tag:
            case "#EXT-X-PRELOAD-HINT":
                self._playlist.hints.append(attributes(value))
            case "#EXT-X-RENDITION-REPORT":
                self._playlist.reports.append(attributes(value))
            case "#EXT-X-ENDLIST":
                self._playlist.is_ended = True


def _part(values: dict[str, str]) -> ListedPart:
    return ListedPart(
        values["URI"],
        float(values["DURATION"]),
        is_independent=values.get("INDEPENDENT") == "YES",
        is_gap=values.get("GAP") == "YES",
    )


def merge_delta(known: str, delta: str) -> str:
    """The whole playlist, from one that is known and a delta update (§6.2.5.1)."""
    (skip,) = [line for line in delta.splitlines() if line.startswith("#EXT-X-SKIP:")]
    count = int(attributes(skip.partition(":")[2])["SKIPPED-SEGMENTS"])
    before, after = delta.split(f"{skip}\n")
    first_msn = read_playlist(delta).first_msn
    lines: list[str] = []
    map_line = None
    for msn, segment_map_line, segment_lines in _listed_lines(known):
        if first_msn <= msn < first_msn + count:
            lines += [line for line in [segment_map_line] if line != map_line]
            lines += segment_lines
            map_line = segment_map_line
    version = next(line for line in known.splitlines() if line.startswith("#EXT-X-VERSION:"))
    whole = before + "".join(f"{line}\n" for line in lines) + after
    return "\n".join(version if line.startswith("#EXT-X-VERSION:") else line for line in whole.splitlines()) + "\n"


def _listed_lines(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Of each whole segment its number, the EXT-X-MAP that holds for it, and its other lines without parts."""
    msn, map_line, lines = read_playlist(text).first_msn, "", list[str]()
    for line in text.splitlines():
        tag = line.partition(":")[0]
        if tag == "#EXT-X-MAP":
            map_line = line
        elif tag in _SEGMENT_TAGS and tag != "#EXT-X-PART":
            lines.append(line)
        elif not line.startswith("#"):
            yield msn, map_line, [*lines, line]
            msn, lines = msn + 1, []
