"""Headers and chunks, byte for byte, as their specifications draw them (ISO/IEC 14496-12, -14, -15)."""

from __future__ import annotations

from packager.fragment import Sample, write_fragment
from packager.init_segment import init_segment
from tests.packager.samples import AUDIO, VIDEO

MATRIX = "00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000"
FTYP = "00000020 'ftyp' 'iso6' 00000000 'iso6' 'cmfc' 'cmf2' 'mp41'"
MVHD = f"""0000006c 'mvhd' 00000000 00000000 00000000 000003e8 00000000 00010000 0100 0000 00000000 00000000
    {MATRIX} 00000000 00000000 00000000 00000000 00000000 00000000 00000002"""
MVEX = "00000028 'mvex' 00000020 'trex' 00000000 00000001 00000001 00000000 00000000 00000000"
DINF = "00000024 'dinf' 0000001c 'dref' 00000000 00000001 0000000c 'url ' 00000001"
EMPTY_TABLES = """00000010 'stts' 00000000 00000000 00000010 'stsc' 00000000 00000000
    00000014 'stsz' 00000000 00000000 00000000 00000010 'stco' 00000000 00000000"""


def laid_out(text: str) -> bytes:
    """Hexadecimal numbers, and letters in quotes."""
    pieces = text.split("'")
    numbers, letters = pieces[::2], [*pieces[1::2], ""]
    return b"".join(bytes.fromhex(number) + word.encode() for number, word in zip(numbers, letters, strict=True))


def test_a_header_for_pictures() -> None:
    assert init_segment(VIDEO) == laid_out(
        f"""{FTYP} 0000026b 'moov' {MVHD}
        000001cf 'trak'
        0000005c 'tkhd' 00000007 00000000 00000000 00000001 00000000 00000000 00000000 00000000 0000 0000 0000 0000
            {MATRIX} 05000000 02d00000
        0000016b 'mdia'
        00000020 'mdhd' 00000000 00000000 00000000 00015f90 00000000 55c4 0000
        00000026 'hdlr' 00000000 00000000 'vide' 00000000 00000000 00000000 'video' 00
        0000011d 'minf' 00000014 'vmhd' 00000001 0000 0000 0000 0000 {DINF}
        000000dd 'stbl' 00000091 'stsd' 00000000 00000001
        00000081 'avc1' 000000000000 0001 0000 0000 00000000 00000000 00000000 0500 02d0 00480000 00480000 00000000 0001
            {"00" * 32} 0018 ffff
        0000001b 'avcC' 0164001f ff e1 0004 67640010 01 0004 68ee3cb0
        00000010 'pasp' 00000001 00000001
        {EMPTY_TABLES} {MVEX}"""
    )


def test_a_header_for_sound() -> None:
    assert init_segment(AUDIO) == laid_out(
        f"""{FTYP} 0000023d 'moov' {MVHD}
        000001a1 'trak'
        0000005c 'tkhd' 00000007 00000000 00000000 00000001 00000000 00000000 00000000 00000000 0000 0000 0100 0000
            {MATRIX} 00000000 00000000
        0000013d 'mdia'
        00000020 'mdhd' 00000000 00000000 00000000 0000bb80 00000000 55c4 0000
        00000026 'hdlr' 00000000 00000000 'soun' 00000000 00000000 00000000 'audio' 00
        000000ef 'minf' 00000010 'smhd' 00000000 0000 0000 {DINF}
        000000b3 'stbl' 00000067 'stsd' 00000000 00000001
        00000057 'mp4a' 000000000000 0001 00000000 00000000 0002 0010 0000 0000 bb800000
        00000033 'esds' 00000000 03 80808022 0000 00 04 80808014 40 15 000000 00000000 00000000
            05 80808002 1190 06 80808001 02
        {EMPTY_TABLES} {MVEX}"""
    )


def test_a_chunk_of_pictures() -> None:
    samples = [Sample(3000, 6000, True, b"ab"), Sample(3000, -3000, False, b"c")]
    chunk = write_fragment(
        samples,
        sequence_number=5,
        decode_time_ticks=90_000,
        default_duration_ticks=3000,
        is_video=True,
        wall_clock_seconds=1_700_000_000.5,
    )
    assert chunk == laid_out(
        """00000020 'prft' 01000002 00000001 e8fe6f80 80000000 0000000000015f90
        00000078 'moof' 00000010 'mfhd' 00000000 00000005
        00000060 'traf' 00000018 'tfhd' 00020028 00000001 00000bb8 01010000
        00000014 'tfdt' 01000000 0000000000015f90
        0000002c 'trun' 01000e01 00000002 00000080 00000002 02000000 00001770 00000001 01010000 fffff448
        0000000b 'mdat' 'abc'"""
    )


def test_a_chunk_of_sound_says_no_more_than_it_must() -> None:
    chunk = write_fragment(
        [Sample(1024, 0, True, b"ab"), Sample(1024, 0, True, b"c")],
        sequence_number=(1 << 32) + 6,
        decode_time_ticks=1 << 33,
        default_duration_ticks=1024,
        is_video=False,
        wall_clock_seconds=1_700_000_000.5,
    )
    assert chunk == laid_out(
        """00000020 'prft' 01000002 00000001 e8fe6f80 80000000 0000000200000000
        00000068 'moof' 00000010 'mfhd' 00000000 00000006
        00000050 'traf' 00000018 'tfhd' 00020028 00000001 00000400 02000000
        00000014 'tfdt' 01000000 0000000200000000
        0000001c 'trun' 01000201 00000002 00000070 00000002 00000001
        0000000b 'mdat' 'abc'"""
    )
