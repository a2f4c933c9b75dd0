"""From an admitted publisher to what players find: one stream through its life."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from packager.presentation import Presentation
from packager.window import Window
from pinkmedia.database.engine import DatabaseFault
from pinkmedia.database.streams import Stream
from pinkmedia.publishing import PublishRefused, Refusal
from pinkmedia.settings import Settings
from pinkmedia.tiers import Tier
from tests.packager.fragments import parse_fragment
from tests.packager.samples import AUDIO, VIDEO, audio_packets, video_packets
from tests.pinkmedia.live.conftest import Site

pytestmark = pytest.mark.anyio


def current(site: Site) -> Presentation:
    presentation = site.directory.find_presentation("alice")
    assert presentation is not None
    return presentation


def window(site: Site, name: str = "720p") -> Window:
    found = current(site).find(name)
    assert found is not None
    return found


async def ended(presentation: Presentation) -> None:
    """Waits for the end of the playlists."""
    event = asyncio.Event()
    presentation.observers.append(event.set)
    async with asyncio.timeout(5):
        while not presentation.is_ended:
            event.clear()
            await event.wait()


async def test_a_stream_is_live_from_its_first_key_frame(site: Site) -> None:
    publication = await site.publish()
    assert publication.stream_name == "alice"
    publication.begin([VIDEO, AUDIO])
    assert site.directory.status_of("alice") == "offline"
    for packet in list(video_packets(66, key_every=60))[1:]:
        publication.write(packet)
    assert site.directory.status_of("alice") == "live"
    assert site.directory.live_names() == ["alice"]
    assert site.directory.live_count == 1


async def test_the_first_key_frame_gives_the_wall_clock(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    before = time.time()
    for packet in video_packets(6, start_ticks=123_456_789):
        publication.write(packet)
    (segment,) = window(site).segments
    assert before - 0.001 <= current(site).epoch_wall_seconds + segment.start_seconds <= time.time() + 0.001
    assert parse_fragment(segment.parts[0].data).decode_time_ticks == 90_000


async def test_audio_that_comes_early_waits_for_the_key_frame(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO, AUDIO])
    # Half a second of sound before the key frame's time, then a second after it; all of it comes first.
    for packet in audio_packets(70, start_ticks=24_000):
        publication.write(packet)
    for packet in video_packets(12):
        publication.write(packet)
    segment = window(site, "audio").segments[0]
    assert segment.start_seconds == pytest.approx(1.0, abs=1024 / 48_000)
    assert len(segment.parts) == 5


async def test_goodbye_ends_the_playlists_and_they_linger(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(9):
        publication.write(packet)
    presentation = current(site)
    publication.end("unpublished", is_clean=True)
    await ended(presentation)
    assert site.directory.status_of("alice") == "offline"
    assert site.directory.find_presentation("alice", presentation.epoch) is presentation
    found = presentation.find("720p")
    assert found is not None
    assert found.segments[0].duration_seconds == pytest.approx(0.3)


async def test_a_publisher_that_comes_back_continues_its_broadcast(site: Site) -> None:
    first = await site.publish()
    first.begin([VIDEO])
    for packet in video_packets(100):
        first.write(packet)
    presentation = current(site)
    first.end("connection lost", is_clean=False)
    assert site.directory.status_of("alice") == "interrupted"
    assert sum(len(parse_fragment(part.data).flags) for s in window(site).segments for part in s.parts) == 100

    second = await site.publish()
    second.begin([VIDEO])
    for packet in video_packets(12, start_ticks=0):
        second.write(packet)
    assert site.directory.status_of("alice") == "live"
    assert current(site) is presentation
    described = [(segment.msn, segment.has_discontinuity) for segment in window(site).segments]
    assert described == [(1, False), (2, False), (3, True)]
    before, after = list(window(site).segments)[1:]
    assert after.start_seconds >= before.start_seconds + before.duration_seconds


async def test_another_resolution_is_another_presentation(site: Site) -> None:
    first = await site.publish()
    first.begin([VIDEO])
    for packet in video_packets(12):
        first.write(packet)
    before = current(site)
    first.begin([replace(VIDEO, width=1920, height=1080)])
    for packet in video_packets(12):
        first.write(packet)
    assert before.is_ended
    assert current(site).epoch != before.epoch
    assert current(site).find("1080p") is not None


async def test_the_last_part_is_listed_before_the_end(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(9):
        publication.write(packet)
    listed = []
    video = window(site)
    video.observers.append(lambda: listed.append((video.edge, video.is_ended)))
    publication.end("unpublished", is_clean=True)
    await ended(current(site))
    assert listed[0] == ((1, 2), False)
    assert listed[-1] == ((2, 0), True)


@pytest.mark.parametrize("grace_seconds", [0.01])
async def test_a_publisher_that_stays_away_ends_its_broadcast(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    publication.end("connection lost", is_clean=False)
    await ended(current(site))
    assert site.directory.status_of("alice") == "offline"


async def test_key_frames_too_far_apart_lead_to_longer_segments(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    packets = list(video_packets(300, key_every=90))
    for packet in packets[:90]:
        publication.write(packet)
    short = current(site)
    assert short.is_ended
    for packet in packets[90:]:
        publication.write(packet)
    assert current(site) is not short
    assert not current(site).is_ended
    assert current(site).layout.target_duration_seconds == 4
    assert [segment.duration_seconds for segment in window(site).segments][:2] == [
        pytest.approx(3.0),
        pytest.approx(3.0),
    ]


async def test_what_was_learned_of_the_key_frames_holds_for_the_next_broadcast(site: Site) -> None:
    for _ in range(2):
        publication = await site.publish()
        publication.begin([VIDEO])
        for packet in video_packets(200, key_every=90):
            publication.write(packet)
        presentation = current(site)
        publication.end("unpublished", is_clean=True)
        await ended(presentation)
    assert presentation.layout.target_duration_seconds == 4
    found = presentation.find("720p")
    assert found is not None
    assert sum(segment.duration_seconds for segment in found.segments) == pytest.approx(200 / 30)


async def test_sound_alone(site: Site) -> None:
    publication = await site.publish()
    publication.begin([AUDIO])
    for packet in audio_packets(200, start_ticks=5_000):
        publication.write(packet)
    assert [segment.msn for segment in window(site, "audio").segments] == [1, 2, 3]
    assert window(site, "audio").segments[0].duration_seconds == pytest.approx(2.0, abs=0.03)


async def test_a_wrong_key_is_refused(site: Site) -> None:
    with pytest.raises(PublishRefused) as caught:
        await site.publish("pk_" + "x" * 43)
    assert caught.value.refusal is Refusal.BAD_KEY


async def test_a_second_publisher_is_refused(site: Site) -> None:
    await site.publish()
    with pytest.raises(PublishRefused) as caught:
        await site.publish()
    assert caught.value.refusal is Refusal.ALREADY_PUBLISHING


async def test_a_stopping_node_tells_publishers_and_admits_nobody(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    await site.directory.close("the server is shutting down")
    assert site.disconnected == ["the server is shutting down"]
    assert current(site).is_ended
    with pytest.raises(PublishRefused) as caught:
        await site.publish()
    assert caught.value.refusal is Refusal.SHUTTING_DOWN


async def test_a_rotated_key_cuts_its_publisher_off(site: Site) -> None:
    await site.publish()
    await site.store.rotate_key("alice")
    async with asyncio.timeout(5):
        while not site.disconnected:
            await asyncio.sleep(0.01)
    assert site.disconnected == ["the stream key was changed"]


async def test_a_blocked_stream_is_not_admitted(site: Site) -> None:
    await site.store.set_blocked("alice", True)
    with pytest.raises(PublishRefused) as caught:
        await site.publish()
    assert caught.value.refusal is Refusal.NOT_ALLOWED
    await site.store.set_blocked("alice", False)
    assert (await site.publish()).stream_name == "alice"


async def test_a_private_stream_is_private_from_its_first_part(site: Site) -> None:
    await site.store.set_private("alice", True)
    await site.publish()
    assert site.directory.is_private("alice")
    assert not site.directory.is_private("bob")


async def test_a_stream_becomes_private_while_it_is_live(site: Site) -> None:
    await site.publish()
    for is_private in (True, False):
        await site.store.set_private("alice", is_private)
        async with asyncio.timeout(5):
            while site.directory.is_private("alice") is not is_private:
                await asyncio.sleep(0.01)
    assert site.disconnected == []


async def test_a_kicked_publisher_is_kept_out_for_a_while(site: Site) -> None:
    assert not site.directory.kick("alice", "nobody is there", 60)
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    presentation = current(site)
    assert site.directory.kick("alice", "against the rules", 60)
    publication.end("disconnected", is_clean=False)
    await ended(presentation)
    assert site.disconnected == ["against the rules"]
    with pytest.raises(PublishRefused) as caught:
        await site.publish()
    assert caught.value.refusal is Refusal.NOT_ALLOWED
    assert not site.directory.kick("alice", "nobody is there any more", 60)


async def test_who_is_kicked_for_no_time_may_come_back_at_once(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    assert site.directory.kick("alice", "a warning", 0)
    publication.end("disconnected", is_clean=False)
    await site.publish()


async def test_keys_cannot_be_checked_without_a_database(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_key: str) -> None:
        raise DatabaseFault("a file", "database is locked")

    monkeypatch.setattr(site.store, "find_by_key", fail)
    with pytest.raises(PublishRefused) as caught:
        await site.publish()
    assert caught.value.refusal is Refusal.UNAVAILABLE


@pytest.mark.parametrize("longest_seconds", [0.2])
async def test_a_broadcast_that_is_too_long_ends_and_another_may_begin(site: Site) -> None:
    for count in (1, 2):
        publication = await site.publish()
        publication.begin([VIDEO])
        for packet in video_packets(12):
            publication.write(packet)
        assert site.directory.status_of("alice") == "live"
        await ended(current(site))
        publication.end("disconnected", is_clean=False)
        assert site.disconnected == ["this broadcast was as long as one may be; start streaming again"] * count


@pytest.mark.parametrize("is_interrupted", [False, True])
async def test_a_block_ends_a_broadcast_at_once(site: Site, is_interrupted: bool) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    if is_interrupted:
        publication.end("connection lost", is_clean=False)
    await site.store.set_blocked("alice", True)
    await ended(current(site))
    assert site.directory.status_of("alice") == "offline"
    texts = [] if is_interrupted else ["this stream was blocked; ask the site's operator"]
    assert list(dict.fromkeys(site.disconnected)) == texts


@pytest.mark.parametrize("tier", Tier)
async def test_a_publisher_has_its_tiers_limits(site: Site, tier: Tier) -> None:
    await site.store.set_tier("alice", tier)
    expected = Settings(transcode=False).tier_limits()[tier]
    assert (await site.publish()).limits == expected.publish
    assert await site.directory.limits_for(site.key) == expected


async def test_limits_are_told_to_nobody_else(site: Site) -> None:
    with pytest.raises(PublishRefused) as caught:
        await site.directory.limits_for("pk_wrong")
    assert caught.value.refusal is Refusal.BAD_KEY
    await site.store.set_blocked("alice", True)
    with pytest.raises(PublishRefused) as caught:
        await site.directory.limits_for(site.key)
    assert caught.value.refusal is Refusal.NOT_ALLOWED


@pytest.mark.parametrize("is_transcoding", [True])
@pytest.mark.parametrize(("tier", "names"), [(Tier.STANDARD, {"720p", "480p", "360p"}), (Tier.PASSTHROUGH, {"720p"})])
async def test_passthrough_streams_have_no_worker(site: Site, tier: Tier, names: set[str]) -> None:
    await site.store.set_tier("alice", tier)
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    assert current(site).names == names


@pytest.mark.parametrize("is_transcoding", [True])
@pytest.mark.parametrize(("payload_bytes", "is_served"), [(17_000, True), (21_000, False)])
async def test_pictures_over_the_bit_rate_are_encoded_anew(site: Site, payload_bytes: int, is_served: bool) -> None:
    """A standard stream's 4.5 Mb/s are 18 750 bytes a picture."""
    payload = bytes(payload_bytes)
    with capture_logs() as events:
        for _ in range(2):  # what was learnt holds for the next broadcast, too
            publication = await site.publish()
            publication.begin([VIDEO])
            for packet in video_packets(30 * 16):
                publication.write(replace(packet, payload=payload))
            publication.end("the test goes on", is_clean=True)
    carried = [list(event["carried"]) for event in events if event["event"] == "source_began"]
    assert carried == ([["720p"], ["720p"]] if is_served else [["720p"], [], []])


