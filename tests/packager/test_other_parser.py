"""What is packaged, as GPAC's mp4box.js reads it (parse.mjs): boxes, times, flags and bytes, for every codec."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from packager.boundaries import Boundaries
from packager.event_message import event_message
from packager.layout import PackagerSettings, plan_layout
from packager.rendition import RenditionPackager
from pinkmedia.media import ID3_SCHEME, Packet, Rendition, TimedMetadata, Track, VideoTrack
from tests.codecs.published import AUDIO_ENCODERS, VIDEO_ENCODERS, Encoder, audio_source, video_source
from tests.packager.samples import ignore_part
from tests.pictures import encoded_video
from tests.support import require_tool

SCRIPT = Path(__file__).with_name("parse.mjs")
PARSE_SECONDS = 60.0
SYNC, OTHER = 0x02000000, 0x01010000
"""Sample flags: depends on no other; depends on others, and is no sync sample (ISO/IEC 14496-12 §8.8.3.1)."""

Box = dict[str, Any]


class Parsed:
    """A file, and what the other parser says of it."""

    def __init__(self, track: Track, packets: list[Packet], *, segment_seconds: float = 1.0) -> None:
        self.track, self.packets = track, packets
        boundaries = Boundaries()
        starts_ticks = [packet.pts_ticks for packet in packets if packet.is_sync] if is_video(track) else [0]
        for pts_ticks in starts_ticks:
            boundaries.append(pts_ticks, has_discontinuity=False)
        layout = plan_layout(PackagerSettings(segment_target_seconds=segment_seconds), [track], segment_seconds)
        rendition = Rendition("source", track, 1_000_000, is_passthrough=True)
        packager = RenditionPackager(rendition, layout, boundaries, on_part=ignore_part)
        packager.add_message(event_message(TimedMetadata(ID3_SCHEME, packets[0].pts_ticks, b"ID3 tag"), number=7))
        for packet in packets:
            packager.write(packet)
        packager.end()
        init = packager.window.find_init("init-1.mp4")
        assert init is not None
        self.data = init.data + b"".join(chunk for each in packager.window.segments for chunk in each.chunks)
        command = [require_tool("node"), str(SCRIPT)]
        printed = subprocess.run(command, input=self.data, stdout=subprocess.PIPE, timeout=PARSE_SECONDS, check=True)
        told = json.loads(printed.stdout)
        self.boxes: list[Box] = told["boxes"]
        self.samples: list[dict[str, int]] = told["samples"]
        (self.info,) = told["info"]["tracks"]

    def all(self, kind: str) -> list[Box]:
        return [box for box in walk(self.boxes) if box["type"] == kind]

    def one(self, kind: str) -> Box:
        (box,) = self.all(kind)
        return box


def is_video(track: Track) -> bool:
    return isinstance(track, VideoTrack)


def walk(boxes: list[Box]) -> Iterator[Box]:
    for box in boxes:
        yield box
        yield from walk(box["boxes"])


def end_of(box: Box) -> int:
    return int(box["start"] + box["size"])


@pytest.fixture(scope="module", params=[*VIDEO_ENCODERS, *AUDIO_ENCODERS, "b-frames"], ids=repr)
def parsed(request: pytest.FixtureRequest) -> Parsed:
    encoder: Encoder | str = request.param
    if isinstance(encoder, str):
        return Parsed(*encoded_video(60, b_frames=3))
    return Parsed(*(video_source if encoder in VIDEO_ENCODERS else audio_source)(encoder))


def test_boxes_come_in_their_order(parsed: Parsed) -> None:
    init, first, *chunks = " ".join(box["type"] for box in parsed.boxes).split(" prft ")
    assert (init, first) == ("ftyp moov", "emsg moof mdat")  # ISO/IEC 23000-19 §7.3.2.3
    assert set(chunks) <= {"moof mdat"}
    (moov,) = (box for box in parsed.boxes if box["type"] == "moov")
    assert [box["type"] for box in moov["boxes"]] == ["mvhd", "trak", "mvex"]
    for moof in parsed.all("moof"):
        assert [box["type"] for box in moof["boxes"]] == ["mfhd", "traf"]
        assert [box["type"] for box in moof["boxes"][1]["boxes"]] == ["tfhd", "tfdt", "trun"]


def test_boxes_fill_the_file_and_each_other(parsed: Parsed) -> None:
    assert parsed.boxes[0]["start"] == 0
    assert all(end_of(box) == following["start"] for box, following in pairwise(parsed.boxes))
    assert end_of(parsed.boxes[-1]) == len(parsed.data)
    for box in walk(parsed.boxes):
        assert all(end_of(child) == following["start"] for child, following in pairwise(box["boxes"]))
        assert not box["boxes"] or end_of(box["boxes"][-1]) == end_of(box)


def test_the_header(parsed: Parsed) -> None:
    track = parsed.track
    assert parsed.one("ftyp")["compatible_brands"] == ["iso6", "cmfc", "cmf2", "mp41"]
    assert (parsed.one("mdhd")["timescale"], parsed.one("mdhd")["duration"]) == (track.timescale, 0)
    assert (parsed.one("mvhd")["duration"], parsed.one("tkhd")["duration"]) == (0, 0)
    assert (parsed.one("tkhd")["flags"], parsed.one("tkhd")["track_id"]) == (7, 1)
    assert (parsed.one("trex")["track_id"], parsed.one("trex")["default_sample_description_index"]) == (1, 1)
    assert parsed.all("edts") == []  # composition offsets say it all (ISO/IEC 23000-19, brand cmf2)
    if isinstance(track, VideoTrack):
        assert parsed.info["video"] == {"width": track.width, "height": track.height}
    else:
        told_rate = track.sample_rate if track.sample_rate < 1 << 16 else 0  # as FLAC's mapping has it (§3.3.1)
        assert parsed.info["audio"]["sample_rate"] == told_rate
        assert parsed.info["audio"]["channel_count"] == track.channels


def test_the_codec_string_is_what_the_header_says(parsed: Parsed) -> None:
    told = parsed.info["codec"].lower()
    codec_string = parsed.track.codec_string.lower()
    assert told == codec_string or (told.startswith("av01") and codec_string.startswith(f"{told}."))  # without colours


def test_samples_are_the_packets(parsed: Parsed) -> None:
    assert len(parsed.samples) == len(parsed.packets)
    for sample, packet in zip(parsed.samples, parsed.packets, strict=True):
        assert (sample["cts"], sample["is_sync"], sample["size"]) == (
            packet.pts_ticks,
            packet.is_sync,
            len(packet.payload),
        )
        assert parsed.data[sample["offset"] : sample["offset"] + sample["size"]] == packet.payload
        assert sample["depends_on"] == (2 if packet.is_sync else 1)


def test_decode_times_have_neither_gaps_nor_overlaps(parsed: Parsed) -> None:
    assert all(one["dts"] + one["duration"] == next_one["dts"] for one, next_one in pairwise(parsed.samples))
    counts = [box["sample_count"] for box in parsed.all("trun")]
    begins = [parsed.samples[sum(counts[:index])]["dts"] for index in range(len(counts))]
    assert [box["baseMediaDecodeTime"] for box in parsed.all("tfdt")] == begins
    assert {box["version"] for box in parsed.all("tfdt")} == {1}


def test_fragments(parsed: Parsed) -> None:
    numbers = [box["sequence_number"] for box in parsed.all("mfhd")]
    assert numbers == sorted(set(numbers))
    for moof, trun, tfhd in zip(parsed.all("moof"), parsed.all("trun"), parsed.all("tfhd"), strict=True):
        assert trun["data_offset"] == moof["size"] + 8  # from the moof on to behind the head of mdat
        assert tfhd["flags"] == 0x020028  # default-base-is-moof, a duration and flags: never base-data-offset
        assert set(trun["sample_flags"]) <= {SYNC, OTHER}


def test_the_producers_clock(parsed: Parsed) -> None:
    for prft, tfdt in zip(parsed.all("prft"), parsed.all("tfdt"), strict=True):
        assert (prft["version"], prft["flags"]) == (1, 2)  # when the chunk was finished (§8.16.5)
        assert (prft["ref_track_id"], prft["media_time"]) == (1, tfdt["baseMediaDecodeTime"])


def test_event_messages(parsed: Parsed) -> None:
    message = parsed.one("emsg")
    assert (message["version"], message["scheme_id_uri"], message["id"]) == (1, ID3_SCHEME, 7)
    assert (message["timescale"], message["presentation_time"]) == (90_000, parsed.packets[0].pts_ticks)
    assert message["event_duration"] == 0xFFFFFFFF
