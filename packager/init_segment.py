"""The CMAF header of a rendition (ISO/IEC 23000-19 §7.3.1): one track, no samples, no edit list.

    ftyp
    moov
    ├── mvhd
    ├── trak
    │   ├── tkhd
    │   └── mdia
    │       ├── mdhd
    │       ├── hdlr
    │       └── minf
    │           ├── vmhd | smhd
    │           ├── dinf ─ dref ─ url
    │           └── stbl
    │               ├── stsd ─ avc1(avcC, pasp) | mp4a(esds)
    │               └── stts, stsc, stsz, stco (all empty)
    └── mvex ─ trex

Edit lists are left out on purpose: players disagree about them. Composition offsets are signed (trun version 1).
"""

from __future__ import annotations

import struct

from packager.boxes import box, full_box
from pinkmedia.media import AudioTrack, Track, VideoTrack

CMAF_TRACK_ID = 1
"""Every rendition is a file of its own with a single track."""
MOVIE_TIMESCALE = 1000
UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LANGUAGE_UNDETERMINED = 0x55C4
"""ISO 639-2 "und", packed as three 5-bit letters."""


def init_segment(track: Track) -> bytes:
    """The bytes of ``init-*.mp4`` for a track."""
    brands = b"iso6" + struct.pack(">I", 0) + b"iso6cmfccmf2mp41"
    return box(b"ftyp", brands) + box(b"moov", _mvhd(), _trak(track), _mvex())


def _mvhd() -> bytes:
    times = struct.pack(">IIII", 0, 0, MOVIE_TIMESCALE, 0)
    rate_and_volume = struct.pack(">IHHQ", 0x10000, 0x0100, 0, 0)
    return full_box(
        b"mvhd", 0, 0, times, rate_and_volume, UNITY_MATRIX, bytes(24), struct.pack(">I", CMAF_TRACK_ID + 1)
    )


def _mvex() -> bytes:
    return box(b"mvex", full_box(b"trex", 0, 0, struct.pack(">IIIII", CMAF_TRACK_ID, 1, 0, 0, 0)))


def _trak(track: Track) -> bytes:
    return box(b"trak", _tkhd(track), box(b"mdia", _mdhd(track), _hdlr(track), _minf(track)))


def _tkhd(track: Track) -> bytes:
    enabled_in_movie_in_preview = 0x000007
    times = struct.pack(">IIIII", 0, 0, CMAF_TRACK_ID, 0, 0)
    is_video = isinstance(track, VideoTrack)
    layer_and_volume = struct.pack(">QHHHH", 0, 0, 0, 0 if is_video else 0x0100, 0)
    size = struct.pack(">II", track.width << 16, track.height << 16) if isinstance(track, VideoTrack) else bytes(8)
    return full_box(b"tkhd", 0, enabled_in_movie_in_preview, times, layer_and_volume, UNITY_MATRIX, size)


def _mdhd(track: Track) -> bytes:
    return full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, LANGUAGE_UNDETERMINED, 0))


def _hdlr(track: Track) -> bytes:
    kind, name = (b"vide", b"video\0") if isinstance(track, VideoTrack) else (b"soun", b"audio\0")
    return full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name)


def _minf(track: Track) -> bytes:
    is_video = isinstance(track, VideoTrack)
    media_header = full_box(b"vmhd", 0, 1, bytes(8)) if is_video else full_box(b"smhd", 0, 0, bytes(4))
    data_in_same_file = full_box(b"url ", 0, 1)
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), data_in_same_file))
    return box(b"minf", media_header, dinf, _stbl(track))


def _stbl(track: Track) -> bytes:
    entry = _video_entry(track) if isinstance(track, VideoTrack) else _audio_entry(track)
    no_entries = bytes(4)
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, no_entries),
        full_box(b"stsc", 0, 0, no_entries),
        full_box(b"stsz", 0, 0, bytes(4), no_entries),
        full_box(b"stco", 0, 0, no_entries),
    )


def _video_entry(track: VideoTrack) -> bytes:
    """VisualSampleEntry (ISO/IEC 14496-12 §12.1.3) of an H.264 track, parameter sets out of band."""
    data_reference = struct.pack(">6xH", 1)
    geometry = struct.pack(">16xHHIIIH32xHh", track.width, track.height, 0x480000, 0x480000, 0, 1, 0x18, -1)
    square_pixels = box(b"pasp", struct.pack(">II", 1, 1))
    return box(b"avc1", data_reference, geometry, box(b"avcC", track.configuration), square_pixels)


def _audio_entry(track: AudioTrack) -> bytes:
    """AudioSampleEntry (ISO/IEC 14496-12 §12.2.3) of an AAC track."""
    data_reference = struct.pack(">6xH", 1)
    # The entry's rate field is 16.16 bits: rates above 65 535 Hz do not fit and readers take the configuration's.
    rate = track.sample_rate << 16 if track.sample_rate < 1 << 16 else 0
    shape = struct.pack(">8xHHHHI", track.channels, 16, 0, 0, rate)
    return box(b"mp4a", data_reference, shape, _esds(track))


def _esds(track: AudioTrack) -> bytes:
    """Elementary stream descriptor (ISO/IEC 14496-1 §7.2.6.5) with the AudioSpecificConfig inside."""
    specific = _descriptor(0x05, track.configuration)
    bit_rate_bps = track.bit_rate_bps or 0
    aac, audio_stream = 0x40, 0x15
    decoder = _descriptor(0x04, struct.pack(">BB3xII", aac, audio_stream, bit_rate_bps, bit_rate_bps) + specific)
    sync = _descriptor(0x06, b"\x02")
    return full_box(b"esds", 0, 0, _descriptor(0x03, struct.pack(">HB", CMAF_TRACK_ID, 0) + decoder + sync))


def _descriptor(tag: int, body: bytes) -> bytes:
    """A tag, its length in base 128 (always four bytes, as most writers do), its body."""
    length = len(body)
    return (
        bytes((tag, 0x80 | length >> 21, 0x80 | length >> 14 & 0x7F, 0x80 | length >> 7 & 0x7F, length & 0x7F)) + body
    )
