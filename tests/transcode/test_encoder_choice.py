"""Who encodes a rung: what was asked for, or what comes closest; and what the table says is what FFmpeg knows."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pinkmedia.media import VIDEO_TIMESCALE, Codec
from transcode.encoder_choice import ENCODER_WISHES, ENCODERS, choose_encoder
from transcode.encoder_context import EncoderOpener, usable_hardware, why_unusable
from transcode.encoder_kinds import PRESETS, EncoderKind, Family
from transcode.faults import TranscodeFault
from transcode.ladder import Rung

RUNG = Rung("240p", 426, 240, Fraction(30), 400_000, max_bit_rate_bps=600_000)
HAS_PRIVATE_OPTIONS = [kind for kind in ENCODERS.values() if kind.name in av.codecs_available]
"""Those of this build of FFmpeg."""
NONSENSE = "no-such-value"


def machine_with(*names: str) -> dict[str, str]:
    """What is wrong with the encoders of a machine where only these work."""
    return {name: f"{name} does not open" for name in ENCODERS if name not in names}


@pytest.mark.parametrize(
    ("codec", "wanted", "working", "expected"),
    [
        (Codec.H264, "software", ("libx264", "h264_nvenc"), "libx264"),
        (Codec.H264, "nvenc", ("libx264", "h264_nvenc"), "h264_nvenc"),
        (Codec.H264, "auto", ("libx264", "h264_qsv", "h264_vaapi"), "h264_qsv"),
        (Codec.H264, "auto", ("libx264",), "libx264"),
        (Codec.HEVC, "auto", ("libx265", "libx264", "h264_qsv"), "libx265"),
        (Codec.AV1, "vaapi", ("libsvtav1", "libx264", "av1_vaapi"), "av1_vaapi"),
    ],
)
def test_what_is_asked_for_is_used_where_it_works(
    codec: Codec, wanted: str, working: tuple[str, ...], expected: str
) -> None:
    kind, note = choose_encoder(codec, wanted, machine_with(*working).get)
    assert (kind.name, note) == (expected, None)


@pytest.mark.parametrize(
    ("codec", "wanted", "working", "expected", "told"),
    [
        (Codec.H264, "nvenc", ("libx264",), "libx264", "h264_nvenc does not open; libx264 is used instead"),
        (Codec.HEVC, "qsv", ("libx265", "h264_qsv"), "libx265", "hevc_qsv does not open; libx265 is used instead"),
        (
            Codec.AV1,
            "videotoolbox",
            ("libsvtav1",),
            "libsvtav1",
            "FFmpeg has no av1_videotoolbox; libsvtav1 is used instead",
        ),
        (Codec.HEVC, "software", ("libx264",), "libx264", "libx265 does not open; libx264 is used instead"),
        (
            Codec.AV1,
            "qsv",
            ("h264_qsv", "libx264"),
            "h264_qsv",
            "av1_qsv does not open; libsvtav1 does not open; h264_qsv is used instead",
        ),
    ],
)
def test_what_does_not_work_is_replaced_and_said(
    codec: Codec, wanted: str, working: tuple[str, ...], expected: str, told: str
) -> None:
    kind, note = choose_encoder(codec, wanted, machine_with(*working).get)
    assert (kind.name, note) == (expected, told)


def test_nothing_is_asked_about_that_is_not_needed() -> None:
    asked: list[str] = []
    choose_encoder(Codec.HEVC, "software", asked.append)
    assert asked == ["libx265"]


def test_a_machine_without_any_encoder_is_a_fault() -> None:
    with pytest.raises(TranscodeFault, match="libx264 does not open"):
        choose_encoder(Codec.HEVC, "auto", machine_with().get)


def test_every_wish_has_encoders() -> None:
    assert set(ENCODER_WISHES) == {"auto", *(kind.family for kind in ENCODERS.values())}


@pytest.mark.parametrize("kind", ENCODERS.values(), ids=lambda kind: kind.name)
def test_every_preset_has_its_options(kind: EncoderKind) -> None:
    assert set(kind.presets) == set(PRESETS)
    with pytest.raises(TranscodeFault, match="preset placebo"):
        kind.options_for(Rung("240p", 426, 240, Fraction(30), 400_000, preset="placebo"))


@pytest.mark.parametrize("kind", HAS_PRIVATE_OPTIONS, ids=lambda kind: kind.name)
def test_ffmpeg_knows_every_option(kind: EncoderKind) -> None:
    """One that it does not know it would pass over: then nonsense for a value would pass too."""
    for name in kind.options_for(RUNG):
        assert outcome(kind, {name: NONSENSE}) != outcome(kind, {}), name


@pytest.mark.parametrize("kind", HAS_PRIVATE_OPTIONS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("preset", PRESETS)
def test_ffmpeg_takes_every_value(kind: EncoderKind, preset: str) -> None:
    """Where it opens, and where only the device is missing."""
    rung = Rung("240p", 426, 240, Fraction(30), 400_000, preset=preset)
    assert outcome(kind, kind.options_for(rung)) == outcome(kind, {})


def outcome(kind: EncoderKind, options: dict[str, str]) -> object:
    """What becomes of opening it: None, or the error's number."""
    context = CodecContext.create(kind.name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = RUNG.width, RUNG.height, kind.pixel_format
    context.time_base, context.framerate = Fraction(1, VIDEO_TIMESCALE), RUNG.frame_rate
    context.options = options
    try:
        context.open()
        context.encode(None)
    except FFmpegError as error:
        return error.errno
    return None


@pytest.mark.parametrize("name", ["libx264", "libx265", "libsvtav1"])
def test_software_encoders_are_there(name: str) -> None:
    assert why_unusable(name) is None


def test_what_is_not_in_the_build_is_said_so() -> None:
    missing = next(name for name in ENCODERS if name not in av.codecs_available)
    assert why_unusable(missing) == f"{missing} is not in this build of FFmpeg"


def test_software_needs_no_device() -> None:
    assert usable_hardware(Family.SOFTWARE) == ()


def test_an_encoder_that_refuses_a_rung_is_replaced() -> None:
    too_small_for_av1 = Rung("32p", 32, 32, Fraction(30), 50_000, codec=Codec.AV1)
    opener = EncoderOpener()
    for _ in range(2):
        assert opener.open(too_small_for_av1, VideoFrame(32, 32, "yuv420p"), None).kind.name == "libx264"
    assert opener.opened == ["libx264", "libx264"]
    (note,) = opener.notes
    assert note.startswith("libsvtav1 does not open for 32p: ")
    assert note.endswith("; libx264 is used instead")
