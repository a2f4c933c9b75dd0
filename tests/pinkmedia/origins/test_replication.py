"""Whatever happens to a presentation, and whenever a copy of it is begun: both give players the same bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.mpd import manifest
from packager.multivariant import multivariant_playlist
from packager.operations import Ended, Operation, SegmentClosed
from packager.playlist import media_playlist
from packager.published import PublishedPresentation
from packager.recorded import RecordedPresentation
from packager.segment import Segment
from packager.snapshot import snapshot
from packager.window import Window
from pinkmedia.media import (
    ID3_SCHEME,
    SCTE35_SCHEME,
    VIDEO_TIMESCALE,
    Packet,
    PictureSheet,
    Rendition,
    TimedMetadata,
)
from pinkmedia.origins.messages import (
    KIND_OPERATION,
    KIND_PART,
    PresentationOpened,
    encode_message,
    encode_operation,
    parse_message,
    parse_operation,
)
from pinkmedia.origins.replicas import Replicas
from pinkmedia.processes.frames import FrameReader, WireError
from tests.codecs.test_scte35 import section
from tests.packager.samples import AUDIO, FRAME, VIDEO, ignore_part, layout

NUMBER = 7
SEGMENT_FRAMES = 60
DVR_SECONDS = 20.0
SMALL = replace(VIDEO, width=640, height=360, codec_string="avc1.64001e")


class Archive:
    """Keeps segments, or cannot, when the test says so."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Window, Segment]] = deque()
        self.is_broken = False

    def keep(self, window: Window, segment: Segment) -> None:
        if self.is_broken:
            window.cut(segment.msn)
        elif not segment.is_gap:
            self.waiting.append((window, segment))

    def forget(self, segment: Segment) -> None:
        self.waiting = deque((window, each) for window, each in self.waiting if each is not segment)

    def store(self) -> None:
        if self.waiting:
            window, segment = self.waiting.popleft()
            window.store(segment, Path("dvr") / window.rendition.name / segment.uri)


