"""Publishers that send several tracks of a kind, or another codec than H.264."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

import pytest

from packager.layout import PackagerSettings
from packager.window import Window
from pinkmedia.live.extra_video import MOST_HELD_PACKETS, MOST_MISSED_BOUNDARIES, ExtraVideo
from pinkmedia.live.plan import SourceHistory, StreamPolicy, plan_source
from pinkmedia.media import Codec, Colour, Packet, VideoTrack
from pinkmedia.publishing import Publication
from pinkmedia.tiers import Tier
from tests.packager.samples import AUDIO, FRAME, VIDEO, audio_packets, video_packets
from tests.pinkmedia.live.conftest import Site
from transcode.ladder import HdrHandling, Ladder

pytestmark = pytest.mark.anyio

SMALL = replace(VIDEO, track_id=3, width=640, height=360)
COMMENTARY = replace(AUDIO, track_id=4)
PQ = Colour(primaries=9, transfer=16, matrix=9, is_full_range=False)
HEVC = replace(VIDEO, codec=Codec.HEVC, codec_string="hvc1.1.6.L93.B0")


def of_track(track_id: int, packets: Iterable[Packet]) -> Iterator[Packet]:
    return (replace(packet, track_id=track_id) for packet in packets)


def regular(count: int, *, late_ticks: int = 0, key_every: int = 60) -> Iterator[Packet]:
    """On a timeline that is not the presentation's."""
    return video_packets(count, start_ticks=9_000_000 + late_ticks, key_every=key_every)


def names(
    *tracks: VideoTrack,
    is_transcoding: bool = True,
    key_frame_distance_seconds: float = 2.0,
    hdr: HdrHandling = "tone_map",
) -> tuple[set[str], set[str]]:
    """What is passed through, and what is encoded."""
    policy = StreamPolicy(Ladder(hdr=hdr) if is_transcoding else None, Tier.PARTNER, passthrough_bps=1)
    plan = plan_source([*tracks, AUDIO], SourceHistory(key_frame_distance_seconds), policy, PackagerSettings())
    return {each.rendition_name for each in plan.carried}, {rung.name for rung in plan.rungs}


def test_plans() -> None:
    assert names(VIDEO) == ({"720p", "audio"}, {"480p", "360p"})
    assert names(VIDEO, SMALL) == ({"720p", "360p", "audio"}, set())
    assert names(VIDEO, replace(VIDEO, track_id=3)) == ({"720p", "720p-2", "audio"}, set())
    assert names(HEVC) == ({"720p-hevc", "audio"}, {"720p", "480p", "360p"})
    assert names(HEVC, SMALL) == ({"720p-hevc", "360p", "audio"}, set())
    assert names(HEVC, replace(HEVC, track_id=3, height=360)) == (
        {"720p-hevc", "360p-hevc", "audio"},
        {"720p", "480p", "360p"},
    )
    assert names(replace(HEVC, colour=PQ)) == ({"720p-hevc", "audio"}, {"720p", "480p", "360p"})
    assert names(replace(HEVC, colour=PQ), hdr="refuse") == ({"720p-hevc", "audio"}, set())
    assert names(HEVC, is_transcoding=False) == ({"720p-hevc", "audio"}, set())
    assert names(HEVC, key_frame_distance_seconds=8) == ({"audio"}, {"720p", "480p", "360p"})


async def publish(site: Site, *tracks: VideoTrack) -> Publication:
    publication = await site.publish()
    publication.begin([*tracks, AUDIO, COMMENTARY])
    return publication


def window(site: Site, name: str) -> Window:
    presentation = site.directory.find_presentation("alice")
    assert presentation is not None
    found = presentation.find(name)
    assert found is not None
    return found


def bounds(site: Site, name: str) -> list[tuple[int, float]]:
    return [(segment.msn, round(segment.start_seconds, 1)) for segment in window(site, name).segments]


@pytest.mark.parametrize("order", [(1, 3), (3, 1)])
async def test_every_track_is_cut_at_the_same_times(site: Site, order: tuple[int, int]) -> None:
    publication = await publish(site, VIDEO, SMALL)
    lists = {1: list(regular(186)), 3: list(of_track(3, regular(186)))}
    for packet in chain.from_iterable(zip(*(lists[track_id] for track_id in order), strict=True)):
        publication.write(packet)
    assert window(site, "720p").is_ended is window(site, "360p").is_ended is False
    assert bounds(site, "720p") == bounds(site, "360p") == [(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0)]
    assert [len(segment.parts) for segment in window(site, "360p").segments] == [10, 10, 10, 1]


async def test_every_audio_track_is_a_rendition(site: Site) -> None:
    publication = await publish(site, VIDEO)
    for packet in [*audio_packets(50), *of_track(4, audio_packets(50)), *video_packets(12)]:
        publication.write(packet)
    for name in ("audio", "audio-2"):
        assert len(window(site, name).segments[0].parts) == 5


async def test_a_track_whose_key_frames_are_elsewhere_is_given_up(site: Site) -> None:
    publication = await publish(site, VIDEO, SMALL)
    count = 60 * (MOST_MISSED_BOUNDARIES + 3)
    elsewhere = of_track(3, regular(count, late_ticks=20 * FRAME, key_every=75))
    for leader, other in zip(regular(count), elsewhere, strict=True):
        publication.write(leader)
        publication.write(other)
    presentation = site.directory.find_presentation("alice")
    assert presentation is not None
    assert presentation.names == {"720p", "audio", "audio-2"}
    assert window(site, "360p").is_withdrawn
    assert not window(site, "720p").is_withdrawn


def test_what_waits_for_a_leader_that_does_not_come_is_bounded() -> None:
    extra = ExtraVideo("360p", SMALL)
    for packet in video_packets(10 * MOST_HELD_PACKETS, key_every=10_000):
        extra.hold(packet)
    assert list(extra.released(1 << 40)) == []
    for packet in video_packets(2, start_ticks=9_000_000):  # the next key frame begins anew
        extra.hold(packet)
    assert len(list(extra.released(1 << 40))) == 2
