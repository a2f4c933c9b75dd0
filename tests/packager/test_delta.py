"""Delta updates (RFC 8216bis §6.2.5.1): what is left out is what players have had for long, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from packager.boundaries import Boundaries
from packager.layout import PackagerSettings, plan_layout
from packager.playlist import media_playlist
from packager.rendition import RenditionPackager
from packager.segment import Segment
from packager.window import Window
from pinkmedia.media import Rendition
from tests.packager.samples import VIDEO, ignore_part, video_packets
from tests.playlist_reader import merge_delta
from tests.playlist_rules import PlaylistWatch

SEGMENT_SECONDS = 2
SKIP_UNTIL_SECONDS = 12


class Archive:
    """Stores at once, nowhere."""

    def keep(self, window: Window, segment: Segment) -> None:
        window.store(segment, Path("nowhere"))

    def forget(self, segment: Segment) -> None:
        pass


class Live:
    """A rendition that grows frame by frame."""

    def __init__(self, dvr_seconds: float, breaks: tuple[int, ...] = ()) -> None:
        layout = plan_layout(PackagerSettings(dvr_seconds=dvr_seconds), [VIDEO], SEGMENT_SECONDS)
        self._boundaries = Boundaries()
        rendition = Rendition("720p", VIDEO, 2_500_000, is_passthrough=True)
        self.packager = RenditionPackager(rendition, layout, self._boundaries, on_part=ignore_part, archive=Archive())
        self._breaks = breaks
        self._count = 0

    def grow(self, segments: int, frames: int = 60) -> None:
        for _ in range(segments):
            start_ticks = 90_000 + self._count * SEGMENT_SECONDS * 90_000
            self._boundaries.append(start_ticks, has_discontinuity=self._count in self._breaks)
            for packet in video_packets(frames, start_ticks=start_ticks):
                self.packager.write(packet)
            self._count += 1

    def playlist(self, *, is_delta: bool = False) -> str:
        return media_playlist(self.packager.window, epoch_wall_seconds=1e9, others=[], is_delta=is_delta)


@pytest.mark.parametrize("breaks", [(), (3,), (20,), (3, 20, 33)])
@pytest.mark.parametrize("later_segments", [0, 1, 2])
def test_a_client_puts_the_whole_together_again(breaks: tuple[int, ...], later_segments: int) -> None:
    live = Live(dvr_seconds=60, breaks=breaks)
    live.grow(35)
    known = live.playlist()
    live.grow(later_segments)
    live.grow(1, frames=20)
    delta = live.playlist(is_delta=True)
    whole, again = live.playlist(), merge_delta(known, delta) if "#EXT-X-SKIP" in delta else delta
    assert sorted(again.splitlines()) == sorted(whole.splitlines())
    watch = PlaylistWatch("720p")
    watch.observe(known)
    watch.observe(whole)


def test_what_is_near_the_end_is_never_skipped() -> None:
    live = Live(dvr_seconds=60)
    live.grow(20)
    delta = live.playlist(is_delta=True)
    assert f"CAN-SKIP-UNTIL={SKIP_UNTIL_SECONDS}.0" in delta
    assert "#EXT-X-VERSION:9\n" in delta
    listed = [int(number) for number in re.findall(r"^seg-(\d+)", delta, re.MULTILINE)]
    assert (listed[-1] - listed[0] + 1) * SEGMENT_SECONDS == SKIP_UNTIL_SECONDS + SEGMENT_SECONDS
    assert f"#EXT-X-SKIP:SKIPPED-SEGMENTS={listed[0] - 1}\n" in delta
    assert "#EXT-X-MEDIA-SEQUENCE:1\n" in delta
    assert "#EXT-X-MAP" not in delta


def test_a_delta_is_as_short_however_long_the_window_is() -> None:
    short, long = Live(dvr_seconds=60), Live(dvr_seconds=3600)
    for live in (short, long):
        live.grow(300)
    assert abs(len(short.playlist(is_delta=True)) - len(long.playlist(is_delta=True))) < 20
    assert len(long.playlist()) > 5 * len(short.playlist())


@pytest.mark.parametrize(("dvr_seconds", "segments"), [(0, 20), (60, 3)], ids=["a short window", "a young stream"])
def test_where_nothing_is_old_the_whole_is_sent(dvr_seconds: float, segments: int) -> None:
    live = Live(dvr_seconds)
    live.grow(segments)
    assert live.playlist(is_delta=True) == live.playlist()
    assert ("CAN-SKIP-UNTIL" in live.playlist()) is (dvr_seconds > 0)


def test_an_ended_playlist_is_whole() -> None:
    live = Live(dvr_seconds=60)
    live.grow(20)
    live.packager.end()
    assert live.playlist(is_delta=True) == live.playlist()
