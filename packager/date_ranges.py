"""Timed metadata as playlists list it: EXT-X-DATERANGE (RFC 8216bis §4.4.5.1), the same in all renditions.

SCTE-35 becomes what §4.4.5.1.1 says: an announced break has an ID of its own with SCTE35-OUT, its end the same ID with
SCTE35-IN in a second tag; anything else is SCTE35-CMD. ID3 tags are listed as X-ID3. The event messages in the media
(`packager.event_message`) carry the same payloads, whatever their size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packager.dates import date_time
from pinkmedia.codecs.scte35 import Splice, parse_splice
from pinkmedia.errors import CodecError
from pinkmedia.media import ID3_SCHEME, SCTE35_SCHEME, VIDEO_TIMESCALE, TimedMetadata

SAME_START_SECONDS = 1.0
"""A break that is announced again begins no farther from where it did; any other is a new one under an old number."""
MOST_RANGES = 64
"""Of each scheme, the newest: every playlist has them all."""
LONGEST_PAYLOAD_BYTES = 512
"""Larger ones are in the media alone. Splice sections have some tens; of ID3 tags those with pictures have more."""


@dataclass(slots=True)
class DateRange:
    """One ID."""

    scheme: str
    identity: str
    start_seconds: float
    """Presentation time."""
    end_seconds: float | None
    """Up to which it matters; None: until something says so."""
    attributes: str
    """All but ID and START-DATE."""
    event_id: int | None = None
    """Of a break that has not ended."""
    closing: str = ""
    """The attributes of the second tag."""

    def lines(self, epoch_wall_seconds: float) -> Iterator[str]:
        start = date_time(epoch_wall_seconds + self.start_seconds)
        yield f'#EXT-X-DATERANGE:ID="{self.identity}",START-DATE="{start}",{self.attributes}'
        if self.closing:
            yield f'#EXT-X-DATERANGE:ID="{self.identity}",{self.closing}'


class DateRanges:
    """Takes timed metadata as it comes. What cannot be listed is left out."""

    def __init__(self) -> None:
        self._ranges: dict[str, deque[DateRange]] = {}
        self.count = 0
        """Of all that there ever were."""

    @property
    def kept(self) -> tuple[DateRange, ...]:
        """Those that may be listed."""
        return tuple(each for ranges in self._ranges.values() for each in ranges)

    def load(self, count: int, kept: Iterable[DateRange]) -> None:
        """As another one is."""
        self.count = count
        for each in kept:
            self._keep(each)

    def add(self, metadata: TimedMetadata) -> None:
        if len(metadata.payload) > LONGEST_PAYLOAD_BYTES:
            return
        start_seconds = max(0, metadata.pts_ticks) / VIDEO_TIMESCALE
        value = f"0x{metadata.payload.hex().upper()}"
        if metadata.scheme == ID3_SCHEME:
            attributes = f'CLASS="{ID3_SCHEME}",DURATION=0,X-ID3={value}'
            self._append(ID3_SCHEME, "id3", start_seconds, start_seconds, attributes)
        elif metadata.scheme == SCTE35_SCHEME:
            try:
                splice = parse_splice(metadata.payload)
            except CodecError:
                return
            if splice is not None:
                self._add_splice(splice, start_seconds, value)

    def lines(self, since_seconds: float, epoch_wall_seconds: float) -> list[str]:
        """The tags of what has not ended before ``since_seconds`` of presentation time."""
        return [
            line
            for ranges in self._ranges.values()
            for each in ranges
            if each.end_seconds is None or each.end_seconds >= since_seconds
            for line in each.lines(epoch_wall_seconds)
        ]

    def _add_splice(self, splice: Splice, start_seconds: float, value: str) -> None:
        known = self._ranges.get(SCTE35_SCHEME, ())
        if any(value in each.attributes or value in each.closing for each in known):
            return  # sections are repeated, in case one is lost
        is_named = splice.event_id is not None
        opened = next((each for each in reversed(known) if is_named and each.event_id == splice.event_id), None)
        if splice.is_out:
            if opened is None or abs(opened.start_seconds - start_seconds) > SAME_START_SECONDS:
                self._open(splice, start_seconds, value)
        elif splice.is_out is False and opened is not None:
            lasted_seconds = max(0.0, start_seconds - opened.start_seconds)
            opened.closing = f"DURATION={lasted_seconds:.3f},SCTE35-IN={value}"
            opened.end_seconds, opened.event_id = opened.start_seconds + lasted_seconds, None
        else:
            end_seconds = start_seconds + (splice.duration_seconds or 0.0)
            planned = _planned(splice.duration_seconds)
            self._append(SCTE35_SCHEME, _name(splice), start_seconds, end_seconds, f"{planned}SCTE35-CMD={value}")

    def _open(self, splice: Splice, start_seconds: float, value: str) -> None:
        """A break begins; where nobody has said how long it lasts, its end will."""
        planned_seconds = splice.duration_seconds
        end_seconds = None if planned_seconds is None else start_seconds + planned_seconds
        attributes = f"{_planned(planned_seconds)}SCTE35-OUT={value}"
        self._append(SCTE35_SCHEME, _name(splice), start_seconds, end_seconds, attributes).event_id = splice.event_id

    def _append(
        self, scheme: str, name: str, start_seconds: float, end_seconds: float | None, attributes: str
    ) -> DateRange:
        """With an ID that no other has had: events' numbers come again."""
        self.count += 1
        added = DateRange(scheme, f"{name}-{self.count}", start_seconds, end_seconds, attributes)
        self._keep(added)
        return added

    def _keep(self, added: DateRange) -> None:
        self._ranges.setdefault(added.scheme, deque(maxlen=MOST_RANGES)).append(added)


def _name(splice: Splice) -> str:
    return "splice" if splice.event_id is None else f"splice-{splice.event_id:08X}"


def _planned(duration_seconds: float | None) -> str:
    return "" if duration_seconds is None else f"PLANNED-DURATION={duration_seconds:.3f},"
