"""AudioSpecificConfig in the forms that encoders send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinkmedia.codecs.aac import AudioSpecificConfig, audio_track
from pinkmedia.errors import CodecError
from pinkmedia.media import AudioTrack, Codec


@pytest.mark.parametrize(
    ("data", "codec_string", "sample_rate", "channels", "samples_per_frame"),
    [
        ("1190", "mp4a.40.2", 48_000, 2, 1024),
        ("1210", "mp4a.40.2", 44_100, 2, 1024),
        ("1188", "mp4a.40.2", 48_000, 1, 1024),
        ("11b0", "mp4a.40.2", 48_000, 6, 1024),  # 5.1
        ("11b8", "mp4a.40.2", 48_000, 8, 1024),  # 7.1
        ("119056e500", "mp4a.40.2", 48_000, 2, 1024),  # what OBS sends: extension present, SBR absent
        ("17805dc010", "mp4a.40.2", 48_000, 2, 1024),  # rate written out in 24 bits
        ("1310", "mp4a.40.2", 24_000, 2, 1024),  # SBR unannounced: AAC-LC at the core's rate
        ("131056e598", "mp4a.40.5", 48_000, 2, 2048),  # SBR behind the core
        ("130856e59d4880", "mp4a.40.29", 48_000, 2, 2048),  # SBR and PS behind the core
        ("2b11880800", "mp4a.40.5", 48_000, 2, 2048),  # SBR in front, 24 kHz core
        ("eb098800", "mp4a.40.29", 48_000, 2, 2048),  # SBR and PS in front, mono core
    ],
)
def test_parse(data: str, codec_string: str, sample_rate: int, channels: int, samples_per_frame: int) -> None:
    configuration = AudioSpecificConfig.parse(bytes.fromhex(data))
    assert configuration.data == bytes.fromhex(data)
    assert configuration.codec_string == codec_string
    assert (configuration.sample_rate, configuration.channels) == (sample_rate, channels)
    assert configuration.samples_per_frame == samples_per_frame


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("", "too early"),
        ("11", "too early"),
        ("1180", "channel configuration 0"),  # laid out by a program config element
        ("0990", "object type 1"),  # AAC Main
        ("f8e8", "too early"),  # escaped object type, cut short
        ("f8e85000", "object type 39"),  # AAC-ELD
        ("1194", "960"),
        ("1690", "reserved"),
        ("1780000010", "0 Hz"),
        ("129056e59800", "cannot be extended"),  # 32 kHz to 48 kHz is not double
    ],
)
def test_refused(data: str, complaint: str) -> None:
    with pytest.raises(CodecError, match=complaint):
        AudioSpecificConfig.parse(bytes.fromhex(data))


@given(st.binary(max_size=16))
def test_any_bytes_parse_or_raise_codec_error(data: bytes) -> None:
    try:
        configuration = AudioSpecificConfig.parse(data)
    except CodecError:
        return
    assert configuration.samples_per_frame in (1024, 2048)


def test_audio_track() -> None:
    configuration = AudioSpecificConfig.parse(bytes.fromhex("1190"))
    assert audio_track(configuration, track_id=2, bit_rate_bps=160_000) == AudioTrack(
        track_id=2,
        codec=Codec.AAC,
        configuration=b"\x11\x90",
        sample_rate=48_000,
        channels=2,
        samples_per_frame=1024,
        codec_string="mp4a.40.2",
        bit_rate_bps=160_000,
    )
