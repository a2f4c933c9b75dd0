"""H.264 and HEVC in PES packets (ISO/IEC 13818-1 §2.14, §2.17): Annex B, with the parameter sets among the slices.

    PES ─► NAL units ─► access units ─► parameter sets out of band ─► length-prefixed frames

A format is announced with the key frame that brings it. After anything is lost, pictures are dropped up to the next
key frame: those before it may refer to what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingest.elementary import MediaKind, TrackAnnounced, TrackKey, VideoFrame, VideoSequenceHeader
from ingest.mpegts.counters import TsCounters
from ingest.mpegts.units import TICKS_PER_MS, PesPacket, TimedTag
from pinkmedia.codecs.formats import VideoFormat
from pinkmedia.codecs.h264 import AvcConfiguration, NalType, nal_type
from pinkmedia.codecs.h264_format import H264Format
from pinkmedia.codecs.hevc import SYNC_TYPES, HevcFormat, HevcNalType, hevc_nal_type
from pinkmedia.codecs.nal_units import length_prefixed, split_annex_b
from pinkmedia.errors import CodecError
from pinkmedia.media import VIDEO_TIMESCALE

MAX_PARAMETER_SETS = 16
"""Of each kind in one access unit; encoders send one or two. More are left in the picture."""

MAX_REORDERING_TICKS = 10 * VIDEO_TIMESCALE
"""Between decoding and presenting a picture; codecs reorder over 16 pictures at most. More is a broken time."""

Unit = bytes
ParameterSets = tuple[tuple[Unit, ...], ...]
"""Of each kind, in the order of `NalCodec.parameter_sets`."""


@dataclass(frozen=True, slots=True)
class NalCodec:
    """What differs between the codecs."""

    unit_type: Callable[[bytes], int]
    delimiter: int
    filler: int
    parameter_sets: tuple[int, ...]
    sync_types: frozenset[int]
    slice_types: frozenset[int]
    """Of pictures; what stands before them belongs to the picture that follows."""
    open: Callable[[ParameterSets], VideoFormat]
    """Raises CodecError."""


H264 = NalCodec(
    unit_type=nal_type,
    delimiter=NalType.ACCESS_UNIT_DELIMITER,
    filler=NalType.FILLER,
    parameter_sets=(NalType.SPS, NalType.PPS),
    sync_types=frozenset({NalType.IDR_SLICE}),
    slice_types=frozenset(range(NalType.NON_IDR_SLICE, NalType.IDR_SLICE + 1)),
    open=lambda sets: H264Format.parse(AvcConfiguration(sets[0], sets[1]).serialise()),
)
HEVC = NalCodec(
    unit_type=hevc_nal_type,
    delimiter=HevcNalType.ACCESS_UNIT_DELIMITER,
    filler=HevcNalType.FILLER,
    parameter_sets=(HevcNalType.VPS, HevcNalType.SPS, HevcNalType.PPS),
    sync_types=SYNC_TYPES,
    slice_types=frozenset(range(HevcNalType.VPS)),
    open=lambda sets: HevcFormat.from_parameter_sets(sets[0], sets[1], sets[2]),
)


class VideoStream:
    """One video track; an `ElementaryStream`."""

    def __init__(self, codec: NalCodec, track_number: int, counters: TsCounters) -> None:
        self._codec = codec
        self._track_number = track_number
        self._counters = counters
        self._sets: ParameterSets | None = None
        """Announced."""
        self._format: VideoFormat | None = None
        self._awaits_key_frame = True
        self._is_announced = False

    def receive(self, pes: PesPacket) -> list[TimedTag]:
        """Raises CodecError for parameter sets that cannot be served."""
        if pes.is_damaged:
            self._awaits_key_frame = True
            return []
        try:
            units = split_annex_b(pes.payload)
        except CodecError:
            return self._drop()
        if pes.pts_ticks is None or pes.dts_ticks is None:
            return self._drop()
        if abs(pes.pts_ticks - pes.dts_ticks) > MAX_REORDERING_TICKS:
            return self._drop()
        tags: list[TimedTag] = []
        for number, picture in enumerate(self._access_units(units)):
            tags += self._receive_picture(picture, pes.pts_ticks, pes.dts_ticks, number)
        return tags

    def flush(self) -> list[TimedTag]:
        return []

    def _drop(self) -> list[TimedTag]:
        """A picture is missing now, and others may need it."""
        self._counters.dropped_units += 1
        self._awaits_key_frame = True
        return []

    def _access_units(self, units: Sequence[Unit]) -> Iterator[list[Unit]]:
        """Nearly always one; a delimiter behind slices begins another."""
        codec, picture, has_slice = self._codec, list[Unit](), False
        for unit in units:
            kind = codec.unit_type(unit)
            if kind == codec.delimiter:
                if has_slice:
                    yield picture
                    picture, has_slice = [], False
                continue
            has_slice |= kind in codec.slice_types
            picture.append(unit)
        if has_slice:
            yield picture

    def _receive_picture(self, units: list[Unit], pts_ticks: int, dts_ticks: int, number: int) -> list[TimedTag]:
        """``number`` counts the pictures of one PES packet; only the first has its time."""
        codec = self._codec
        kinds = [codec.unit_type(unit) for unit in units]
        is_sync = not codec.sync_types.isdisjoint(kinds)
        tags = self._announce(units, kinds, dts_ticks) if is_sync else self._announce_itself(dts_ticks)
        later_ticks = self._later_ticks(number)
        if self._format is None or later_ticks is None or (self._awaits_key_frame and not is_sync):
            return tags + self._drop()
        self._awaits_key_frame = False
        known = {unit for kind in self._sets or () for unit in kind}
        kept = [unit for unit, kind in zip(units, kinds, strict=True) if kind != codec.filler and unit not in known]
        frame = VideoFrame(self._track_number, (pts_ticks - dts_ticks) / TICKS_PER_MS, is_sync, length_prefixed(kept))
        return [*tags, TimedTag(frame, (dts_ticks + later_ticks) / TICKS_PER_MS)]

    def _announce_itself(self, dts_ticks: int) -> list[TimedTag]:
        """Pictures come, but the stream was joined behind its key frame."""
        if self._is_announced or self._format is not None:
            return []
        self._is_announced = True
        key = TrackKey(MediaKind.VIDEO, self._track_number)
        return [TimedTag(TrackAnnounced(key), dts_ticks / TICKS_PER_MS)]

    def _announce(self, units: list[Unit], kinds: list[int], dts_ticks: int) -> list[TimedTag]:
        """The header, if the key frame brings one that is new. Raises CodecError."""
        sets = tuple(
            tuple(dict.fromkeys(unit for unit, each in zip(units, kinds, strict=True) if each == kind))
            for kind in self._codec.parameter_sets
        )
        if not all(sets) or sets == self._sets or any(len(each) > MAX_PARAMETER_SETS for each in sets):
            return []
        try:
            opened = self._codec.open(sets)
        except CodecError:
            if self._format is None:
                raise
            return []  # damaged on its way: the stream was served before
        self._format, self._sets = opened, sets
        return [TimedTag(VideoSequenceHeader(self._track_number, self._format), dts_ticks / TICKS_PER_MS)]

    def _later_ticks(self, number: int) -> int | None:
        """Of the pictures behind the first in a PES packet; None where the frame rate is not known."""
        if not number:
            return 0
        rate = self._format.frame_rate if self._format else None
        return round(number * VIDEO_TIMESCALE / rate) if rate else None
