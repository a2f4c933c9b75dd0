"""Transport streams written by hand, one rule after the other: tables, programs, tracks, clock, events, loss."""

from __future__ import annotations

import pytest

from ingest.elementary import MediaKind
from ingest.mpegts.transport import NULL_PID, SYNC_PACKETS
from ingest.mpegts.units import PesPacket, TimedEvent
from pinkmedia.errors import UnsupportedCodec
from tests.ingest.mpegts.muxing import (
    AAC,
    AUDIO_PID,
    H264,
    PAT_PID,
    PMT_PID,
    VIDEO_PID,
    TsWriter,
    entry,
    packet,
    pat,
    pes,
    pmt,
    section,
)
from tests.ingest.mpegts.raw_streams import IGNORED, UNSERVED, Demuxed, raw_demuxer

VIDEO_0, AUDIO_0, AUDIO_1 = (MediaKind.VIDEO, 0), (MediaKind.AUDIO, 0), (MediaKind.AUDIO, 1)
SCTE35, ID3 = 0x86, 0x15
VIDEO, AUDIO = entry(H264, VIDEO_PID), entry(AAC, AUDIO_PID)
SECOND_AUDIO = entry(AAC, AUDIO_PID + 1)
RANGE = 1 << 33


class Live:
    """A sender that writes by hand, and a demuxer behind it."""

    def __init__(self) -> None:
        self.writer = TsWriter()
        self.demuxer = raw_demuxer()
        self.demuxed = Demuxed()
        self.send(*(packet(NULL_PID, bytes(184), 0) for _ in range(SYNC_PACKETS)))

    def tables(self, *streams: bytes, version: int = 0) -> None:
        self.sections(PAT_PID, pat({1: PMT_PID}))
        self.sections(PMT_PID, pmt(1, *streams, version=version))

    def sections(self, pid: int, *sections: bytes) -> None:
        self.send(*self.writer.sections(pid, *sections))

    def video(self, payload: bytes, pts: int = 0) -> None:
        self.send(*self.writer.packets(VIDEO_PID, pes(payload, pts=pts)))

    def audio(self, payload: bytes, pts: int = 0, pid: int = AUDIO_PID) -> None:
        unit = pes(payload.ljust(170, b"."), pts=pts, stream_id=0xC0, is_bounded=True)
        self.send(*self.writer.packets(pid, unit))

    def send(self, *packets: bytes) -> None:
        self.demuxed.add(self.demuxer.receive_data(b"".join(packets)))

    def end(self) -> Demuxed:
        self.demuxed.add(self.demuxer.flush())
        return self.demuxed


def payloads(packets: list[PesPacket]) -> list[bytes]:
    return [bytes(packet.payload).rstrip(b".") for packet in packets]


def test_pictures_and_sound() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO)
    live.video(b"picture 1", 9000)
    live.audio(b"sound 1", 9100)
    live.video(b"picture 2", 12600)
    demuxed = live.end()
    assert payloads(demuxed.video) == [b"picture 1", b"picture 2"]
    assert [packet.dts_ticks for packet in demuxed.video] == [9000, 12600]
    assert payloads(demuxed.audio) == [b"sound 1"]
    assert demuxed.ends == [VIDEO_0, AUDIO_0]


def test_tracks_are_numbered_by_kind_in_the_order_of_the_table() -> None:
    live = Live()
    live.tables(SECOND_AUDIO, VIDEO, AUDIO)
    live.audio(b"first", pid=AUDIO_PID + 1)
    live.audio(b"second", pid=AUDIO_PID)
    assert payloads(live.demuxed.packets[AUDIO_0]) == [b"first"]
    assert payloads(live.demuxed.packets[AUDIO_1]) == [b"second"]


def test_a_picture_goes_on_while_the_table_changes() -> None:
    live = Live()
    live.tables(VIDEO)
    first, second = live.writer.packets(VIDEO_PID, pes(bytes(300), pts=0))
    live.send(first)
    live.tables(VIDEO, AUDIO, version=1)
    live.send(second)
    live.audio(b"sound")
    assert live.demuxed.ends == []
    assert payloads(live.demuxed.audio) == [b"sound"]
    assert live.end().video == [PesPacket(0, 0, False, bytes(300))]


def test_a_stream_that_vanishes_ends_and_the_next_takes_its_number() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO, SECOND_AUDIO)
    live.video(b"picture")
    live.tables(VIDEO, SECOND_AUDIO, version=1)
    assert live.demuxed.ends == [AUDIO_0, AUDIO_1]
    live.audio(b"second", pid=AUDIO_PID + 1)
    live.audio(b"vanished")
    assert payloads(live.demuxed.packets[AUDIO_0]) == [b"second"]
    assert payloads(live.end().video) == [b"picture"]


