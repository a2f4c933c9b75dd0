"""Silent frames of AAC, held against FFmpeg's decoder."""

from __future__ import annotations

import av
import numpy as np
import pytest

from pinkmedia.codecs.aac import AudioSpecificConfig, lc_configuration
from pinkmedia.codecs.aac_silence import silent_frame


@pytest.mark.parametrize(
    "data",
    [
        "1188",  # mono
        "1190",  # stereo
        "1210",  # 44.1 kHz
        "1198",  # 3.0
        "11a0",  # 4.0
        "11a8",  # 5.0
        "11b0",  # 5.1
        "11b8",  # 7.1
        "131056e598",  # HE-AAC
        "130856e59d4880",  # HE-AAC v2: PS makes two channels of one
        "2b11880800",  # HE-AAC, announced in front
    ],
)
def test_silent_frames_decode_to_zeros(data: str) -> None:
    configuration = AudioSpecificConfig.parse(bytes.fromhex(data))
    frame = silent_frame(configuration.data)
    assert frame is not None
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = configuration.data
    decoder.options = {"err_detect": "explode"}
    for _ in range(3):
        (decoded,) = decoder.decode(av.Packet(frame))
        assert isinstance(decoded, av.AudioFrame)
        assert decoded.sample_rate == configuration.sample_rate
        assert decoded.samples == configuration.samples_per_frame
        assert len(decoded.layout.channels) == configuration.channels
        # Packed first: PyAV looks for a ninth plane behind eight planar channels.
        (packed,) = av.AudioResampler(format="flt").resample(decoded)
        assert not np.any(packed.to_ndarray())


def test_a_layout_that_is_not_written() -> None:
    seven_channels = 11
    assert silent_frame((2 << 11 | 3 << 7 | seven_channels << 3).to_bytes(2)) is None


@pytest.mark.parametrize(("sample_rate", "channels", "data"), [(48_000, 2, "1190"), (44_100, 1, "1208")])
def test_configurations_of_plain_aac(sample_rate: int, channels: int, data: str) -> None:
    assert lc_configuration(sample_rate, channels).hex() == data
