"""AAC's AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): AAC-LC, alone or under SBR (HE-AAC) and PS (HE-AAC v2).

SBR is announced in one of three ways: explicitly in front (object type 5 or 29), behind the core's configuration
so that old decoders miss it (sync word 2B7), or not at all. In the last case the configuration is plain AAC-LC at
the core's rate, and counting 1024 samples at that rate keeps the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from pinkmedia.codecs.bits import BitReader
from pinkmedia.errors import CodecError
from pinkmedia.media import AudioTrack, Codec

AAC_LC = 2
SBR = 5
PS = 29
"""Audio object types (Table 1.17)."""

CORE_SAMPLES_PER_FRAME = 1024
"""At the core's rate; SBR doubles both rate and samples."""
SAMPLE_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
"""By samplingFrequencyIndex (Table 1.18)."""
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
"""By channelConfiguration (Table 1.19)."""
MIN_SAMPLE_RATE = 7_350
MAX_SAMPLE_RATE = 96_000
"""The table's own ends bound a rate written out in full as well."""

_ESCAPED_RATE = 15
_ESCAPED_OBJECT_TYPE = 31
_SBR_SYNC = 0x2B7
_PS_SYNC = 0x548


@dataclass(frozen=True, slots=True)
class AudioSpecificConfig:
    """How an AAC stream decodes."""

    data: bytes
    """The configuration itself, as MP4's esds box carries it."""
    object_type: int
    """The outermost: 2 AAC-LC, 5 HE-AAC, 29 HE-AAC v2."""
    sample_rate: int
    """Of the output, in Hz."""
    channels: int
    """Of the output: PS makes two of one."""
    samples_per_frame: int
    """At the output rate: 1024, or 2048 under SBR."""
    channel_configuration: int
    """Of the core (Table 1.19)."""
    used_bits: int = field(default=0, compare=False)
    """How much of ``data`` it is: in LATM, other things stand behind it."""

    @property
    def codec_string(self) -> str:
        """RFC 6381 §3.3."""
        return f"mp4a.40.{self.object_type}"

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Raises CodecError for anything but AAC-LC, HE-AAC and HE-AAC v2 in a numbered channel layout."""
        bits = BitReader(bytes(data))
        object_type, core_rate, channel_configuration = _object_type(bits), _sample_rate(bits), _channels(bits)
        channels = CHANNELS[channel_configuration]
        extension_type, sample_rate = AAC_LC, core_rate
        if object_type in (SBR, PS):
            extension_type, sample_rate, object_type = object_type, _sample_rate(bits), _object_type(bits)
        _check_core(bits, object_type)
        used_bits = bits.position
        if extension_type == AAC_LC:
            extension_type, sample_rate = _trailing_extension(bits, core_rate)
        return cls(
            data=bytes(data),
            object_type=extension_type,
            sample_rate=sample_rate,
            channels=2 if extension_type == PS and channels == 1 else channels,
            samples_per_frame=_samples_per_frame(core_rate, sample_rate),
            channel_configuration=channel_configuration,
            used_bits=used_bits,
        )


@dataclass(frozen=True, slots=True)
class AacFormat:
    """AAC as publishers send it (see `pinkmedia.codecs.formats`)."""

    configuration: AudioSpecificConfig

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """From an AudioSpecificConfig. Raises CodecError."""
        return cls(AudioSpecificConfig.parse(data))

    def track(self, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
        return audio_track(self.configuration, track_id=track_id, bit_rate_bps=bit_rate_bps)

    def sample_count(self, data: bytes | memoryview) -> int:
        return self.configuration.samples_per_frame


def lc_configuration(sample_rate: int, channels: int) -> bytes:
    """The AudioSpecificConfig of AAC-LC with one or two channels at one of SAMPLE_RATES."""
    object_type_rate_channels = AAC_LC << 11 | SAMPLE_RATES.index(sample_rate) << 7 | channels << 3
    return object_type_rate_channels.to_bytes(2)  # GASpecificConfig: frames of 1024, no core coder, no extension


def audio_track(configuration: AudioSpecificConfig, *, track_id: int, bit_rate_bps: int | None = None) -> AudioTrack:
    """The track whose raw frames this configuration decodes."""
    return AudioTrack(
        track_id=track_id,
        codec=Codec.AAC,
        configuration=configuration.data,
        sample_rate=configuration.sample_rate,
        channels=configuration.channels,
        samples_per_frame=configuration.samples_per_frame,
        codec_string=configuration.codec_string,
        bit_rate_bps=bit_rate_bps,
    )


def _object_type(bits: BitReader) -> int:
    """GetAudioObjectType (Table 1.16)."""
    object_type = bits.read(5)
    return 32 + bits.read(6) if object_type == _ESCAPED_OBJECT_TYPE else object_type


def _sample_rate(bits: BitReader) -> int:
    index = bits.read(4)
    if index == _ESCAPED_RATE:
        sample_rate = bits.read(24)
    elif index < len(SAMPLE_RATES):
        sample_rate = SAMPLE_RATES[index]
    else:
        raise CodecError(f"AAC sample rate index {index} is reserved")
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise CodecError(f"AAC sample rate of {sample_rate} Hz; send 44100 or 48000")
    return sample_rate


def _channels(bits: BitReader) -> int:
    configuration = bits.read(4)
    if configuration not in CHANNELS:  # 0: laid out by a program config element, which players refuse
        raise CodecError(f"AAC channel configuration {configuration} is not supported; send mono, stereo or 5.1")
    return configuration


def _check_core(bits: BitReader, object_type: int) -> None:
    """Pass over GASpecificConfig (§4.4.1), refusing cores that browsers do not decode."""
    if object_type != AAC_LC:
        raise CodecError(f"AAC object type {object_type} is not supported; send AAC-LC")
    if bits.flag():  # frameLengthFlag
        raise CodecError("AAC frames of 960 samples are not supported; send AAC-LC with 1024")
    if bits.flag():  # dependsOnCoreCoder
        bits.read(14)  # coreCoderDelay
    bits.flag()  # extensionFlag


def _trailing_extension(bits: BitReader, core_rate: int) -> tuple[int, int]:
    """Object type and output rate from the backward compatible extension, if one follows."""
    if bits.remaining_bits < 16 or bits.read(11) != _SBR_SYNC or _object_type(bits) != SBR or not bits.flag():
        return AAC_LC, core_rate
    sample_rate = _sample_rate(bits)
    has_ps = bits.remaining_bits >= 12 and bits.read(11) == _PS_SYNC and bits.flag()
    return (PS if has_ps else SBR), sample_rate


def _samples_per_frame(core_rate: int, sample_rate: int) -> int:
    if sample_rate == core_rate:  # AAC-LC, or SBR run at one rate (downsampled mode)
        return CORE_SAMPLES_PER_FRAME
    if sample_rate == 2 * core_rate:
        return 2 * CORE_SAMPLES_PER_FRAME
    raise CodecError(f"AAC core of {core_rate} Hz cannot be extended to {sample_rate} Hz")