def test_what_has_begun_is_delivered_before_its_stream_ends() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO)
    live.video(b"last")
    live.tables(AUDIO, version=1)
    assert payloads(live.demuxed.video) == [b"last"]
    assert live.demuxed.ends == [VIDEO_0]


def test_a_repeated_table_changes_nothing() -> None:
    live = Live()
    for _ in range(3):
        live.tables(VIDEO, AUDIO)
        live.audio(b"sound")
    assert live.demuxed.ends == []
    assert len(live.demuxed.audio) == 3


def test_a_pmt_may_move_to_another_pid() -> None:
    live = Live()
    live.tables(AUDIO)
    live.sections(PAT_PID, pat({1: 0x200}, version=1))
    live.sections(PMT_PID, pmt(1, VIDEO, version=1))
    live.sections(PMT_PID, b"\x02\xb0\x09 wrong crc")
    assert live.demuxed.ends == []
    assert live.demuxer.counters.crc_errors == 0
    live.sections(0x200, pmt(1, AUDIO, VIDEO, version=1))
    live.audio(b"sound")
    live.video(b"picture")
    demuxed = live.end()
    assert payloads(demuxed.audio) == [b"sound"]
    assert payloads(demuxed.video) == [b"picture"]


def test_the_first_program_with_media_is_played_until_the_pat_has_it_no_more() -> None:
    live = Live()
    live.sections(PAT_PID, pat({1: PMT_PID, 2: 0x200, 3: 0x300}))
    live.sections(PMT_PID, pmt(1, entry(SCTE35, 0x111)))
    live.sections(0x200, pmt(2, AUDIO))
    live.sections(0x300, pmt(3, SECOND_AUDIO))
    live.audio(b"of 2")
    live.audio(b"of 3", pid=AUDIO_PID + 1)
    assert payloads(live.demuxed.audio) == [b"of 2"]
    live.sections(PAT_PID, pat({3: 0x300}, version=1))
    live.sections(0x300, pmt(3, SECOND_AUDIO))
    live.audio(b"of 3", pid=AUDIO_PID + 1)
    assert payloads(live.demuxed.audio) == [b"of 2", b"of 3"]
    assert live.demuxed.ends == [AUDIO_0]


def test_a_program_that_loses_its_media_makes_room() -> None:
    live = Live()
    live.sections(PAT_PID, pat({1: PMT_PID, 2: 0x200}))
    live.sections(PMT_PID, pmt(1, AUDIO))
    live.sections(PMT_PID, pmt(1, version=1))
    live.sections(0x200, pmt(2, VIDEO))
    live.video(b"of 2")
    assert payloads(live.end().video) == [b"of 2"]


def test_two_programs_may_share_the_pid_of_their_tables() -> None:
    live = Live()
    live.sections(PAT_PID, pat({1: PMT_PID, 2: PMT_PID}))
    for _ in range(2):
        live.sections(PMT_PID, pmt(2, VIDEO), pmt(1, AUDIO))
        live.video(b"picture")
    assert payloads(live.end().video) == [b"picture"] * 2
    assert live.demuxed.ends == [VIDEO_0]


def test_a_program_that_the_pat_does_not_have_is_not_played() -> None:
    live = Live()
    live.sections(PAT_PID, pat({1: PMT_PID}))
    live.sections(PMT_PID, pmt(9, AUDIO))
    live.audio(b"sound")
    assert live.end() == Demuxed()


def test_a_table_with_a_wrong_crc_is_not_believed() -> None:
    live = Live()
    live.tables(AUDIO)
    broken = bytearray(pmt(1, VIDEO, version=1))
    broken[-1] ^= 1
    live.sections(PMT_PID, bytes(broken))
    live.audio(b"sound")
    assert payloads(live.demuxed.audio) == [b"sound"]
    assert live.demuxer.counters.crc_errors == 1


def test_a_stream_cannot_take_the_pid_of_a_table() -> None:
    live = Live()
    live.tables(AUDIO, entry(H264, PMT_PID))
    live.tables(AUDIO, VIDEO, version=1)
    live.video(b"picture")
    assert payloads(live.end().video) == [b"picture"]