@pytest.mark.parametrize("is_transcoding", [True])
async def test_pictures_larger_than_the_tiers_are_encoded_anew(site: Site) -> None:
    publication = await site.publish()
    publication.begin([replace(VIDEO, width=1920, height=1080)])
    assert current(site).names == {"720p", "480p", "360p"}
    assert current(site).windows == []


async def test_what_a_publisher_sends_after_the_end_goes_nowhere(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    await site.directory.close("the server is shutting down")
    published = dict(site.metrics.parts)
    publication.begin([AUDIO])
    for packet in audio_packets(50):
        publication.write(packet)
    publication.end("connection lost", is_clean=False)
    assert site.metrics.parts == published
    assert site.directory.status_of("alice") == "offline"


async def test_a_publisher_that_sent_nothing_leaves_nothing(site: Site) -> None:
    publication = await site.publish()
    publication.end("connection lost", is_clean=False)
    assert site.directory.status_of("alice") == "offline"
    assert (await site.publish()).stream_name == "alice"


@pytest.mark.parametrize("gop_frames", [75, 135])
async def test_key_frames_just_too_far_apart_are_learned_once(site: Site, gop_frames: int) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    epochs = set()
    for packet in video_packets(12 * gop_frames, key_every=gop_frames):
        publication.write(packet)
        presentation = site.directory.find_presentation("alice")
        epochs |= {presentation.epoch} if presentation else set()
    assert len(epochs) == 2
    assert not current(site).is_ended


async def test_a_stutter_teaches_nothing_of_the_key_frames(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    packets = list(video_packets(240))
    for packet in packets[30:]:
        packet.dts_ticks += 150_000
        packet.pts_ticks += 150_000
    for packet in packets:
        publication.write(packet)
    assert current(site).layout.target_duration_seconds == 2
    assert not current(site).is_ended


async def test_pictures_that_stop_while_sound_goes_on_end_the_presentation(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO, AUDIO])
    for packet in video_packets(66):
        publication.write(packet)
    before = current(site)
    for packet in audio_packets(500):
        publication.write(packet)
    assert before.is_ended
    for packet in video_packets(66, start_ticks=20 * 90_000):
        publication.write(packet)
    assert current(site) is not before
    assert site.directory.status_of("alice") == "live"


@pytest.mark.parametrize("grace_seconds", [0.05])
async def test_a_publisher_back_in_time_may_take_its_time_to_begin(site: Site) -> None:
    first = await site.publish()
    first.begin([VIDEO])
    for packet in video_packets(12):
        first.write(packet)
    first.end("connection lost", is_clean=False)
    second = await site.publish()
    await asyncio.sleep(0.1)  # the grace period itself
    second.begin([VIDEO])
    for packet in video_packets(12):
        second.write(packet)
    assert site.directory.status_of("alice") == "live"
    second.end("connection lost", is_clean=False)
    await ended(current(site))


async def test_a_second_loss_before_the_next_key_frame_has_its_grace_too(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    publication.end("connection lost", is_clean=False)
    publication = await site.publish()
    publication.begin([replace(VIDEO, width=1920, height=1080)])
    publication.end("connection lost", is_clean=False)
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12):
        publication.write(packet)
    assert site.directory.status_of("alice") == "live"


async def test_pictures_shown_long_after_they_are_decoded(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO])
    for packet in video_packets(12, offset_ticks=3 * 90_000):
        publication.write(packet)
    first = window(site).segments[0].parts[0]
    assert parse_fragment(first.data).decode_time_ticks == 0
    assert parse_fragment(first.data).presentation_times_ticks[0] == 3 * 90_000


async def test_a_rendition_that_was_given_up_comes_back_with_the_next_source(site: Site) -> None:
    publication = await site.publish()
    publication.begin([VIDEO, AUDIO])
    for packet in video_packets(12):
        publication.write(packet)
    before = current(site)
    before.give_up("audio")
    publication.begin([VIDEO, AUDIO])
    assert current(site) is not before


async def test_a_key_looked_up_while_the_node_stops_opens_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    is_looked_up, may_answer = asyncio.Event(), asyncio.Event()
    find_by_key = site.store.find_by_key

    async def find_slowly(key: str) -> Stream | None:
        is_looked_up.set()
        await may_answer.wait()
        return await find_by_key(key)

    monkeypatch.setattr(site.store, "find_by_key", find_slowly)
    admission = asyncio.create_task(site.publish())
    await is_looked_up.wait()
    await site.directory.close("the server is shutting down")
    may_answer.set()
    with pytest.raises(PublishRefused) as caught:
        await admission
    assert caught.value.refusal is Refusal.SHUTTING_DOWN