class Live:
    """A stream with two pictures and a sound, to which everything can happen; and copies of it."""

    def __init__(self, *, is_archived: bool) -> None:
        self.archive = Archive() if is_archived else None
        self.presentation = RecordedPresentation(
            "e1",
            layout(dvr_seconds=DVR_SECONDS if is_archived else 0.0),
            {"720p", "360p", "audio"},
            on_part=ignore_part,
            record=self._record,
            archive=self.archive,
        )
        self.copies: list[Copy] = []
        self._frames = count()
        self._ticks = VIDEO_TIMESCALE
        self._sound_ticks = AUDIO.sample_rate
        self._is_broken = False
        self._is_in_break = False
        self._silent: set[str] = set()
        self._tile_ticks = [VIDEO_TIMESCALE]

    def join(self) -> None:
        self.copies.append(Copy(self.presentation))

    def _record(self, operation: Operation) -> None:
        for copy in self.copies:
            copy.tell(operation)

    # What can happen

    def add_renditions(self) -> None:
        for name, track in (("720p", VIDEO), ("360p", SMALL), ("audio", AUDIO)):
            self.presentation.add_rendition(Rendition(name, track, 1_000_000, is_passthrough=name == "720p"))
        self.presentation.begin(1_700_000_000.25)

    def grow(self, frames: int) -> None:
        for _ in range(frames):
            index = next(self._frames)
            is_sync = index % SEGMENT_FRAMES == 0
            if is_sync:
                self.presentation.add_boundary(self._ticks, has_discontinuity=self._is_broken)
                self._is_broken = False
            for name in {"720p", "360p"} - self._silent:
                payload = f"{name} frame {index}".encode() * (1 + index % 7)
                self.presentation.write(name, Packet(1, self._ticks, self._ticks, FRAME, is_sync, payload, index / 30))
            self._ticks += FRAME
            self._write_sound(index)

    def _write_sound(self, index: int) -> None:
        while self._sound_ticks * VIDEO_TIMESCALE < self._ticks * AUDIO.sample_rate:
            if "audio" not in self._silent:
                packet = Packet(2, self._sound_ticks, self._sound_ticks, 1024, True, b"sound %d" % index, index / 30)
                self.presentation.write("audio", packet)
            self._sound_ticks += 1024

    def grow_by_a_part(self) -> None:
        self.grow(7)

    def grow_by_a_segment(self) -> None:
        self.grow(SEGMENT_FRAMES)

    def grow_by_a_window(self) -> None:
        self.grow(9 * SEGMENT_FRAMES)

    def jump(self) -> None:
        """The publisher was away."""
        self.presentation.flush()
        self._ticks += 300 * FRAME
        self._sound_ticks += 300 * FRAME * AUDIO.sample_rate // VIDEO_TIMESCALE
        self._is_broken = True

    def lose_small(self) -> None:
        self._silent.add("360p")

    def withdraw_small(self) -> None:
        self._silent.add("360p")
        self.presentation.withdraw("360p")

    def put_small_to_sleep(self) -> None:
        self._silent.add("360p")
        self.presentation.withdraw("360p", is_dormant=True)

    def lose_sound(self) -> None:
        self._silent.add("audio")

    def bring_all_back(self) -> None:
        self._silent.clear()

    def change_track(self) -> None:
        track = replace(SMALL, configuration=SMALL.configuration + b"\x00")
        self.presentation.add_rendition(Rendition("360p", track, 700_000, is_passthrough=False))

    def give_small_up(self) -> None:
        self.presentation.give_up("360p")

    def show_picture(self) -> None:
        if self._ticks - self._tile_ticks[0] > 40 * VIDEO_TIMESCALE:
            self._tile_ticks.clear()
        self._tile_ticks.append(self._ticks)
        self.presentation.show(b"now", PictureSheet(b"%d" % self._ticks, 160, 90, 5, tuple(self._tile_ticks)))

    def write_id3(self) -> None:
        self.presentation.write_metadata(TimedMetadata(ID3_SCHEME, self._ticks, b"ID3 %d" % self._ticks))

    def begin_or_end_a_break(self) -> None:
        self._is_in_break = not self._is_in_break
        splice = section(5, f"00000007 7f {'df' if self._is_in_break else '5f'} {self._ticks % 65536:04x} 00 00")
        self.presentation.write_metadata(TimedMetadata(SCTE35_SCHEME, self._ticks, splice))

    def store_some(self) -> None:
        for _ in range(4):
            if self.archive is not None:
                self.archive.store()

    def break_archive(self) -> None:
        if self.archive is not None:
            self.archive.is_broken = not self.archive.is_broken
            for window in self.presentation.windows:
                if self.archive.is_broken and window.segments:
                    window.cut(window.segments[0].msn + 1)

    def end(self) -> None:
        self.presentation.end()


class Copy:
    """What an origin process has, told by frames cut anywhere."""

    def __init__(self, presentation: RecordedPresentation) -> None:
        self.replicas = Replicas()
        self._frames = FrameReader()
        layout, archive = presentation.layout, presentation.archive
        opened = PresentationOpened(NUMBER, "alice", "e1", layout, presentation.expected, archive is not None)
        ((kind, body),) = self._frames.feed(b"".join(encode_message(opened)))
        assert parse_message(kind, body) == opened
        self.presentation = self.replicas.open(opened)
        for operation in snapshot(presentation):
            self.tell(operation)

    def tell(self, operation: Operation) -> None:
        told = b"".join(encode_operation(NUMBER, operation))
        for start in range(0, len(told), 1000):
            for kind, body in self._frames.feed(told[start : start + 1000]):
                number, received = parse_operation(kind, body)
                assert received == operation
                self.replicas.apply(number, received)


def said(presentation: PublishedPresentation) -> dict[str, object]:
    """All that players can be answered."""
    windows = presentation.windows
    lists: dict[str, object] = {
        "multivariant": multivariant_playlist([each for each in windows if each.is_offered], base_uri="e1/")
        if any(each.is_offered for each in windows)
        else None,
        "manifest": manifest(windows, presentation.breaks, epoch_wall_seconds=1.0, clock_uri="time")
        if any(each.is_playable for each in windows)
        else None,
        "strip": (presentation.strip.webvtt(), presentation.strip.versions, presentation.strip.sheets),
        "presentation": (
            presentation.epoch_wall_seconds,
            presentation.begun_at,
            presentation.is_ready,
            presentation.is_ended,
            presentation.expected,
        ),
    }
    return lists | {window.rendition.name: said_of(window, presentation) for window in windows}


