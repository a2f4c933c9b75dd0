"""The checker of playlists against playlists that are right, and each rule against one that breaks it."""

from __future__ import annotations

import pytest

from tests.playlist_reader import read_playlist
from tests.playlist_rules import PlaylistWatch, change_faults, faults, group_faults, lag_seconds

HEADER = """\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.000
#EXT-X-PART-INF:PART-TARGET=1.00000
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:3
"""
FIRST = """\
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXT-X-PART:DURATION=1.00000,URI="part-7.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="part-7.1.m4s"
#EXTINF:2.00000,
seg-7.m4s
"""
SECOND = """\
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z
#EXT-X-PART:DURATION=1.00000,URI="part-8.0.m4s",INDEPENDENT=YES
"""
TAIL = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-8.1.m4s"\n#EXT-X-RENDITION-REPORT:URI="../b/media.m3u8",LAST-MSN=8\n'
LIVE = HEADER + FIRST + SECOND + TAIL
ENDED = HEADER + FIRST + "#EXT-X-ENDLIST\n"
MOVED = (
    LIVE.replace(FIRST, "")
    .replace("SEQUENCE:7", "SEQUENCE:8")
    .replace("SEQUENCE:3", "SEQUENCE:4")
    .replace("#EXT-X-PROGRAM", '#EXT-X-MAP:URI="init-1.mp4"\n#EXT-X-PROGRAM')
)


@pytest.mark.parametrize("text", [LIVE, ENDED], ids=["live", "ended"])
def test_a_valid_playlist(text: str) -> None:
    assert faults(read_playlist(text)) == []


def test_what_is_read() -> None:
    playlist = read_playlist(LIVE)
    first, second = playlist.segments
    assert (first.msn, first.discontinuity_number, first.seconds, first.uri) == (7, 4, 2.0, "seg-7.m4s")
    assert (second.msn, second.discontinuity_number, second.map_uri, second.is_whole) == (8, 4, "init-1.mp4", False)
    assert [part.is_independent for part in first.parts] == [True, False]
    assert playlist.edge == (8, 1)
    assert playlist.end_date == 1_767_225_603.0


@pytest.mark.parametrize(
    ("before", "after", "section"),
    [
        ("#EXT-X-VERSION:6\n", "", "4.4.1: #EXT-X-VERSION"),
        ("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n", "4.4.1: #EXT-X-VERSION"),
        ("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-NEW\n", "4.4: misplaced or unknown: #EXT-X-NEW"),
        ("PART-HOLD-BACK=3.000", "PART-HOLD-BACK=2.900", "4.4.3.8"),
        ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO", "4.4.3.8"),
        ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=11.0", "4.4.3.8: CAN-SKIP-UNTIL"),
        ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=YES,HOLD-BACK=5.0", "4.4.3.8: HOLD-BACK"),
        ("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:9\n", "8: a whole playlist of a version"),
        ("#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT\n", "6.2.2: a playlist that lets"),
        ("#EXT-X-VERSION:6\n", '#EXT-X-VERSION:6\n#EXT-X-DATERANGE:ID="a"\n', "4.4.5.1: the date range 'a'"),
        (SECOND, '#EXT-X-MAP:URI="init-2.mp4"\n' + SECOND, "4.4.4.3: segment 8 has another header"),
        ('#EXT-X-MAP:URI="init-1.mp4"\n', "", "4.4.4.5: segment 7"),
        ("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z\n", "", "4.4.4.6: segment 8 has no date"),
        ("00:00:02.000Z", "00:00:02.200Z", "4.4.4.6: segment 8 begins +0.200 s"),
        ("TARGETDURATION:2", "TARGETDURATION:1", "4.4.3.1: segment 7"),
        ("EXTINF:2.00000", "EXTINF:1.90000", "4.4.4.9: the parts of segment 7"),
        ('1.00000,URI="part-7.1', '1.10000,URI="part-7.1', "4.4.4.9: part-7.1.m4s lasts 1.1 s, more"),
        ('00,URI="part-7.0.m4s",INDEPENDENT=YES', '00,URI="part-7.1.m4s"', "4.4.4.9: part-7.1.m4s is listed twice"),
        ('1.00000,URI="part-7.0.m4s",INDEPENDENT=YES', '0.80000,URI="part-7.0.m4s"', "less than 85 %"),
        ("part-8.1.m4s", "part-8.0.m4s", "4.4.5.3: part-8.0.m4s is hinted and listed"),
        ('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-8.1.m4s"\n', "", "4.4.5.3: 0 preload hints"),
        (TAIL, "#EXT-X-ENDLIST\n", "the last segment of an ended playlist is not whole"),
        (TAIL, TAIL + "#EXT-X-ENDLIST\n", "4.4.5.3: something follows the end"),
        (SECOND, SECOND + '#EXT-X-MAP:URI="init-2.mp4"\n', "4.4: misplaced or unknown: #EXT-X-MAP of segment 8"),
    ],
)
def test_a_broken_rule(before: str, after: str, section: str) -> None:
    assert before in LIVE
    assert section in "\n".join(faults(read_playlist(LIVE.replace(before, after))))


