"""Sample entries: what a decoder must know of a track, one kind for each codec.

    avc1 ─ avcC   ISO/IEC 14496-15 §5.4.2         mp4a ─ esds   ISO/IEC 14496-14 §6.7
    hvc1 ─ hvcC   ISO/IEC 14496-15 §8.4.1         Opus ─ dOps   Encapsulation of Opus in ISOBMFF §4.3
    av01 ─ av1C   AV1 ISOBMFF binding §2.2        fLaC ─ dfLa   Encapsulation of FLAC in ISOBMFF §3.3
    vp09 ─ vpcC   VP codec ISOBMFF binding        ac-3 ─ dac3   ETSI TS 102 366 §F.3
    with pasp, colr, mdcv, clli                   ec-3 ─ dec3   ETSI TS 102 366 §F.5

Parameter sets are out of band: in the configuration box, as the track has it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from packager.boxes import box, full_box
from pinkmedia.media import AudioTrack, Codec, Colour, HdrMetadata, Track, VideoTrack

_DATA_REFERENCE = struct.pack(">6xH", 1)
_ES_ID = 0
"""In a file the track's number stands for it (ISO/IEC 14496-14 §3.1.2)."""


def sample_entry(track: Track) -> bytes:
    """The one entry of the track's ``stsd``."""
    return _visual_entry(track) if isinstance(track, VideoTrack) else _audio_entry(track)


def _visual_entry(track: VideoTrack) -> bytes:
    """VisualSampleEntry (ISO/IEC 14496-12 §12.1.3)."""
    kind, configuration = _VIDEO[track.codec]
    geometry = struct.pack(">16xHHIIIH32xHh", track.width, track.height, 0x480000, 0x480000, 0, 1, 0x18, -1)
    aspect_ratio = track.sample_aspect_ratio
    samples = box(b"pasp", struct.pack(">II", aspect_ratio.numerator, aspect_ratio.denominator))
    extensions = configuration(track), _colr(track.colour), samples, *_hdr(track.hdr)
    return box(kind, _DATA_REFERENCE, geometry, *extensions)


def _colr(colour: Colour | None) -> bytes:
    """ColourInformationBox (ISO/IEC 14496-12 §12.1.5), where the stream tells its colours."""
    if colour is None:
        return b""
    points = struct.pack(">HHH", colour.primaries, colour.transfer, colour.matrix)
    return box(b"colr", b"nclx", points, bytes((colour.is_full_range << 7,)))


def _hdr(hdr: HdrMetadata | None) -> list[bytes]:
    """MasteringDisplayColourVolumeBox and ContentLightLevelBox (ISO/IEC 14496-12 §12.1.7 and §12.1.6)."""
    bodies = {} if hdr is None else {b"mdcv": hdr.mastering_display, b"clli": hdr.content_light_level}
    return [box(kind, body) for kind, body in bodies.items() if body is not None]


def _audio_entry(track: AudioTrack) -> bytes:
    """AudioSampleEntry (ISO/IEC 14496-12 §12.2.3)."""
    kind, configuration = _AUDIO[track.codec]
    # The entry's rate field is 16.16 bits: rates above 65 535 Hz do not fit and readers take the configuration's.
    rate = track.sample_rate << 16 if track.sample_rate < 1 << 16 else 0
    shape = struct.pack(">8xHHHHI", track.channels, 16, 0, 0, rate)
    return box(kind, _DATA_REFERENCE, shape, configuration(track))


def _record(kind: bytes) -> Callable[[Track], bytes]:
    """Writes a box that is the configuration record and nothing else."""
    return lambda track: box(kind, track.configuration)


def _full_record(kind: bytes, version: int) -> Callable[[Track], bytes]:
    """The same behind a version and no flags."""
    return lambda track: full_box(kind, version, 0, track.configuration)


def _esds(track: AudioTrack) -> bytes:
    """Elementary stream descriptor (ISO/IEC 14496-1 §7.2.6.5) with the AudioSpecificConfig inside."""
    specific = _descriptor(0x05, track.configuration)
    bit_rate_bps = track.bit_rate_bps or 0
    aac, audio_stream = 0x40, 0x15
    decoder = _descriptor(0x04, struct.pack(">BB3xII", aac, audio_stream, bit_rate_bps, bit_rate_bps) + specific)
    sync = _descriptor(0x06, b"\x02")
    return full_box(b"esds", 0, 0, _descriptor(0x03, struct.pack(">HB", _ES_ID, 0) + decoder + sync))


def _descriptor(tag: int, body: bytes) -> bytes:
    """A tag, its length in base 128 (always four bytes, as most writers do), its body."""
    length = len(body)
    return (
        bytes((tag, 0x80 | length >> 21, 0x80 | length >> 14 & 0x7F, 0x80 | length >> 7 & 0x7F, length & 0x7F)) + body
    )


_VIDEO: dict[Codec, tuple[bytes, Callable[[VideoTrack], bytes]]] = {
    Codec.H264: (b"avc1", _record(b"avcC")),
    Codec.HEVC: (b"hvc1", _record(b"hvcC")),
    Codec.AV1: (b"av01", _record(b"av1C")),
    Codec.VP9: (b"vp09", _full_record(b"vpcC", 1)),
}
_AUDIO: dict[Codec, tuple[bytes, Callable[[AudioTrack], bytes]]] = {
    Codec.AAC: (b"mp4a", _esds),
    Codec.OPUS: (b"Opus", _record(b"dOps")),
    Codec.FLAC: (b"fLaC", _full_record(b"dfLa", 0)),
    Codec.AC3: (b"ac-3", _record(b"dac3")),
    Codec.EAC3: (b"ec-3", _record(b"dec3")),
}
"""By codec: the entry's type, and what writes its configuration box."""
