"""Pictures by hand: where access units end, what is dropped, what is announced."""

from __future__ import annotations

import pytest

from ingest.elementary import MediaKind, TrackAnnounced, TrackKey, VideoFrame, VideoSequenceHeader
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.es_video import H264, MAX_REORDERING_TICKS, VideoStream
from ingest.mpegts.units import PesPacket, TimedTag
from pinkmedia.codecs.nal_units import length_prefixed
from pinkmedia.errors import CodecError
from tests.ingest.flv.test_tags import PPS, SPS

START = b"\x00\x00\x00\x01"
DELIMITER, SEI, FILLER = b"\x09\xf0", b"\x06\x05\x01\x00\x80", b"\x0c\xff\x80"
IDR, SLICE = b"\x65\x88\x80", b"\x41\x9a\x80"
KEY_FRAME = (DELIMITER, SPS, PPS, SEI, IDR)


def pes(*units: bytes, ticks: int | None = 0, pts_ticks: int | None = None, is_damaged: bool = False) -> PesPacket:
    payload = b"".join(START + unit for unit in units)
    return PesPacket(ticks if pts_ticks is None else pts_ticks, ticks, is_damaged, payload)


class Listener:
    def __init__(self) -> None:
        self.counters = TsCounters()
        self.stream = VideoStream(H264, 0, self.counters)

    def tags(self, *packets: PesPacket) -> list[TimedTag]:
        return [tag for packet in packets for tag in self.stream.receive(packet)]

    def pictures(self, *packets: PesPacket) -> list[VideoFrame]:
        return [timed.tag for timed in self.tags(*packets) if isinstance(timed.tag, VideoFrame)]


def test_parameter_sets_are_announced_once_and_stand_in_no_picture() -> None:
    header, first, second = Listener().tags(pes(*KEY_FRAME), pes(*KEY_FRAME, ticks=3000))
    assert isinstance(header.tag, VideoSequenceHeader)
    for frame in (first, second):
        assert isinstance(frame.tag, VideoFrame)
        assert (frame.tag.is_sync, bytes(frame.tag.payload)) == (True, length_prefixed([SEI, IDR]))
    assert second.timestamp_ms == pytest.approx(3000 / 90)


def test_filler_and_delimiters_are_dropped() -> None:
    listener = Listener()
    _, picture = listener.pictures(pes(*KEY_FRAME), pes(DELIMITER, SLICE, FILLER, ticks=3000))
    assert (picture.is_sync, bytes(picture.payload)) == (False, length_prefixed([SLICE]))


def test_a_picture_parameter_set_that_differs_stays_in_its_picture() -> None:
    other = PPS + b"\x01"
    _, picture = Listener().pictures(pes(*KEY_FRAME), pes(other, SLICE, ticks=3000))
    assert bytes(picture.payload) == length_prefixed([other, SLICE])


def test_pictures_before_the_first_key_frame_only_tell_that_there_are_some() -> None:
    listener = Listener()
    announced, header, picture = (timed.tag for timed in listener.tags(pes(SLICE), pes(SLICE), pes(*KEY_FRAME)))
    assert announced == TrackAnnounced(TrackKey(MediaKind.VIDEO, 0))
    assert (type(header), type(picture)) == (VideoSequenceHeader, VideoFrame)
    assert listener.counters.dropped_units == 2


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(pes(SLICE, is_damaged=True), id="damaged"),
        pytest.param(PesPacket(0, 0, False, b"no start code"), id="no start code"),
        pytest.param(pes(SLICE, ticks=None), id="without a time"),
        pytest.param(pes(SLICE, pts_ticks=MAX_REORDERING_TICKS + 1), id="shown hours later"),
    ],
)
def test_after_a_loss_the_next_key_frame_is_waited_for(broken: PesPacket) -> None:
    listener = Listener()
    pictures = listener.pictures(pes(*KEY_FRAME), broken, pes(SLICE, ticks=6000), pes(*KEY_FRAME, ticks=9000))
    assert [picture.is_sync for picture in pictures] == [True, True]
    assert listener.counters.dropped_units >= 1


def test_several_pictures_in_a_packet_follow_each_other() -> None:
    """At the rate that the parameter set declares."""
    tags = Listener().tags(pes(*KEY_FRAME, DELIMITER, SLICE, DELIMITER, SLICE, ticks=9000))
    times = [timed.timestamp_ms for timed in tags if isinstance(timed.tag, VideoFrame)]
    assert times == [pytest.approx(100 + number * 1000 / 25) for number in range(3)]


def test_parameter_sets_that_cannot_be_read() -> None:
    with pytest.raises(CodecError):
        Listener().tags(pes(SPS[:5], PPS, IDR))


def test_parameter_sets_that_break_later_are_passed_over() -> None:
    listener = Listener()
    tags = listener.tags(pes(*KEY_FRAME), pes(SPS[:5], PPS, IDR, ticks=3000))
    assert sum(isinstance(timed.tag, VideoSequenceHeader) for timed in tags) == 1
