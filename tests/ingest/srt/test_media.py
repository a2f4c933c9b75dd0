"""From payloads to the publication."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import BitRateExceeded, UnservedCodec
from ingest.mpegts.transport import SYNC_BYTE
from ingest.srt.media import SrtMedia
from pinkmedia.media import Packet, TimedMetadata
from pinkmedia.publishing import PublishLimits
from tests.ingest.mpegts.muxing import VIDEO_PID, TsWriter, entry, pes, section
from tests.ingest.recording import RecordingPublication
from tests.ingest.srt.clip import CLIP_PICTURES

H264, MP2, ID3, SCTE35 = 0x1B, 0x03, 0x15, 0x86
EVENT_PID = 0x110
PAYLOAD_BYTES = 7 * 188


def payloads(clip: Path) -> list[bytes]:
    data = clip.read_bytes()
    return [data[start : start + PAYLOAD_BYTES] for start in range(0, len(data), PAYLOAD_BYTES)]


def timescale(publication: RecordingPublication, packet: Packet) -> int:
    return next(track.timescale for track in publication.track_sets[0] if track.track_id == packet.track_id)


def test_packets_of_every_frame(ts_clip: Path) -> None:
    publication = RecordingPublication()
    media = SrtMedia(publication)
    for number, payload in enumerate(payloads(ts_clip)):
        media.receive([payload], number / 100)
    media.end("over", is_clean=True, now=9.0)
    media.end("again", is_clean=True, now=9.0)
    video, audio = publication.track_sets[0]
    pictures = [packet for packet in publication.packets if packet.track_id == video.track_id]
    assert [round(picture.dts_ticks - pictures[0].dts_ticks) for picture in pictures] == [
        number * 3000 for number in range(CLIP_PICTURES)
    ]
    assert audio.codec_string == "mp4a.40.2"
    assert publication.ending == ("over", True)


def test_a_loss_costs_the_pictures_up_to_the_next_key_frame(ts_clip: Path) -> None:
    publication = RecordingPublication()
    media = SrtMedia(publication)
    pieces: list[bytes | None] = list(payloads(ts_clip))
    pieces[10] = None
    media.receive(pieces, 0.0)
    media.end("over", is_clean=True, now=9.0)
    video, _audio = publication.track_sets[0]
    pictures = [packet for packet in publication.packets if packet.track_id == video.track_id]
    assert CLIP_PICTURES // 2 <= len(pictures) < CLIP_PICTURES
    assert media.demuxer.counters.damaged_units > 0


def test_splices_and_id3_come_with_their_times(ts_clip: Path) -> None:
    publication = RecordingPublication()
    media = SrtMedia(publication)
    writer = TsWriter()
    splice = section(0xFC, b"splice", syntax=0x3000)
    media.receive([ts_clip.read_bytes()], 0.0)
    newest_ticks = max(packet.dts_ticks * 90_000 // timescale(publication, packet) for packet in publication.packets)
    tables = writer.tables(entry(H264, VIDEO_PID), entry(SCTE35, EVENT_PID), entry(ID3, EVENT_PID + 1))
    tag = pes(b"ID3 tag", pts=newest_ticks + 9000, stream_id=0xBD, is_bounded=True)
    media.receive([tables, b"".join(writer.packets(EVENT_PID + 1, tag))], 0.0)
    media.receive([b"".join(writer.sections(EVENT_PID, splice))], 0.0)
    id3, scte35 = publication.metadata
    assert (id3.scheme, id3.payload) == ("https://aomedia.org/emsg/ID3", b"ID3 tag")
    assert abs(id3.pts_ticks - newest_ticks - 9000) <= 90  # a millisecond: times are whole ones
    assert (scte35.scheme, scte35.payload) == ("urn:scte:scte35:2013:bin", splice)
    assert isinstance(scte35, TimedMetadata)


def test_a_codec_that_is_not_served() -> None:
    media = SrtMedia(RecordingPublication())
    with pytest.raises(UnservedCodec, match="set the encoder to AAC"):
        media.receive([TsWriter().tables(entry(MP2, VIDEO_PID)) + bytes([SYNC_BYTE])], 0.0)


def test_a_bit_rate_above_the_tier(ts_clip: Path) -> None:
    media = SrtMedia(RecordingPublication(limits=PublishLimits(bit_rate_bps=10_000, video_tracks=1, audio_tracks=1)))
    with pytest.raises(BitRateExceeded):
        media.receive(payloads(ts_clip), 0.0)
