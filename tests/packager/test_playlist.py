"""Whole media playlists, compared as text."""

from __future__ import annotations

from packager.boundaries import Boundaries
from packager.playlist import media_playlist
from tests.packager.samples import packagers, two_boundaries, video_packager, video_packets

EPOCH_WALL_SECONDS = 1_700_000_000.0 - 1


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


def test_an_ended_playlist_promises_nothing_more_and_keeps_its_parts() -> None:
    video, audio = packagers(74, two_boundaries())
    video.end()
    text = media_playlist(video.window, epoch_wall_seconds=EPOCH_WALL_SECONDS, others=[audio.window])
    assert text.endswith("#EXTINF:0.46667,\nseg-2.m4s\n#EXT-X-ENDLIST\n")
    for tag in ("PRELOAD-HINT", "RENDITION-REPORT"):
        assert tag not in text
    assert text.count("#EXT-X-PART:") == 13


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


def test_dates_tell_pictures_never_early_and_sound_never_late() -> None:
    video, audio = packagers(74, two_boundaries())
    epoch = EPOCH_WALL_SECONDS + 0.000_4
    texts = [media_playlist(each.window, epoch_wall_seconds=epoch, others=[]) for each in (video, audio)]
    dates = [line for text in texts for line in text.splitlines() if line.startswith("#EXT-X-PROGRAM-DATE-TIME:")]
    assert dates == [
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.001Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.001Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.005Z",
    ]


def test_parts_are_never_listed_longer_than_they_are() -> None:
    _, audio = packagers(74, two_boundaries())
    text = media_playlist(audio.window, epoch_wall_seconds=EPOCH_WALL_SECONDS, others=[])
    listed = [float(line[21:28]) for line in text.splitlines() if line.startswith("#EXT-X-PART:")]
    parts = [part for segment in audio.window.segments for part in segment.parts]
    assert len(listed) == len(parts) > 10
    for seconds, part in zip(listed, parts, strict=True):
        assert 0 <= part.duration_seconds - seconds < 1e-5
