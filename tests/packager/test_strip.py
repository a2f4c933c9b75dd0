"""The strip of small pictures: what the text track says, and which images are there."""

from __future__ import annotations

from packager.strip import Strip
from pinkmedia.media import PictureSheet


def sheet(*seconds: float) -> PictureSheet:
    times_ticks = tuple(round(each * 90_000) for each in seconds)
    return PictureSheet(b"%d tiles" % len(seconds), 160, 88, 2, times_ticks)


def test_where_each_picture_is() -> None:
    strip = Strip(60)
    strip.add(sheet(1, 6, 11.5))
    strip.add(sheet(16.5))
    assert strip.webvtt() == (
        "WEBVTT\n"
        "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"
        "\n"
        "00:00:01.000 --> 00:00:06.000\n"
        "sheet-1.3.jpg#xywh=0,0,160,88\n"
        "\n"
        "00:00:06.000 --> 00:00:11.500\n"
        "sheet-1.3.jpg#xywh=160,0,160,88\n"
        "\n"
        "00:00:11.500 --> 00:00:16.500\n"
        "sheet-1.3.jpg#xywh=0,88,160,88\n"
        "\n"
        "00:00:16.500 --> 00:00:21.500\n"
        "sheet-2.1.jpg#xywh=0,0,160,88\n"
    )


def test_without_pictures_it_is_empty() -> None:
    assert Strip(60).webvtt() == "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"


def test_a_growing_sheet_has_a_new_name_each_time_and_the_last_ones_stay_a_while() -> None:
    strip = Strip(600)
    for count in range(1, 6):
        strip.add(sheet(*range(1, 1 + count)))
    kept = [strip.find(f"sheet-1.{count}.jpg") for count in range(1, 6)]
    assert kept == [None, None, b"3 tiles", b"4 tiles", b"5 tiles"]
    for start in (100, 200, 300, 400):
        strip.add(sheet(start))
    assert strip.find("sheet-1.5.jpg") == b"5 tiles"
    assert strip.find("sheet-1.4.jpg") is None


def test_what_has_left_the_window_goes() -> None:
    strip = Strip(60)
    strip.add(sheet(1))
    strip.add(sheet(100))
    assert strip.find("sheet-1.1.jpg") is None
    assert "sheet-1" not in strip.webvtt()