def said_of(window: Window, presentation: PublishedPresentation) -> tuple[object, ...]:
    others = presentation.others(window)
    playlists = [
        media_playlist(
            window,
            epoch_wall_seconds=presentation.epoch_wall_seconds,
            others=others,
            date_ranges=presentation.date_ranges,
            is_delta=is_delta,
        )
        for is_delta in (False, True)
    ]
    media = [
        (each.msn, each.stored_at, each.size_bytes, each.is_complete, each.chunks, [part.uri for part in each.parts])
        for each in window.remembered_segments
    ]
    inits = [(init.uri, init.data) for init in window.inits]
    return playlists, media, inits, window.rendition, window.edge, window.hinted, window.state


HAPPENINGS: tuple[Callable[[Live], None], ...] = (
    *(Live.grow_by_a_part, Live.grow_by_a_segment, Live.grow_by_a_segment, Live.grow_by_a_window),
    *(Live.jump, Live.lose_small, Live.withdraw_small, Live.put_small_to_sleep, Live.lose_sound, Live.bring_all_back),
    *(Live.change_track, Live.give_small_up, Live.show_picture, Live.store_some, Live.break_archive, Live.end),
    *(Live.write_id3, Live.begin_or_end_a_break, Live.join),
)


@given(is_archived=st.booleans(), happenings=st.lists(st.sampled_from(HAPPENINGS), min_size=3, max_size=20))
@settings(max_examples=60, deadline=None)
def test_copies_say_the_same(is_archived: bool, happenings: list[Callable[[Live], None]]) -> None:
    live = Live(is_archived=is_archived)
    live.join()
    live.add_renditions()
    for happening in happenings:
        happening(live)
        wanted = said(live.presentation)
        for copy in live.copies:
            assert said(copy.presentation) == wanted


def test_a_long_life() -> None:
    """Everything once, in an order in which it matters."""
    live = Live(is_archived=True)
    live.join()
    live.add_renditions()
    lives: list[Callable[[Live], None]] = [
        *(Live.grow_by_a_window, Live.store_some, Live.join, Live.show_picture, Live.grow_by_a_window),
        *(Live.write_id3, Live.begin_or_end_a_break, Live.join, Live.begin_or_end_a_break, Live.grow_by_a_part),
        *(Live.jump, Live.grow_by_a_segment, Live.put_small_to_sleep, Live.grow_by_a_segment, Live.join),
        *(Live.bring_all_back, Live.change_track, Live.grow_by_a_segment, Live.lose_sound, Live.grow_by_a_window),
        *(Live.break_archive, Live.grow_by_a_window, Live.show_picture, Live.join, Live.give_small_up, Live.end),
    ]
    for happening in lives:
        happening(live)
        for copy in live.copies:
            assert said(copy.presentation) == said(live.presentation)
    assert len(live.copies) == 5
    assert "#EXT-X-ENDLIST" in str(said(live.copies[-1].presentation)["720p"])


def test_what_was_never_told_of_is_refused() -> None:
    live = Live(is_archived=False)
    live.join()
    (copy,) = live.copies
    with pytest.raises(WireError):
        copy.replicas.apply(NUMBER + 1, Ended())
    with pytest.raises(WireError):
        copy.replicas.apply(NUMBER, SegmentClosed("1080p"))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (KIND_OPERATION, b""),
        (KIND_OPERATION, b"\x00\x00\x00\x07"),
        (KIND_OPERATION, b'\x00\x00\x00\x07["Configure",{}]'),
        (KIND_PART, b"\x00\x00\x00\x07\x00"),
        (KIND_PART, b"\x00\x00\x00\x07\xff\xff{}"),
    ],
)
def test_what_is_no_operation_is_refused(kind: int, body: bytes) -> None:
    with pytest.raises(WireError):
        parse_operation(kind, body)
    with pytest.raises(WireError):
        parse_message(kind, body)
