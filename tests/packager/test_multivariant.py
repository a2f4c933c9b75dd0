"""Multivariant playlists as text."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from packager.boundaries import Boundaries
from packager.multivariant import multivariant_playlist
from packager.rendition import RenditionPackager
from packager.window import Window
from pinkmedia.media import Codec, Colour, Rendition, audio_group
from tests.packager.samples import AUDIO, VIDEO, ignore_part, layout, packagers, two_boundaries


def test_the_multivariant_playlist() -> None:
    video, audio = packagers(120, two_boundaries())
    assert multivariant_playlist([video.window, audio.window], base_uri="18bc/") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'STABLE-RENDITION-ID="audio",URI="18bc/audio/media.m3u8"\n'
        # One segment of 60 frames of 10 bytes in ten parts is measured, and 11 parts of audio.
        f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth(video, audio)},AVERAGE-BANDWIDTH={bandwidth(video, audio)},"
        'SCORE=1.0,STABLE-VARIANT-ID="720p.audio",'
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio",CLOSED-CAPTIONS=NONE\n'
        "18bc/720p/media.m3u8\n"
    )


def bandwidth(*packagers: RenditionPackager) -> int:
    """From the bytes served, rounded up to kilobits."""
    firsts = [packager.window.segments[0] for packager in packagers]
    bps = sum(round(sum(map(len, segment.chunks)) * 8 / segment.duration_seconds) for segment in firsts)
    return -(-bps // 1000) * 1000


def test_sound_without_pictures_is_a_variant_of_its_own() -> None:
    _, audio = packagers(74, two_boundaries())
    text = multivariant_playlist([audio.window], base_uri="e/")
    assert "EXT-X-MEDIA:" not in text
    assert 'CODECS="mp4a.40.2",CLOSED-CAPTIONS=NONE\ne/audio/media.m3u8\n' in text


def test_nothing_measured_yet_means_the_declared_bit_rate() -> None:
    video = RenditionPackager(
        Rendition("720p", VIDEO, 2_500_000, is_passthrough=False), layout(), Boundaries(), on_part=ignore_part
    )
    assert "BANDWIDTH=2500000," in multivariant_playlist([video.window], base_uri="e/")


def audio_window(name: str, codec: Codec, codec_string: str, bit_rate_bps: int) -> Window:
    track = replace(AUDIO, codec=codec, codec_string=codec_string)
    rendition = Rendition(name, track, bit_rate_bps, is_passthrough=True)
    return RenditionPackager(rendition, layout(), Boundaries(), on_part=ignore_part).window


def test_several_audio_tracks_are_a_choice() -> None:
    video, _ = packagers(74, two_boundaries())
    first = audio_window("audio", Codec.AAC, "mp4a.40.2", 128_000)
    second = audio_window("audio-2", Codec.AAC, "mp4a.40.2", 192_000)
    text = multivariant_playlist([video.window, first, second], base_uri="e/")
    assert 'NAME="audio",DEFAULT=YES,AUTOSELECT=YES' in text
    assert 'GROUP-ID="audio",NAME="audio-2",DEFAULT=NO,AUTOSELECT=NO' in text
    assert text.count("#EXT-X-STREAM-INF") == 1
    alone = multivariant_playlist([video.window], base_uri="e/")
    assert peak_bps(text) - peak_bps(alone) == 192_000  # of the larger one


def peak_bps(text: str) -> int:
    return int(text.split("#EXT-X-STREAM-INF:BANDWIDTH=")[1].split(",")[0])


def test_audio_of_another_codec_is_a_group_of_its_own() -> None:
    video, _ = packagers(74, two_boundaries())
    aac = audio_window("audio", Codec.AAC, "mp4a.40.2", 128_000)
    opus = audio_window("audio-2", Codec.OPUS, "opus", 128_000)
    text = multivariant_playlist([video.window, aac, opus], base_uri="e/")
    assert 'GROUP-ID="audio-opus",NAME="audio-2",DEFAULT=YES' in text
    assert text.count('CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio"') == 1
    assert text.count('CODECS="avc1.64001f,opus",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="audio-opus"') == 1


@pytest.mark.parametrize(("transfer", "attribute"), [(16, "VIDEO-RANGE=PQ"), (18, "VIDEO-RANGE=HLG"), (1, None)])
def test_hdr_is_announced(transfer: int, attribute: str | None) -> None:
    track = replace(VIDEO, colour=Colour(primaries=9, transfer=transfer, matrix=9, is_full_range=False))
    rendition = Rendition("720p-hevc", track, 2_500_000, is_passthrough=True)
    window = RenditionPackager(rendition, layout(), Boundaries(), on_part=ignore_part).window
    text = multivariant_playlist([window], base_uri="e/")
    assert re.findall("VIDEO-RANGE=[A-Z]+", text) == ([attribute] if attribute else [])


# Sound by the picture it belongs to


def window(rendition: Rendition) -> Window:
    return RenditionPackager(rendition, layout(), Boundaries(), on_part=ignore_part).window


def picture(name: str, height: int, bit_rate_bps: int, audio_bit_rate_bps: int | None = None) -> Window:
    track = replace(VIDEO, width=height * 16 // 9, height=height)
    group = audio_group(audio_bit_rate_bps)
    return window(Rendition(name, track, bit_rate_bps, is_passthrough=False, audio_group=group))


def sound(name: str, bit_rate_bps: int, *, is_best: bool = True, stands_alone: bool = False) -> Window:
    group = audio_group(None if is_best else bit_rate_bps)
    rendition = Rendition(name, AUDIO, bit_rate_bps, is_passthrough=False, audio_group=group, stands_alone=stands_alone)
    return window(rendition)


BEST = sound("audio", 160_000)
SMALL = sound("audio-64k", 64_000, is_best=False, stands_alone=True)
SMALL_SECOND = sound("audio-2-64k", 64_000, is_best=False)
LARGE_PICTURE = picture("720p", 720, 2_500_000)
SMALL_PICTURE = picture("360p", 360, 700_000, audio_bit_rate_bps=64_000)


def variants(text: str) -> list[tuple[str, int, str]]:
    """Address, bandwidth and audio group, as they stand there."""
    found = re.findall(r'BANDWIDTH=(\d+),AVERAGE.*?(?:,AUDIO="([^"]+)")?,CLOSED-CAPTIONS=NONE\ne/(.+)/media.m3u8', text)
    return [(name, int(bandwidth), group) for bandwidth, group, name in found]


def test_a_picture_has_the_sound_that_it_asks_for() -> None:
    second = sound("audio-2", 160_000)
    text = multivariant_playlist([LARGE_PICTURE, SMALL_PICTURE, BEST, second, SMALL, SMALL_SECOND], base_uri="e/")
    assert variants(text)[:2] == [("720p", 2_660_000, "audio"), ("360p", 764_000, "audio-64k")]
    media = re.findall('GROUP-ID="([^"]+)",NAME="([^"]+)",DEFAULT=([A-Z]+).*URI="e/(.+)/media.m3u8"', text)
    assert media == [
        ("audio", "audio", "YES", "audio"),
        ("audio", "audio-2", "NO", "audio-2"),
        ("audio-64k", "audio", "YES", "audio-64k"),
        ("audio-64k", "audio-2", "NO", "audio-2-64k"),
    ]


def test_where_the_sound_that_it_asks_for_is_missing_the_best_is_heard() -> None:
    text = multivariant_playlist([LARGE_PICTURE, SMALL_PICTURE, BEST], base_uri="e/")
    assert variants(text) == [("720p", 2_660_000, "audio"), ("360p", 860_000, "audio")]


def test_sound_alone_is_the_last_variant() -> None:
    text = multivariant_playlist([LARGE_PICTURE, SMALL_PICTURE, BEST, SMALL, SMALL_SECOND], base_uri="e/")
    assert variants(text)[-1] == ("audio-64k", 64_000, "audio-64k")
    last = text.splitlines()[-2]
    assert 'CODECS="mp4a.40.2",AUDIO' in last
    assert "RESOLUTION" not in last


def test_sound_that_nothing_offered_needs_is_not_listed() -> None:
    text = multivariant_playlist([SMALL_PICTURE, BEST, SMALL], base_uri="e/")
    assert 'GROUP-ID="audio"' not in text
    assert {group for _, _, group in variants(text)} == {"audio-64k"}


def test_the_better_variant_has_the_higher_score_and_each_an_id_of_its_own() -> None:
    sixty = window(Rendition("720p60", replace(VIDEO, frame_rate=Fraction(60)), 3_750_000, is_passthrough=False))
    text = multivariant_playlist([LARGE_PICTURE, SMALL_PICTURE, sixty, BEST, SMALL], base_uri="e/")
    scores = re.findall(r'SCORE=([\d.]+),STABLE-VARIANT-ID="([^"]+)"', text)
    assert sorted((float(score), name) for score, name in scores) == [
        (1.0, "audio-64k"),
        (2.0, "360p.audio-64k"),
        (3.0, "720p.audio"),
        (4.0, "720p60.audio"),
    ]
    assert re.findall('STABLE-RENDITION-ID="([^"]+)"', text) == ["audio", "audio-64k"]