def test_a_table_may_take_the_pid_of_a_stream() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO)
    live.sections(PAT_PID, pat({1: PMT_PID, 2: VIDEO_PID}, version=1))
    live.sections(PMT_PID, pmt(1, AUDIO, version=1))
    live.sections(PAT_PID, pat({2: VIDEO_PID}, version=2))
    live.sections(VIDEO_PID, pmt(2, SECOND_AUDIO))
    live.audio(b"of 2", pid=AUDIO_PID + 1)
    assert payloads(live.demuxed.audio) == [b"of 2"]


def test_a_codec_that_is_not_served_is_refused() -> None:
    live = Live()
    with pytest.raises(UnsupportedCodec):
        live.tables(entry(UNSERVED, VIDEO_PID))


def test_a_type_that_is_ignored_costs_nothing() -> None:
    live = Live()
    live.tables(entry(IGNORED, 0x110), AUDIO)
    live.audio(b"ignored", pid=0x110)
    live.audio(b"sound")
    assert list(live.demuxed.packets) == [AUDIO_1]


def splice_signal(pts_ticks: int) -> bytes:
    """The rest of a section with a time_signal() (ANSI/SCTE 35 §9.6.1)."""
    time = (0xFE << 32 | pts_ticks % RANGE).to_bytes(5)
    return bytes(7) + b"\xff\xf0\x05\x06" + time + b"\x00\x00"


def test_one_clock_serves_all_streams() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO)
    for video, audio in ((-1800, -1350), (-900, 900), (-450, 1800)):
        live.video(b"picture", video % RANGE)
        live.audio(b"sound", audio % RANGE)
    demuxed = live.end()
    assert [packet.pts_ticks for packet in demuxed.video] == [RANGE - 1800, RANGE - 900, RANGE - 450]
    assert [packet.pts_ticks for packet in demuxed.audio] == [RANGE - 1350, RANGE + 900, RANGE + 1800]


def test_splice_sections_have_the_time_of_the_splice() -> None:
    live = Live()
    ahead, past = (section(0xFC, splice_signal(ticks), syntax=0x3000) for ticks in (RANGE + 45_000, RANGE - 9000))
    live.tables(VIDEO, AUDIO, entry(SCTE35, 0x110))
    live.video(b"picture", RANGE - 4500)
    live.video(b"picture", 0)
    live.sections(0x110, ahead, past)
    assert live.demuxed.events == [
        TimedEvent("scte35", (RANGE + 45_000) / 90, ahead),
        TimedEvent("scte35", RANGE / 90, past),
    ]


def test_splice_sections_without_a_time_have_that_of_the_pictures() -> None:
    live = Live()
    splice = section(0xFC, b"splice", syntax=0x3000)
    live.tables(VIDEO, AUDIO, entry(SCTE35, 0x110))
    live.sections(0x110, splice)
    live.video(b"picture", 90_000)
    live.video(b"picture", 93_600)
    live.audio(b"sound", 180_000)
    live.sections(0x110, splice, section(0xC0, b"private"))
    assert live.demuxed.events == [TimedEvent("scte35", 1040.0, splice)]
    assert live.demuxer.counters.dropped_sections == 2


def test_splice_sections_of_a_program_without_pictures_have_the_time_of_its_sound() -> None:
    live = Live()
    splice = section(0xFC, b"splice", syntax=0x3000)
    live.tables(AUDIO, entry(SCTE35, 0x110))
    live.audio(b"sound", 180_000)
    live.sections(0x110, splice)
    assert live.demuxed.events == [TimedEvent("scte35", 2000.0, splice)]


def test_id3_has_its_own_time() -> None:
    live = Live()
    live.tables(VIDEO, entry(ID3, 0x110))
    for payload in (b"ID3 tag", b"KLV"):
        unit = pes(payload, pts=45_000, stream_id=0xBD, is_bounded=True)
        live.send(*live.writer.packets(0x110, unit))
    assert live.demuxed.events == [TimedEvent("id3", 500.0, b"ID3 tag")]
    assert live.demuxer.counters.dropped_units == 1


def test_a_loss_below_is_told_with_the_next_picture() -> None:
    live = Live()
    live.tables(VIDEO, AUDIO)
    live.audio(b"sound")
    begun = bytes(300)
    live.send(*live.writer.packets(VIDEO_PID, pes(begun))[:1])
    live.demuxer.note_loss()
    live.video(b"whole")
    live.audio(b"sound")
    live.send(live.writer.packets(VIDEO_PID, pes(b"third"))[0])
    found = [(packet.is_damaged, bytes(packet.payload)) for packet in live.end().video]
    assert found == [
        (True, begun[: len(found[0][1])]),
        (False, b"whole"),
        (False, b"third"),
    ]
    assert not any(packet.is_damaged for packet in live.demuxed.audio)
