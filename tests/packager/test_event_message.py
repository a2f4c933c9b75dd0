"""Timed metadata in front of parts."""

from __future__ import annotations

import struct

from packager.event_message import event_message
from packager.rendition import MOST_MESSAGES
from pinkmedia.media import Part, TimedMetadata
from tests.packager.samples import video_packager, video_packets
from tests.packager.test_rendition import boundaries_every

SCHEME = "urn:scte:scte35:2013:bin"
MESSAGE = event_message(TimedMetadata(SCHEME, 12_345, b"splice"), number=7)


def test_box() -> None:
    """ISO/IEC 23009-1 §5.10.3.3.3, version 1."""
    size, kind, version, timescale, time_ticks, duration_ticks, number = struct.unpack_from(">I4sIIQII", MESSAGE)
    assert (size, kind, version >> 24) == (len(MESSAGE), b"emsg", 1)
    assert (timescale, time_ticks, duration_ticks, number) == (90_000, 12_345, 0xFFFFFFFF, 7)
    assert MESSAGE[32:] == SCHEME.encode() + b"\0" + b"\0" + b"splice"


def test_it_stands_in_the_next_part_before_its_samples() -> None:
    published: list[Part] = []
    packager = video_packager(boundaries_every(2, 1), on_part=lambda _, part: published.append(part))
    for count, packet in enumerate(video_packets(18)):
        if count == 8:
            packager.add_message(MESSAGE)
        packager.write(packet)
    assert [MESSAGE in part.data for part in published] == [False, True, False]
    before, after = published[1].data.split(MESSAGE)
    assert (before[4:8], after[4:8]) == (b"prft", b"moof")


def test_only_so_many_wait() -> None:
    published: list[Part] = []
    packager = video_packager(boundaries_every(2, 1), on_part=lambda _, part: published.append(part))
    for _ in range(2 * MOST_MESSAGES):
        packager.add_message(MESSAGE)
    for packet in video_packets(6):
        packager.write(packet)
    assert published[0].data.count(MESSAGE) == MOST_MESSAGES
