"""The strip of small pictures for a player's seek bar: sheets of tiles, and a WebVTT file that says where each is.

    WEBVTT
    X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000

    00:00:01.000 --> 00:00:06.000
    sheet-1.2.jpg#xywh=0,0,160,88

Cue times are presentation times; the fragment is a spatial dimension (W3C Media Fragments §4.2.2). A sheet grows with
each picture and has another name then, so that caches may keep what they are given.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from pinkmedia.media import VIDEO_TIMESCALE, PictureSheet

STRIP_URI = "strip.vtt"
LINGERING_VERSIONS = 3
"""Of a growing sheet, for players that read the file a moment ago."""
TILE_SECONDS = 5.0
"""How long the newest tile is shown for; the others last until the next."""


class Strip:
    """What is there of one presentation."""

    def __init__(self, window_seconds: float) -> None:
        self._window_ticks = round(window_seconds * VIDEO_TIMESCALE)
        self._sheets: deque[tuple[int, PictureSheet]] = deque()
        self._count = 0
        self._files: dict[str, bytes] = {}
        self._names: deque[str] = deque()

    def add(self, sheet: PictureSheet) -> None:
        """A sheet, or the last one with one more picture."""
        if self._sheets and self._sheets[-1][1].times_ticks[0] == sheet.times_ticks[0]:
            self._sheets.pop()
        else:
            self._count += 1
        self._sheets.append((self._count, sheet))
        self._trim(sheet.times_ticks[-1])
        self._remember(_name(self._count, sheet), sheet.jpeg)

    # For a second strip that says the same:

    @property
    def sheets(self) -> list[tuple[int, PictureSheet]]:
        """Those listed, with their numbers."""
        return list(self._sheets)

    @property
    def versions(self) -> list[tuple[str, bytes]]:
        """Names and images that were shown last, oldest first; an image may be gone (empty)."""
        return [(name, self._files.get(name, b"")) for name in self._names]

    def load_sheet(self, number: int, sheet: PictureSheet) -> None:
        """One that is listed; oldest first."""
        self._count = number
        self._sheets.append((number, sheet))
        self._files[_name(number, sheet)] = sheet.jpeg

    def load_version(self, name: str, jpeg: bytes) -> None:
        """One that was shown last; oldest first."""
        self._names.append(name)
        if jpeg:
            self._files[name] = jpeg

    def find(self, name: str) -> bytes | None:
        """A sheet's image."""
        return self._files.get(name)

    def webvtt(self) -> str:
        """Of all pictures within the window."""
        cues = [
            (ticks, f"{_name(number, sheet)}#xywh={_place(index, sheet)}")
            for number, sheet in self._sheets
            for index, ticks in enumerate(sheet.times_ticks)
        ]
        ends = [later for (_, _), (later, _) in pairwise(cues)]
        if cues:
            ends.append(cues[-1][0] + round(TILE_SECONDS * VIDEO_TIMESCALE))
        blocks = [
            f"{_clock(ticks)} --> {_clock(end)}\n{place}\n" for (ticks, place), end in zip(cues, ends, strict=True)
        ]
        return "\n".join(["WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n", *blocks])

    def _trim(self, newest_ticks: int) -> None:
        while newest_ticks - self._sheets[0][1].times_ticks[-1] > self._window_ticks:
            number, sheet = self._sheets.popleft()
            self._files.pop(_name(number, sheet), None)

    def _remember(self, name: str, jpeg: bytes) -> None:
        """A sheet's own older versions go; those of finished sheets stay as long as they are listed."""
        self._files[name] = jpeg
        self._names.append(name)
        if len(self._names) > LINGERING_VERSIONS:
            oldest = self._names.popleft()
            if oldest not in {_name(number, sheet) for number, sheet in self._sheets}:
                self._files.pop(oldest, None)


def _name(number: int, sheet: PictureSheet) -> str:
    return f"sheet-{number}.{len(sheet.times_ticks)}.jpg"


def _place(index: int, sheet: PictureSheet) -> str:
    row, column = divmod(index, sheet.columns)
    return f"{column * sheet.tile_width},{row * sheet.tile_height},{sheet.tile_width},{sheet.tile_height}"


def _clock(ticks: int) -> str:
    milliseconds = round(ticks * 1000 / VIDEO_TIMESCALE)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{milliseconds:03}"
