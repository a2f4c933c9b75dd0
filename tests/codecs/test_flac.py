"""FLAC headers and frames, against RFC 9639."""

from __future__ import annotations

import pytest

from pinkmedia.codecs.flac import FlacFormat
from pinkmedia.errors import CodecError
from tests.codecs.published import FLAC, configuration_box, published

INFO = bytes.fromhex("1000 1000 00000e 0010c6 0bb802f0 00000000") + bytes(16)
"""4096 samples a block, 48 kHz, stereo, 16 bits."""
BLOCK_HEADER = bytes.fromhex("80 000022")
LIVE = BLOCK_HEADER + bytes.fromhex("1000 1000 000000 000000 0bb802f0 00000000") + bytes(16)


@pytest.mark.parametrize(
    "header",
    [
        INFO,
        BLOCK_HEADER + INFO,
        b"fLaC" + BLOCK_HEADER + INFO,
        b"fLaC" + b"\x00" + BLOCK_HEADER[1:] + INFO + bytes.fromhex("84000000"),
    ],
    ids=["STREAMINFO", "block", "marker", "more blocks"],
)
def test_header_forms(header: bytes) -> None:
    source = FlacFormat.parse(header)
    assert source.configuration == LIVE
    assert (source.sample_rate, source.channels, source.samples_per_frame) == (48_000, 2, 4096)


def test_what_the_encoder_learns_at_the_end_makes_no_other_stream() -> None:
    finished = INFO[:4] + b"\x00\x00\x09\x00\x20\x00" + INFO[10:13] + b"\xff" + b"\x12\x34\x56\x78" + b"checksum" * 2
    assert FlacFormat.parse(finished) == FlacFormat.parse(INFO)


def test_configuration_agrees_with_ffmpeg() -> None:
    written = configuration_box(FLAC, b"dfLa")[4:]
    assert FlacFormat.parse(written) == FlacFormat.parse(published(FLAC).header)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b"", "cut short"),
        (INFO[:-1], "begin with STREAMINFO|cut short"),
        (b"fLaC" + bytes.fromhex("84000022") + INFO, "begin with STREAMINFO"),
        (b"fLaC" + bytes.fromhex("80000021") + INFO, "begin with STREAMINFO"),
        (b"fLaC" + BLOCK_HEADER + INFO[:-1], "cut short"),
        (b"\x00\x10" + INFO[2:], "fixed block size"),
        (b"\x00\x0f\x00\x0f" + INFO[4:], "fixed block size"),
        (INFO[:10] + bytes(24), "0 Hz"),
        (INFO[:10] + b"\xff\xff\xf2\xf0" + bytes(20), "1048575 Hz"),
    ],
)
def test_malformed_header(header: bytes, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        FlacFormat.parse(header)


@pytest.mark.parametrize(
    ("frame", "samples"),
    [
        ("fff8 18 18 00", 192),
        ("fff8 28 18 00", 576),
        ("fff8 38 18 00", 1152),
        ("fff8 88 18 00", 256),
        ("fff9 c8 18 00", 4096),
        ("fff8 68 18 05 0f", 16),
        ("fff8 78 18 05 03ff", 1024),
        ("fff8 78 18 c285 03ff", 1024),
        ("fff8 78 18 fe8080808080 80 0fff", 4096),
    ],
)
def test_samples_of_a_frame(frame: str, samples: int) -> None:
    assert FlacFormat.parse(INFO).sample_count(bytes.fromhex(frame)) == samples


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("", "too early"),
        ("fff0 c8 18 00", "sync code"),
        ("fffa c8 18 00", "sync code"),
        ("fff8 08 18 00", "reserved"),
        ("fff8 d8 18 00", "8192 samples"),
        ("fff8 68 18 80 0f", "malformed number"),
        ("fff8 68 18 ff 0f", "malformed number"),
        ("fff8 78 18 c285 03", "too early"),
    ],
)
def test_malformed_frame(frame: str, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        FlacFormat.parse(INFO).sample_count(bytes.fromhex(frame))