def test_parts_that_stay_too_long() -> None:
    later = "".join(f"#EXTINF:2.00000,\nseg-{msn}.m4s\n" for msn in range(8, 12))
    assert any(
        "the parts of segment 7 are still listed" in fault for fault in faults(read_playlist(HEADER + FIRST + later))
    )


def test_a_short_part_may_be_the_last_of_its_segment() -> None:
    short = LIVE.replace('1.00000,URI="part-7.1', '0.10000,URI="part-7.1').replace("EXTINF:2.00000", "EXTINF:1.10000")
    assert faults(read_playlist(short.replace("00:00:02.000Z", "00:00:01.100Z"))) == []


def test_dates_may_jump_forward_at_a_discontinuity_but_not_back() -> None:
    broken = LIVE.replace(SECOND, "#EXT-X-DISCONTINUITY\n" + SECOND)
    assert faults(read_playlist(broken.replace("00:00:02.000Z", "00:07:00.000Z"))) == []
    assert "6.2.1" in "".join(faults(read_playlist(broken.replace("00:00:02.000Z", "00:00:00.900Z"))))


def test_a_playlist_that_moves_on() -> None:
    later = LIVE.replace(TAIL, SECOND.splitlines()[1].replace("8.0", "8.1") + "\n" + TAIL.replace("8.1", "8.2"))
    assert change_faults(read_playlist(LIVE), read_playlist(later)) == []
    # All that is wrong with this one is that too little stays.
    assert change_faults(read_playlist(LIVE), read_playlist(MOVED)) == ["6.2.2: only 0.000 s stay listed"]


@pytest.mark.parametrize(
    ("later", "section"),
    [
        (LIVE.replace("TARGETDURATION:2", "TARGETDURATION:3"), "6.2.1: #EXT-X-TARGETDURATION changed"),
        (LIVE.replace("MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:6"), "6.2.2: the media sequence number decreased"),
        (LIVE.replace(SECOND, ""), "6.2.1: the playlist went back"),
        (LIVE.replace("00:00:02.000Z", "00:00:02.010Z"), "6.2.1: date of segment 8 changed"),
        (LIVE.replace("seg-7.m4s", "seg-7a.m4s"), "6.2.1: segment 7 changed"),
        (LIVE.replace("part-7.1", "part-7.9"), "6.2.1: the parts of segment 7 changed"),
        (MOVED.replace("DISCONTINUITY-SEQUENCE:4", "DISCONTINUITY-SEQUENCE:3"), "6.2.2: EXT-X-DISCONTINUITY-SEQUENCE"),
    ],
)
def test_a_forbidden_change(later: str, section: str) -> None:
    assert section in "\n".join(change_faults(read_playlist(LIVE), read_playlist(later)))


def test_an_ended_playlist_stays_as_it_is() -> None:
    ended = read_playlist(ENDED)
    assert change_faults(ended, ended) == []
    assert change_faults(ended, read_playlist(LIVE)) == ["4.4.3.4: an ended playlist changed"]


@pytest.mark.parametrize(
    ("other", "section"),
    [
        (LIVE.replace("TARGETDURATION:2", "TARGETDURATION:3"), "6.2.4: #EXT-X-TARGETDURATION differs"),
        (LIVE.replace("DISCONTINUITY-SEQUENCE:3", "DISCONTINUITY-SEQUENCE:2"), "6.2.4: the discontinuity number"),
        (LIVE.replace("T00:00:0", "T00:01:0"), "6.2.4: the date of segment 7"),
    ],
)
def test_renditions_that_do_not_fit(other: str, section: str) -> None:
    assert group_faults([read_playlist(LIVE), read_playlist(LIVE)]) == []
    assert section in "\n".join(group_faults([read_playlist(LIVE), read_playlist(other)]))


def test_lag() -> None:
    behind = HEADER + FIRST + TAIL
    assert lag_seconds([read_playlist(LIVE), read_playlist(behind)]) == 1.0
    assert lag_seconds([read_playlist(LIVE), read_playlist(ENDED)]) == 0.0


def test_a_watch_refuses_what_is_wrong() -> None:
    watch = PlaylistWatch("720p")
    watch.observe(LIVE)
    assert list(watch.segments) == [7]
    with pytest.raises(AssertionError, match=r"6\.2\.1: the playlist went back"):
        watch.observe(LIVE.replace(SECOND, ""))
