"""All formats on streams that FFmpeg encoded and published: they say what FFmpeg's own MP4 muxer says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinkmedia.errors import CodecError
from pinkmedia.media import Codec, Colour
from tests.codecs.published import (
    AC3,
    AC3_5_1,
    AUDIO_ENCODERS,
    AUDIO_FORMATS,
    EAC3,
    EAC3_5_1,
    FLAC,
    FLAC_96_KHZ,
    HEIGHT,
    OPUS,
    OPUS_5_1,
    SVT_AV1,
    SVT_AV1_10_BIT,
    VIDEO_ENCODERS,
    VIDEO_FORMATS,
    VPX_VP9,
    WIDTH,
    X265,
    X265_10_BIT,
    X265_OPEN_GOP,
    Encoder,
    audio_format,
    audio_source,
    configuration_box,
    published,
    video_format,
    video_source,
)

BT2020_PQ = Colour(9, 16, 9, False)
VERSION_AND_FLAGS = 4


@pytest.mark.parametrize(
    ("encoder", "codec", "codec_string", "colour", "frame_rate"),
    [
        (X265, Codec.HEVC, "hvc1.1.6.L60.90", None, 30),
        (X265_OPEN_GOP, Codec.HEVC, "hvc1.1.6.L60.90", None, 30),
        (X265_10_BIT, Codec.HEVC, "hvc1.2.4.L60.90", BT2020_PQ, 30),
        (SVT_AV1, Codec.AV1, "av01.0.00M.08", None, None),
        (SVT_AV1_10_BIT, Codec.AV1, "av01.0.00M.10.0.110.09.16.09.0", BT2020_PQ, None),
        (VPX_VP9, Codec.VP9, "vp09.00.11.08", None, None),
    ],
)
def test_video_track(
    encoder: Encoder, codec: Codec, codec_string: str, colour: Colour | None, frame_rate: int | None
) -> None:
    source = video_format(encoder)
    track = source.track(track_id=1, frame_rate=Fraction(25))
    assert (track.codec, track.codec_string, track.colour) == (codec, codec_string, colour)
    assert (track.width, track.height, track.frame_rate) == (WIDTH, HEIGHT, Fraction(25))
    assert source.frame_rate == frame_rate


@pytest.mark.parametrize(
    ("encoder", "codec", "codec_string", "sample_rate", "channels", "samples"),
    [
        (OPUS, Codec.OPUS, "opus", 48_000, 2, 960),
        (OPUS_5_1, Codec.OPUS, "opus", 48_000, 6, 960),
        (FLAC, Codec.FLAC, "fLaC", 48_000, 2, 4608),
        (FLAC_96_KHZ, Codec.FLAC, "fLaC", 96_000, 2, 8192),
        (AC3, Codec.AC3, "ac-3", 48_000, 2, 1536),
        (AC3_5_1, Codec.AC3, "ac-3", 44_100, 6, 1536),
        (EAC3, Codec.EAC3, "ec-3", 48_000, 2, 1536),
        (EAC3_5_1, Codec.EAC3, "ec-3", 48_000, 6, 1536),
    ],
)
def test_audio_track(
    encoder: Encoder, codec: Codec, codec_string: str, sample_rate: int, channels: int, samples: int
) -> None:
    track, packets = audio_source(encoder)
    assert (track.codec, track.codec_string) == (codec, codec_string)
    assert (track.sample_rate, track.channels, track.samples_per_frame) == (sample_rate, channels, samples)
    assert {packet.duration_ticks for packet in packets} == {samples}


@pytest.mark.parametrize(
    ("encoder", "kind", "prefix_bytes"),
    [
        (X265, b"hvcC", 0),
        (X265_OPEN_GOP, b"hvcC", 0),
        (X265_10_BIT, b"hvcC", 0),
        (SVT_AV1, b"av1C", 0),
        (SVT_AV1_10_BIT, b"av1C", 0),
        (VPX_VP9, b"vpcC", VERSION_AND_FLAGS),
    ],
)
def test_configuration_is_what_ffmpeg_writes(encoder: Encoder, kind: bytes, prefix_bytes: int) -> None:
    assert video_source(encoder)[0].configuration == configuration_box(encoder, kind)[prefix_bytes:]


@pytest.mark.parametrize(
    ("encoder", "kind"),
    [
        (OPUS, b"dOps"),
        (OPUS_5_1, b"dOps"),
        (AC3, b"dac3"),
        (AC3_5_1, b"dac3"),
        (EAC3, b"dec3"),
        (EAC3_5_1, b"dec3"),
    ],
)
def test_audio_configuration_is_what_ffmpeg_writes(encoder: Encoder, kind: bytes) -> None:
    assert audio_source(encoder)[0].configuration == configuration_box(encoder, kind)


@pytest.mark.parametrize("encoder", VIDEO_ENCODERS, ids=repr)
def test_key_frames_are_sync_samples(encoder: Encoder) -> None:
    packets = video_source(encoder)[1]
    times_ms = [round((packet.pts_ticks - packets[0].pts_ticks) / 90) for packet in packets if packet.is_sync]
    assert times_ms == [0, 500]


@pytest.mark.parametrize("encoder", VIDEO_ENCODERS, ids=repr)
def test_a_repeated_header_is_equal(encoder: Encoder) -> None:
    assert video_format(encoder) == video_format(encoder)


@pytest.mark.parametrize("encoder", [*VIDEO_ENCODERS, *AUDIO_ENCODERS], ids=repr)
def test_header_cut_short(encoder: Encoder) -> None:
    stream = published(encoder)
    open_format = {**VIDEO_FORMATS, **AUDIO_FORMATS}[encoder.name]
    frame = stream.frames[0] if stream.header else b""
    for length in range(min(len(stream.header), 40) - 1):
        with pytest.raises(CodecError):
            open_format(stream.header[:length], frame)
    if not stream.header:
        for length in range(6):
            with pytest.raises(CodecError):
                open_format(b"", stream.frames[0][:length])


def mangled(data: bytes) -> st.SearchStrategy[bytes]:
    """The data cut short, with bytes exchanged, or anything else."""
    cut = st.integers(0, min(len(data), 200)).map(lambda length: data[:length])
    changes = st.dictionaries(st.integers(0, min(len(data) - 1, 120)), st.integers(0, 255), min_size=1, max_size=6)
    exchanged = changes.map(
        lambda change: bytes(change.get(index, byte) for index, byte in enumerate(data[:300])) + data[300:]
    )
    return st.one_of(cut, exchanged, st.binary(max_size=64))


@pytest.mark.parametrize("encoder", [*VIDEO_ENCODERS, *AUDIO_ENCODERS], ids=repr)
@given(data=st.data())
def test_mangled_header_or_first_frame(encoder: Encoder, data: st.DataObject) -> None:
    stream = published(encoder)
    header = data.draw(mangled(stream.header or b"\0"))
    first_frame = data.draw(st.one_of(st.just(stream.frames[0]), mangled(stream.frames[0])))
    try:
        if encoder in VIDEO_ENCODERS:
            video = VIDEO_FORMATS[encoder.name](header, first_frame)
            track = video.track(track_id=1, frame_rate=Fraction(30))
            assert track.width * track.height * len(track.codec_string) > 0
            assert video.frame_rate is None or 1 <= video.frame_rate <= 300
        else:
            audio = AUDIO_FORMATS[encoder.name](header, first_frame).track(track_id=2)
            assert audio.sample_rate * audio.channels * audio.samples_per_frame > 0
    except CodecError:
        return


@pytest.mark.parametrize("encoder", [*VIDEO_ENCODERS, *AUDIO_ENCODERS], ids=repr)
@given(data=st.data())
def test_mangled_frame(encoder: Encoder, data: st.DataObject) -> None:
    frame = data.draw(mangled(published(encoder).frames[1]))
    try:
        if encoder in VIDEO_ENCODERS:
            unit = video_format(encoder).access_unit(memoryview(frame))
            assert unit is None or len(unit.payload) > 0
        else:
            assert audio_format(encoder).sample_count(frame) > 0
    except CodecError:
        return
