"""Whole playlists, compared as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from packager.boundaries import Boundaries
from packager.playlist import media_playlist, multivariant_playlist
from packager.rendition import RenditionPackager
from packager.window import Window
from pinkmedia.media import Codec, Colour, Rendition
from tests.packager.samples import AUDIO, VIDEO, audio_packets, ignore_part, layout, video_packager, video_packets

EPOCH_WALL_SECONDS = 1_700_000_000.0 - 1


def packagers(frames: int, boundaries: Boundaries) -> tuple[RenditionPackager, RenditionPackager]:
    video = video_packager(boundaries)
    audio = RenditionPackager(
        Rendition("audio", AUDIO, 128_000, is_passthrough=True), layout(), boundaries, on_part=ignore_part
    )
    for packet in video_packets(frames):
        video.write(packet)
    for packet in audio_packets(frames * 48_000 // 30 // 1024):
        audio.write(packet)
    return video, audio


def two_boundaries() -> Boundaries:
    boundaries = Boundaries()
    boundaries.append(90_000, has_discontinuity=False)
    boundaries.append(270_000, has_discontinuity=False)
    return boundaries


def test_a_live_media_playlist() -> None:
    video, audio = packagers(74, two_boundaries())
    text = media_playlist(video.window, epoch_wall_seconds=EPOCH_WALL_SECONDS, others=[audio.window])
    parts = "".join(f'#EXT-X-PART:DURATION=0.20000,URI="part-1.{index}.m4s"\n' for index in range(1, 10))
    assert text == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.600\n"
        "#EXT-X-PART-INF:PART-TARGET=0.20000\n"
        "#EXT-X-MEDIA-SEQUENCE:1\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
        '#EXT-X-MAP:URI="init-1.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n"
        '#EXT-X-PART:DURATION=0.20000,URI="part-1.0.m4s",INDEPENDENT=YES\n' + parts + "#EXTINF:2.00000,\n"
        "seg-1.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n"
        '#EXT-X-PART:DURATION=0.20000,URI="part-2.0.m4s",INDEPENDENT=YES\n'
        '#EXT-X-PART:DURATION=0.20000,URI="part-2.1.m4s"\n'
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-2.2.m4s"\n'
        '#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8",LAST-MSN=2,LAST-PART=1\n'
    )


def test_the_hint_looks_past_the_end_of_a_whole_segment() -> None:
    video, _ = packagers(120, two_boundaries())
    assert 'URI="part-3.0.m4s"' in media_playlist(video.window, epoch_wall_seconds=0, others=[])


def test_an_ended_playlist_promises_nothing_more() -> None:
    video, audio = packagers(74, two_boundaries())
    video.end()
    text = media_playlist(video.window, epoch_wall_seconds=EPOCH_WALL_SECONDS, others=[audio.window])
    assert text.endswith("#EXTINF:0.46667,\nseg-2.m4s\n#EXT-X-ENDLIST\n")
    for tag in ("PRELOAD-HINT", "RENDITION-REPORT", "EXT-X-PART:"):
        assert tag not in text


def test_discontinuities_and_gaps_stand_before_their_segment() -> None:
    boundaries = two_boundaries()
    boundaries.append(450_000, has_discontinuity=True)
    video = video_packager(boundaries)
    for packet in [*video_packets(12), *video_packets(12, start_ticks=450_000)]:
        video.write(packet)
    text = media_playlist(video.window, epoch_wall_seconds=EPOCH_WALL_SECONDS, others=[])
    assert "#EXT-X-GAP\n#EXTINF:2.00000,\nseg-2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:" in text
    assert text.count("#EXT-X-MAP") == 1


def test_only_the_parts_near_the_end_are_listed() -> None:
    boundaries = Boundaries()
    for index in range(8):
        boundaries.append(90_000 + index * 180_000, has_discontinuity=False)
    video, _ = packagers(60 * 7 + 6, boundaries)
    lines = media_playlist(video.window, epoch_wall_seconds=0, others=[]).splitlines()
    numbers = {line.split('URI="part-')[1].split(".")[0] for line in lines if line.startswith("#EXT-X-PART:")}
    assert numbers == {"5", "6", "7", "8"}
    assert len([line for line in lines if line.startswith("#EXTINF")]) == 7


def test_the_multivariant_playlist() -> None:
    video, audio = packagers(120, two_boundaries())
    assert multivariant_playlist([video.window, audio.window], base_uri="18bc/") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="18bc/audio/media.m3u8"\n'
        # One segment of 60 frames of 10 bytes in ten parts is measured, and 11 parts of audio.
        f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth(video, audio)},AVERAGE-BANDWIDTH={bandwidth(video, audio)},"
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
    assert 'CODECS="mp4a.40.2"\ne/audio/media.m3u8\n' in text


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
