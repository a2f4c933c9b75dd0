"""The checker notices what is wrong: each case is a good answer, playlist or part with one thing changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from packager.fragment import Sample, write_fragment
from packager.init_segment import init_segment
from tests.conformance import answer_rules
from tests.conformance.client import multivariant_faults
from tests.conformance.findings import Findings
from tests.conformance.media_rules import Header, MediaWatch, Timeline, read_header
from tests.conformance.rendition import delta_faults, report_faults
from tests.packager.samples import AUDIO, FRAME, VIDEO
from tests.playlist_reader import ListedPart, ListedSegment, merge_delta, read_playlist

ANY = {
    "access-control-allow-origin": "*",
    "timing-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-expose-headers": "Age, Content-Length, Content-Range, Date",
}
PLAYLIST = ANY | {
    "content-type": "application/vnd.apple.mpegurl",
    "vary": "Accept-Encoding",
    "content-encoding": "gzip",
    "cache-control": "public, max-age=12",
}
MEDIA = ANY | {
    "content-type": "video/mp4",
    "content-length": "4",
    "cache-control": "public, max-age=31536000, immutable",
    "accept-ranges": "bytes",
    "etag": '"1"',
}
LATE = ANY | {"cache-control": "no-store", "retry-after": "1"}


def playlist_answer(headers: dict[str, str]) -> list[str]:
    return list(answer_rules.playlist_answer(httpx.Response(200, headers=headers), 2, is_blocking=True))


def media_answer(headers: dict[str, str], status: int = 200) -> list[str]:
    return list(answer_rules.media_answer(httpx.Response(status, headers=headers, content=b"data"), is_video=True))


def test_good_answers() -> None:
    assert playlist_answer(PLAYLIST) == []
    assert media_answer(MEDIA) == []
    assert list(answer_rules.late_answer(httpx.Response(503, headers=LATE))) == []


@pytest.mark.parametrize("name", PLAYLIST)
def test_a_playlist_without_a_header(name: str) -> None:
    assert playlist_answer({key: value for key, value in PLAYLIST.items() if key != name})


@pytest.mark.parametrize(("name", "value"), [("cache-control", "public, max-age=13"), ("vary", "Origin")])
def test_a_playlist_with_another_header(name: str, value: str) -> None:
    assert playlist_answer(PLAYLIST | {name: value})


@pytest.mark.parametrize("name", MEDIA.keys() - {"content-length"})
def test_media_without_a_header(name: str) -> None:
    assert media_answer({key: value for key, value in MEDIA.items() if key != name})


def test_media_that_is_not_there() -> None:
    assert media_answer(MEDIA, 404) == ["6.2.2: what is listed is answered with 404"]


@pytest.mark.parametrize("headers", [LATE | {"cache-control": "max-age=1"}, ANY | {"cache-control": "no-store"}])
def test_a_late_answer_that_says_too_little(headers: dict[str, str]) -> None:
    assert list(answer_rules.late_answer(httpx.Response(503, headers=headers)))
    assert list(answer_rules.late_answer(httpx.Response(200, headers=LATE)))


# Media


def chunk(number: int, decode_ticks: int, *, frames: int = 6, is_sync: bool = False) -> bytes:
    samples = [Sample(FRAME, 0, is_sync and index == 0, b"x") for index in range(frames)]
    return write_fragment(
        samples,
        sequence_number=number,
        decode_time_ticks=decode_ticks,
        default_duration_ticks=FRAME,
        is_video=True,
        wall_clock_seconds=0.0,
    )


FIRST = ListedPart("part-1.0.m4s", 0.2, is_independent=True, is_gap=False)
SECOND = ListedPart("part-1.1.m4s", 0.2, is_independent=False, is_gap=False)
SEGMENT = ListedSegment(1, 0, date=100.0, seconds=0.4, uri="seg-1.m4s", parts=[FIRST, SECOND])


@pytest.fixture
def watch() -> MediaWatch:
    watch = MediaWatch(Header(90_000, "avc1.64001f"))
    assert list(watch.observe_part(SEGMENT, FIRST, 0, chunk(1, 90_000, is_sync=True))) == []
    return watch


def test_good_media(watch: MediaWatch) -> None:
    assert list(watch.observe_part(SEGMENT, SECOND, 1, chunk(2, 108_000))) == []
    assert list(watch.segment_faults(SEGMENT)) == []
    assert watch.first_times == {1: 1.0}


@pytest.mark.parametrize(
    ("data", "part", "section"),
    [
        (chunk(2, 108_001), SECOND, "CMAF 7.3"),
        (chunk(1, 108_000), SECOND, "14496-12 8.8.5"),
        (chunk(2, 108_000, frames=5), SECOND, "4.4.4.9"),
        (chunk(2, 108_000, is_sync=True), SECOND, "4.4.4.9"),
        (chunk(2, 108_000), replace(SECOND, is_independent=True), "4.4.4.9"),
    ],
)
def test_a_part_that_is_not_what_it_should_be(watch: MediaWatch, data: bytes, part: ListedPart, section: str) -> None:
    (fault,) = watch.observe_part(SEGMENT, part, 1, data)
    assert fault.startswith(section)


def test_a_segment_that_begins_in_the_middle() -> None:
    watch = MediaWatch(Header(90_000, "avc1.64001f"))
    (fault,) = watch.observe_part(SEGMENT, replace(FIRST, is_independent=False), 0, chunk(1, 90_000))
    assert fault.startswith("B.1")


def test_a_segment_of_another_duration(watch: MediaWatch) -> None:
    assert list(watch.segment_faults(SEGMENT))


def test_time_that_shifts() -> None:
    timeline = Timeline()
    assert list(timeline.observe(SEGMENT, 1.0)) == []
    assert list(timeline.observe(replace(SEGMENT, date=102.0), 3.0)) == []
    assert list(timeline.observe(replace(SEGMENT, date=104.0), 5.01))
    assert list(timeline.observe(replace(SEGMENT, discontinuity_number=1), 9.0)) == []


def test_headers_are_read() -> None:
    assert read_header(init_segment(VIDEO)) == Header(90_000, VIDEO.codec_string)
    assert read_header(init_segment(AUDIO)) == Header(48_000, AUDIO.codec_string)


# Playlists

REPORTED = read_playlist(
    "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    '#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=4,LAST-PART=9\n'
)


@pytest.mark.parametrize(("edge", "is_good"), [((4, 9), True), ((4, 10), True), ((5, 0), True), ((5, 1), False)])
def test_the_age_of_reports(edge: tuple[int, int], is_good: bool) -> None:
    assert (list(report_faults(REPORTED, {"audio": edge})) == []) is is_good


def test_a_rendition_that_is_not_reported() -> None:
    assert list(report_faults(REPORTED, {"audio": (1, 1), "480p": (1, 1)}))
    assert list(report_faults(REPORTED, {"audio": (1, 1), "480p": (0, 0)})) == []


KNOWN = (
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    '#EXT-X-MAP:URI="init-1.mp4"\n#EXTINF:2,\nseg-1.m4s\n#EXTINF:2,\nseg-2.m4s\n#EXTINF:2,\nseg-3.m4s\n'
)
DELTA = (
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:2,\nseg-3.m4s\n#EXTINF:2,\nseg-4.m4s\n"
)


def test_a_delta_is_merged() -> None:
    assert list(delta_faults(KNOWN, DELTA)) == []
    assert merge_delta(KNOWN, DELTA) == (
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
        '#EXT-X-MAP:URI="init-1.mp4"\n#EXTINF:2,\nseg-2.m4s\n#EXTINF:2,\nseg-3.m4s\n#EXTINF:2,\nseg-4.m4s\n'
    )


@pytest.mark.parametrize(
    ("known", "delta"),
    [
        (KNOWN, DELTA.replace("VERSION:9", "VERSION:6")),
        (KNOWN, DELTA.replace("SEGMENTS=1", "SEGMENTS=0")),
        (KNOWN, DELTA + "#EXT-X-ENDLIST\n"),
        ("", DELTA),
    ],
)
def test_a_bad_delta(known: str, delta: str) -> None:
    assert list(delta_faults(known, delta))


MULTIVARIANT = (
    "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="n",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",STABLE-RENDITION-ID="s",URI="u"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="v,a",RESOLUTION=2x2,FRAME-RATE=30,SCORE=2,'
    'STABLE-VARIANT-ID="x",AUDIO="a"\ne/x/media.m3u8\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1,CODECS="v,a",RESOLUTION=1x1,FRAME-RATE=30,SCORE=1,'
    'STABLE-VARIANT-ID="y",AUDIO="a"\ne/y/media.m3u8\n'
)


def test_a_good_multivariant_playlist() -> None:
    assert multivariant_faults(MULTIVARIANT) == []


@pytest.mark.parametrize(
    ("piece", "instead"),
    [
        ("#EXT-X-INDEPENDENT-SEGMENTS\n", ""),
        ("AVERAGE-BANDWIDTH=1,", ""),
        ('"v,a",RESOLUTION=1', '"v",RESOLUTION=1'),
        ("SCORE=2", "SCORE=0.5"),
        ('AUDIO="a"\ne/y', 'AUDIO="b"\ne/y'),
        ('CHANNELS="2",', ""),
    ],
)
def test_a_bad_multivariant_playlist(piece: str, instead: str) -> None:
    assert piece in MULTIVARIANT
    assert multivariant_faults(MULTIVARIANT.replace(piece, instead, 1))


def test_findings_tell_each_rule_once() -> None:
    findings = Findings()
    findings.check([], "fine")
    findings.refuse()
    for number in range(3):
        findings.check(broken(), f"case {number}")
    with pytest.raises(AssertionError, match=r"3 × 1\.2: it is broken\n    first: case 0"):
        findings.refuse()


def broken() -> Iterator[str]:
    yield "1.2: it is broken"
