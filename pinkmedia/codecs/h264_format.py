"""H.264 as publishers send it (see `pinkmedia.codecs.formats`)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pinkmedia.codecs.formats import AccessUnit
from pinkmedia.codecs.h264 import AvcConfiguration, NalType, nal_type, parse_sps, video_track
from pinkmedia.codecs.nal_units import read_access_unit
from pinkmedia.media import VideoTrack


@dataclass(frozen=True, slots=True)
class H264Format:
    """What an AVCDecoderConfigurationRecord says (ISO/IEC 14496-15 §5.3.3)."""

    configuration: AvcConfiguration
    frame_rate: Fraction | None
    """From the first SPS's VUI."""

    @classmethod
    def parse(cls, record: bytes | memoryview) -> Self:
        """Raises CodecError, also for an SPS that cannot be parsed."""
        configuration = AvcConfiguration.parse(record)
        return cls(configuration, parse_sps(configuration.sps[0]).frame_rate)

    def track(self, *, track_id: int, frame_rate: Fraction) -> VideoTrack:
        return video_track(self.configuration, track_id=track_id, frame_rate=frame_rate)

    def access_unit(self, data: memoryview) -> AccessUnit | None:
        """An IDR picture is a sync sample, whatever the sender calls a key frame."""
        payload, kinds = read_access_unit(data, self.configuration.length_size, nal_type, NalType.FILLER)
        return AccessUnit(payload, NalType.IDR_SLICE in kinds) if payload else None
