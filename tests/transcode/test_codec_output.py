"""Encoders that write byte streams: their output is the same as that of those which write what MP4 has."""

from __future__ import annotations

from fractions import Fraction

import pytest
from av.codec.context import CodecContext, Flags
from av.video.frame import PictureType

from pinkmedia.codecs.h264 import AvcConfiguration
from pinkmedia.codecs.nal_units import annex_b_to_length_prefixed
from pinkmedia.errors import CodecError
from pinkmedia.media import VIDEO_TIMESCALE, Codec
from tests.transcode.sources import FRAME_TICKS, moving_pictures
from transcode.codec_output import CodecOutput, codec_output

DELIMITER = b"\x00\x00\x00\x01\x09\x10"
FILLER = b"\x00\x00\x01\x0c\xff\xff\x80"


def x264(annexb: int, repeat_headers: int = 0) -> tuple[CodecOutput, list[bytes]]:
    """What it says of itself, and three pictures, the third a key frame again."""
    context = CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 320, 180, "yuv420p"
    context.time_base, context.framerate = Fraction(1, VIDEO_TIMESCALE), Fraction(30)
    context.flags |= Flags.global_header
    own = f"annexb={annexb}:repeat-headers={repeat_headers}"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", "x264-params": own}
    made = []
    for number, frame in enumerate(moving_pictures(3, 320, 180)):
        frame.pts, frame.time_base = number * FRAME_TICKS, context.time_base
        frame.pict_type = PictureType.I if number == 2 else PictureType.NONE
        made += [bytes(unit) for unit in context.encode(frame)]
    return codec_output(Codec.H264, context.extradata or b""), made


def test_annex_b_becomes_what_a_record_describes() -> None:
    (one, records), (other, streams) = x264(annexb=0), x264(annexb=1)
    assert AvcConfiguration.parse(one.configuration) == AvcConfiguration.parse(other.configuration)
    for record, stream in zip(records, streams, strict=True):
        assert one.access_unit(record) == other.access_unit(stream)


def test_a_key_frame_is_seen() -> None:
    for output, made in (x264(annexb=0), x264(annexb=1)):
        assert [output.access_unit(data).is_sync for data in made] == [True, False, True]


@pytest.mark.parametrize("clutter", [DELIMITER, FILLER], ids=["delimiter", "filler"])
def test_what_mp4_does_not_have_is_left_out(clutter: bytes) -> None:
    output, made = x264(annexb=1)
    for data in made:
        assert output.access_unit(clutter + data) == output.access_unit(data)


def test_parameter_sets_are_in_the_record_only() -> None:
    output, plain = x264(annexb=1)
    _, repeated = x264(annexb=1, repeat_headers=1)
    assert len(repeated[2]) > len(plain[2])
    assert bytes(output.access_unit(repeated[2]).payload) == annex_b_to_length_prefixed(plain[2])


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC, Codec.AV1])
@pytest.mark.parametrize("extradata", [b"", b"\x01", b"\x00\x00\x01\x09\x10", b"\xff" * 30], ids=bytes.hex)
def test_an_encoder_that_does_not_say_what_it_makes_is_refused(codec: Codec, extradata: bytes) -> None:
    with pytest.raises(CodecError):
        codec_output(codec, extradata)


def test_an_access_unit_without_a_picture_is_refused() -> None:
    output, _ = x264(annexb=1)
    with pytest.raises(CodecError, match="without a picture"):
        output.access_unit(DELIMITER)
