"""From media messages to the publication, within its limits."""

from __future__ import annotations

import pytest

from ingest.elementary import MediaKind
from ingest.errors import BadMedia, BitRateExceeded, TooManyTracks, UnservedCodec
from ingest.publisher_media import MAX_TIMELINES_PER_MINUTE
from ingest.rtmp.events import MediaReceived
from ingest.rtmp.media import RtmpMedia
from pinkmedia.publishing import PublishLimits
from tests.ingest.flv.test_tags import sequence_header, sized
from tests.ingest.recording import RecordingPublication

SOUND = b"\xaf\x01raw"
SOUND_HEADER = b"\xaf\x00\x11\x90"
SOUND_ONLY = {"audiocodecid": 10.0}


def publication(**limits: int) -> RecordingPublication:
    return RecordingPublication(
        limits=PublishLimits(**({"bit_rate_bps": 1_000_000, "video_tracks": 2, "audio_tracks": 2} | limits))
    )


def sound(body: bytes = SOUND, time_ms: int = 0) -> MediaReceived:
    return MediaReceived(MediaKind.AUDIO, time_ms, body)


def picture(body: bytes) -> MediaReceived:
    return MediaReceived(MediaKind.VIDEO, 0, body)


def publishing(into: RecordingPublication) -> RtmpMedia:
    media = RtmpMedia(into)
    media.set_metadata(SOUND_ONLY)
    media.receive(sound(SOUND_HEADER), 0.0)
    return media


def send(media: RtmpMedia, *events: MediaReceived) -> None:
    for event in events:
        media.receive(event, 0.0)


def test_packets_come_behind_their_tracks() -> None:
    into = publication()
    media = publishing(into)
    media.receive(sound(), 1.5)
    ((track,),) = into.track_sets
    assert track.track_id == 2
    assert [(packet.track_id, packet.received_at) for packet in into.packets] == [(2, 1.5)]


def test_what_is_held_back_comes_out_at_the_end() -> None:
    into = publication()
    media = RtmpMedia(into)
    media.receive(sound(SOUND_HEADER), 0.0)
    media.receive(sound(), 0.0)
    assert not into.packets
    media.end("unpublished", is_clean=True, now=1.0)
    media.end("again", is_clean=False, now=1.0)
    assert len(into.packets) == 1
    assert into.ending == ("unpublished", True)


def test_the_end_comes_even_when_the_last_media_is_refused() -> None:
    into = publication(audio_tracks=0)
    media = RtmpMedia(into)
    media.receive(sound(SOUND_HEADER), 0.0)
    media.receive(sound(), 0.0)
    with pytest.raises(TooManyTracks):
        media.end("unpublished", is_clean=True, now=1.0)
    assert into.ending == ("unpublished", True)


def test_more_tracks_than_allowed() -> None:
    media = publishing(publication(audio_tracks=1))
    media.receive(sound(b"\x95\x10mp4a" + b"\x01" + sized(b"\x11\x90")), 0.0)
    with pytest.raises(TooManyTracks, match="may have 2 video and 1 audio tracks; the encoder sends 0 and 2"):
        media.receive(sound(), 0.0)


def test_more_bits_than_allowed() -> None:
    media = publishing(publication(bit_rate_bps=100_000))
    with pytest.raises(BitRateExceeded):
        send(media, *(sound(SOUND + bytes(10_000), index * 21) for index in range(100)))


@pytest.mark.parametrize(
    ("body", "error"), [(b"\x90vp08", UnservedCodec), (b"\x17", BadMedia), (sequence_header()[:20], BadMedia)]
)
def test_media_that_cannot_be_taken(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        publishing(publication()).receive(picture(body), 0.0)


def test_time_that_jumps_for_ever() -> None:
    into = publication()
    media = publishing(into)
    with pytest.raises(BadMedia, match="change too often"):
        send(media, *(sound(SOUND, 100_000 * (index % 2)) for index in range(2 * MAX_TIMELINES_PER_MINUTE)))
    assert len(into.track_sets) < MAX_TIMELINES_PER_MINUTE
