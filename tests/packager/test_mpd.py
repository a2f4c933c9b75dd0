"""DASH manifests: one compared as text, the others by what their elements say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from packager.mpd import manifest
from packager.presentation import Presentation
from pinkmedia.media import ID3_SCHEME, SCTE35_SCHEME, AudioTrack, Codec, Colour, Packet, Rendition, Track, audio_group
from tests.packager.samples import AUDIO, VIDEO, audio_packets, ignore_part, layout, video_packets

EPOCH_WALL_SECONDS = 1_700_000_000.0 - 1
NAMESPACE = {"": "urn:mpeg:dash:schema:mpd:2011"}
ANNOUNCED_TICKS = 242_910
"""2.699 s of video: the longest segment, and a part."""


def rendition(name: str, track: Track = VIDEO, group: str = audio_group(None)) -> Rendition:
    return Rendition(name, track, 1_000_000, is_passthrough=True, audio_group=group)


def presentation(*renditions: Rendition) -> Presentation:
    made = Presentation("e1", layout(), set(), on_part=ignore_part)
    for each in renditions:
        made.add_rendition(each)
    return made


def write(made: Presentation, name: str, packets: Iterable[Packet]) -> None:
    for packet in packets:
        made.write(name, packet)


def live(*renditions: Rendition, frames: int = 74, boundaries: Iterable[int] = (90_000, 270_000)) -> Presentation:
    """So many frames of each rendition."""
    made = presentation(*renditions)
    for pts_ticks in boundaries:
        made.add_boundary(pts_ticks)
    for each in renditions:
        write_frames(made, each, frames)
    return made


def write_frames(made: Presentation, each: Rendition, frames: int, *, start_seconds: int = 1) -> None:
    if isinstance(each.track, AudioTrack):
        packets = audio_packets(frames * 48_000 // 30 // 1024, start_ticks=start_seconds * 48_000)
    else:
        packets = video_packets(frames, start_ticks=start_seconds * 90_000)
    write(made, each.name, packets)


def text_of(made: Presentation) -> str:
    return manifest(made.windows, made.breaks, epoch_wall_seconds=EPOCH_WALL_SECONDS, clock_uri="../../time")


def root_of(made: Presentation) -> ElementTree.Element:
    return ElementTree.fromstring(text_of(made))


def one(root: ElementTree.Element, path: str) -> ElementTree.Element:
    found = root.findall(path, NAMESPACE)
    assert len(found) == 1, path
    return found[0]


def representations(root: ElementTree.Element) -> list[list[str]]:
    """The names in each AdaptationSet."""
    sets = root.findall(".//AdaptationSet", NAMESPACE)
    return [[each.attrib["id"] for each in one_set.findall("Representation", NAMESPACE)] for one_set in sets]


def template(root: ElementTree.Element, name: str) -> ElementTree.Element:
    return one(root, f".//Representation[@id='{name}']/SegmentTemplate")


def timeline(root: ElementTree.Element, name: str) -> list[tuple[int, ...]]:
    """The S elements: t, d and r."""
    entries = template(root, name).findall("SegmentTimeline/S", NAMESPACE)
    return [tuple(int(entry.attrib.get(key, 0)) for key in "tdr") for entry in entries]


EVENT_STREAMS = (
    '      <InbandEventStream schemeIdUri="urn:scte:scte35:2013:bin"/>\n'
    '      <InbandEventStream schemeIdUri="https://aomedia.org/emsg/ID3"/>\n'
)


def test_a_live_manifest() -> None:
    made = live(rendition("720p"), rendition("audio", AUDIO))
    sizes = [made.windows[index].segments[0].size_bytes for index in (0, 1)]
    video_bps, audio_bps = (-(-round(size * 8 / 2.0) // 1000) * 1000 for size in sizes)
    assert text_of(made) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        ' profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic"'
        ' minBufferTime="PT0.6S" availabilityStartTime="2023-11-14T22:13:19.000Z"'
        ' publishTime="2023-11-14T22:13:22.005Z" minimumUpdatePeriod="PT0.5S" timeShiftBufferDepth="PT12S"'
        ' suggestedPresentationDelay="PT0.6S" maxSegmentDuration="PT2.699S">\n'
        '  <ServiceDescription id="0">\n'
        '    <Latency target="1200" min="600" max="4800" referenceId="0"/>\n'
        '    <PlaybackRate min="0.95" max="1.05"/>\n'
        "  </ServiceDescription>\n"
        '  <Period id="0" start="PT0S">\n'
        '    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true"'
        ' startWithSAP="1">\n'
        f"{EVENT_STREAMS}"
        '      <ProducerReferenceTime id="0" inband="true" type="encoder"'
        ' wallClockTime="2023-11-14T22:13:19.000Z" presentationTime="0">\n'
        '        <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/>\n'
        "      </ProducerReferenceTime>\n"
        f'      <Representation id="720p" codecs="avc1.64001f" bandwidth="{video_bps}" width="1280" height="720"'
        ' sar="1:1" frameRate="30">\n'
        '        <SegmentTemplate timescale="90000" startNumber="1" initialization="$RepresentationID$/init-1.mp4"'
        ' media="$RepresentationID$/seg-$Number$.m4s" availabilityTimeOffset="2.499"'
        ' availabilityTimeComplete="false">\n'
        "          <SegmentTimeline>\n"
        '            <S t="90000" d="180000"/>\n'
        '            <S t="270000" d="242910" r="1"/>\n'
        "          </SegmentTimeline>\n"
        "        </SegmentTemplate>\n"
        "      </Representation>\n"
        "    </AdaptationSet>\n"
        '    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true"'
        ' startWithSAP="1" selectionPriority="2">\n'
        f"{EVENT_STREAMS}"
        "      <Label>audio</Label>\n"
        '      <ProducerReferenceTime id="1" inband="true" type="encoder"'
        ' wallClockTime="2023-11-14T22:13:19.000Z" presentationTime="0">\n'
        '        <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/>\n'
        "      </ProducerReferenceTime>\n"
        f'      <Representation id="audio" codecs="mp4a.40.2" bandwidth="{audio_bps}" audioSamplingRate="48000">\n'
        "        <AudioChannelConfiguration"
        ' schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>\n'
        '        <SegmentTemplate timescale="48000" startNumber="1" initialization="$RepresentationID$/init-1.mp4"'
        ' media="$RepresentationID$/seg-$Number$.m4s" availabilityTimeOffset="2.499"'
        ' availabilityTimeComplete="false">\n'
        "          <SegmentTimeline>\n"
        '            <S t="48000" d="96256"/>\n'
        '            <S t="144256" d="129552" r="1"/>\n'
        "          </SegmentTimeline>\n"
        "        </SegmentTemplate>\n"
        "      </Representation>\n"
        "    </AdaptationSet>\n"
        "  </Period>\n"
        '  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/>\n'
        "</MPD>\n"
    )


def test_the_end_is_a_static_manifest() -> None:
    made = live(rendition("720p"), rendition("audio", AUDIO))
    made.end()
    root = root_of(made)
    assert {name: root.attrib[name] for name in root.attrib if name != "profiles"} == {
        "type": "static",
        "minBufferTime": "PT0.6S",
        "mediaPresentationDuration": "PT3.466667S",
    }
    assert timeline(root, "720p") == [(90_000, 180_000, 0), (270_000, 42_000, 0)]
    assert "availabilityTimeOffset" not in template(root, "720p").attrib
    assert root.findall(".//UTCTiming", NAMESPACE) == []


# Segments


def test_segments_of_one_length_are_one_element() -> None:
    made = live(rendition("720p"), frames=60 * 3 + 6, boundaries=[90_000 + index * 180_000 for index in range(4)])
    assert timeline(root_of(made), "720p") == [(90_000, 180_000, 2), (630_000, ANNOUNCED_TICKS, 1)]


def test_the_next_segment_is_announced_behind_a_whole_one() -> None:
    made = live(rendition("720p"), frames=61)  # the second segment has begun, but nothing of it is published
    assert timeline(root_of(made), "720p") == [(90_000, 180_000, 0), (270_000, ANNOUNCED_TICKS, 0)]


def test_what_was_announced_only_ever_gets_shorter() -> None:
    made = live(rendition("720p"), frames=6)
    assert timeline(root_of(made), "720p") == [(90_000, ANNOUNCED_TICKS, 1)]
    write_frames(made, rendition("720p"), 66, start_seconds=1)
    ends = [t + d for t, d, _ in timeline(root_of(made), "720p")]
    assert ends[0] < 90_000 + ANNOUNCED_TICKS


def test_numbers_go_on_when_old_segments_leave() -> None:
    made = live(rendition("720p"), frames=60 * 12, boundaries=[90_000 + index * 180_000 for index in range(12)])
    root = root_of(made)
    first = made.windows[0].segments[0]
    assert first.msn > 1
    assert template(root, "720p").attrib["startNumber"] == str(first.msn)
    assert timeline(root, "720p")[0][0] == 90_000 + (first.msn - 1) * 180_000


def test_a_rendition_begins_behind_its_newest_gap() -> None:
    made = live(rendition("720p"), rendition("480p"), frames=60, boundaries=(90_000, 270_000, 450_000))
    write_frames(made, rendition("720p"), 72, start_seconds=3)
    write_frames(made, rendition("480p"), 12, start_seconds=5)
    root = root_of(made)
    assert [template(root, name).attrib["startNumber"] for name in ("720p", "480p")] == ["1", "3"]
    assert timeline(root, "480p") == [(450_000, ANNOUNCED_TICKS, 1)]


def test_nothing_is_announced_behind_a_gap() -> None:
    made = live(rendition("720p"), rendition("480p"), frames=60, boundaries=[90_000 + i * 180_000 for i in range(5)])
    write_frames(made, rendition("720p"), 60 * 4, start_seconds=3)
    made.skip_to("480p", 5)
    assert made.windows[1].segments[-1].is_gap
    assert timeline(root_of(made), "480p") == [(90_000, 180_000, 0)]


def test_another_header_begins_another_list() -> None:
    made = live(rendition("720p"), frames=60, boundaries=(90_000, 270_000))
    made.add_rendition(rendition("720p", replace(VIDEO, codec_string="avc1.640020")))
    write_frames(made, rendition("720p"), 12, start_seconds=3)
    attributes = template(root_of(made), "720p").attrib
    assert (attributes["startNumber"], attributes["initialization"]) == ("2", "$RepresentationID$/init-2.mp4")


# Periods


def broken() -> Presentation:
    """A break after the first segment: ten seconds are missing."""
    made = live(rendition("720p"), rendition("audio", AUDIO), frames=60, boundaries=(90_000,))
    made.add_boundary(13 * 90_000, has_discontinuity=True)
    write_frames(made, rendition("720p"), 12, start_seconds=13)
    return made


def test_a_break_begins_a_period() -> None:
    made = broken()
    write_frames(made, rendition("audio", AUDIO), 30, start_seconds=13)
    periods = root_of(made).findall("Period", NAMESPACE)
    assert [period.attrib for period in periods] == [{"id": "0", "start": "PT0S"}, {"id": "2", "start": "PT13S"}]
    before, after = periods
    assert timeline(before, "720p") == [(90_000, 180_000, 0)]
    assert timeline(after, "720p") == [(1_170_000, ANNOUNCED_TICKS, 1)]
    assert "presentationTimeOffset" not in template(before, "720p").attrib
    assert template(after, "720p").attrib["presentationTimeOffset"] == "1170000"
    assert template(after, "audio").attrib["presentationTimeOffset"] == "624000"


def test_a_period_is_not_shown_before_all_of_it_has_come() -> None:
    made = broken()
    assert len(root_of(made).findall("Period", NAMESPACE)) == 1
    assert timeline(root_of(made), "audio") == [(48_000, 129_552, 0)]  # nothing is announced beyond the break


def test_what_is_late_in_a_period_is_waited_for_a_while() -> None:
    made = live(rendition("720p"), rendition("480p"), frames=60, boundaries=(90_000,))
    made.add_boundary(450_000, has_discontinuity=True)
    write_frames(made, rendition("720p"), 24, start_seconds=5)
    assert len(root_of(made).findall("Period", NAMESPACE)) == 1
    write(made, "720p", list(video_packets(30, start_ticks=450_000))[24:])
    assert representations(root_of(made)) == [["720p", "480p"], ["720p"]]


def test_a_period_keeps_its_beginning_when_that_has_left_the_window() -> None:
    made = broken()
    write_frames(made, rendition("audio", AUDIO), 30, start_seconds=13)
    for second in range(15, 45, 2):
        made.add_boundary(second * 90_000)
        write_frames(made, rendition("720p"), 60, start_seconds=second)
        write_frames(made, rendition("audio", AUDIO), 62, start_seconds=second)
    assert one(root_of(made), "Period").attrib == {"id": "2", "start": "PT13S"}
    assert template(root_of(made), "720p").attrib["presentationTimeOffset"] == "1170000"


# AdaptationSets


def test_what_players_may_change_between_is_one_set() -> None:
    small_group = audio_group(64_000)
    opus = replace(AUDIO, codec=Codec.OPUS, codec_string="opus")
    made = live(
        rendition("720p"),
        rendition("480p"),
        rendition("av1", replace(VIDEO, codec=Codec.AV1, codec_string="av01.0.05M.08")),
        rendition("audio", AUDIO),
        rendition("audio-64k", AUDIO, small_group),
        rendition("audio-2", AUDIO),
        rendition("audio-2-64k", AUDIO, small_group),
        rendition("audio-3", opus),
    )
    root = root_of(made)
    assert representations(root) == [
        ["720p", "480p"],
        ["av1"],
        ["audio", "audio-64k"],
        ["audio-2", "audio-2-64k"],
        ["audio-3"],
    ]
    assert [label.text for label in root.findall(".//Label", NAMESPACE)] == ["audio", "audio-2", "audio-3"]
    priorities = [each.get("selectionPriority") for each in root.findall(".//AdaptationSet", NAMESPACE)]
    assert priorities == [None, None, "2", None, None]


def test_what_is_not_served_is_not_offered_and_the_others_keep_their_numbers() -> None:
    made = live(rendition("720p"), rendition("audio", AUDIO))
    made.withdraw("720p")
    root = root_of(made)
    assert representations(root) == [["audio"]]
    assert one(root, ".//AdaptationSet").attrib["id"] == "1"


@pytest.mark.parametrize(("channels", "value"), [(1, "1"), (6, "6"), (7, "11"), (8, "7"), (16, None)])
def test_channels(channels: int, value: str | None) -> None:
    root = root_of(live(rendition("audio", replace(AUDIO, channels=channels))))
    found = [each.attrib["value"] for each in root.findall(".//AudioChannelConfiguration", NAMESPACE)]
    assert found == ([value] if value else [])


def test_players_are_told_to_listen_for_events() -> None:
    root = root_of(live(rendition("720p"), frames=60))
    schemes = [each.attrib["schemeIdUri"] for each in root.iterfind(".//{*}AdaptationSet/{*}InbandEventStream")]
    assert schemes == [SCTE35_SCHEME, ID3_SCHEME]


@pytest.mark.parametrize(("transfer", "value"), [(16, "16"), (18, "18"), (1, None)])
def test_hdr_is_announced(transfer: int, value: str | None) -> None:
    track = replace(VIDEO, colour=Colour(primaries=9, transfer=transfer, matrix=9, is_full_range=False))
    root = root_of(live(rendition("720p", track)))
    properties = root.findall(".//AdaptationSet/SupplementalProperty", NAMESPACE)
    assert [each.attrib["value"] for each in properties] == ([value] if value else [])


def test_the_shape_of_pictures() -> None:
    track = replace(VIDEO, frame_rate=Fraction(30_000, 1001), sample_aspect_ratio=Fraction(4, 3), width=960)
    shape = one(root_of(live(rendition("720p", track))), ".//Representation").attrib
    assert (shape["width"], shape["height"], shape["sar"]) == ("960", "720", "4:3")
    assert shape["frameRate"] == "30000/1001"
