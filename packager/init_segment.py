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
    │               ├── stsd ─ the sample entry (`packager.sample_entries`)
    │               └── stts, stsc, stsz, stco (all empty)
    └── mvex ─ trex

Edit lists are left out on purpose: players disagree about them. Composition offsets are signed (trun version 1).
"""

from __future__ import annotations

import struct

from packager.boxes import box, full_box
from packager.sample_entries import sample_entry
from pinkmedia.media import Track, VideoTrack

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
    width, height = (track.display_width, track.height) if isinstance(track, VideoTrack) else (0, 0)
    size = struct.pack(">II", width << 16, height << 16)
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
    no_entries = bytes(4)
    return box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(track)),
        full_box(b"stts", 0, 0, no_entries),
        full_box(b"stsc", 0, 0, no_entries),
        full_box(b"stsz", 0, 0, bytes(4), no_entries),
        full_box(b"stco", 0, 0, no_entries),
    )
