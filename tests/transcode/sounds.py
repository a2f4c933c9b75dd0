"""Sound to transcode: waves encoded as a publisher would, and decoded again with a time for every sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

from pinkmedia.codecs.aac import AacFormat
from pinkmedia.codecs.ac3 import Ac3Format, Eac3Format
from pinkmedia.codecs.flac import FlacFormat
from pinkmedia.codecs.opus import OpusFormat
from pinkmedia.media import AudioTrack, Packet
from transcode.sound import SoundTranscoder
from transcode.sound_rung import SoundRung, plan_sound

ORIGIN_SECONDS = 10
"""Where the sources begin."""
FORMATS = {"aac": "fltp", "ac3": "fltp", "eac3": "fltp", "flac": "s32", "libopus": "flt"}
"""Sample formats, by encoder."""
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "5.1(side)": 6, "7.1": 8}
BLOCK_SAMPLES = 4096
"""Written at once."""

Wave = NDArray[np.float32]


def clicks(seconds: float, sample_rate: int, *, every_seconds: float = 1.0) -> Wave:
    """One channel, silent but for short bursts in the middle of every interval."""
    wave = np.zeros(round(seconds * sample_rate), np.float32)
    burst = np.hanning(9)[1:-1] * np.array((1, -1, 1, 1, 1, -1, 1))
    for begin in np.arange(every_seconds / 2, seconds, every_seconds):
        place = round(begin * sample_rate)
        wave[place - 3 : place + 4] = 0.9 * burst
    return wave


def tones(frequencies_hz: Sequence[float], seconds: float, sample_rate: int, amplitude: float = 0.5) -> Wave:
    """One tone in each channel; 0 Hz is silence."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.array([amplitude * np.sin(2 * np.pi * hertz * times) for hertz in frequencies_hz], np.float32)


def encoded(
    encoder: str, wave: Wave, sample_rate: int, layout: str = "stereo", *, bit_rate_bps: int = 192_000
) -> tuple[AudioTrack, list[Packet]]:
    """The wave (channel by channel, or one for all) as packets whose times are its samples', from ORIGIN_SECONDS on."""
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = sample_rate, layout, FORMATS[encoder]
    context.time_base = Fraction(1, sample_rate)
    context.bit_rate = bit_rate_bps
    context.flags |= Flags.global_header
    context.open()
    units = [unit for frame in _frames(wave, context) for unit in context.encode(frame)] + context.encode(None)
    track = _track(encoder, context.extradata or b"", bytes(units[0]))
    origin_ticks = ORIGIN_SECONDS * sample_rate
    packets = []
    for unit in units:
        assert unit.pts is not None
        pts_ticks = origin_ticks + unit.pts
        packets.append(Packet(2, pts_ticks, pts_ticks, track.samples_per_frame, True, bytes(unit), pts_ticks / 1e6))
    return track, packets


def _frames(wave: Wave, context: av.AudioCodecContext) -> Iterator[av.AudioFrame]:
    layout = context.layout.name
    channels = np.broadcast_to(wave, (CHANNELS[layout], wave.shape[-1]))
    size = context.frame_size or BLOCK_SAMPLES
    to_format = av.AudioResampler(format=context.format)
    for begin in range(0, wave.shape[-1], size):
        packed = np.ascontiguousarray(channels[:, begin : begin + size].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, begin, Fraction(1, context.sample_rate)
        yield from to_format.resample(frame)


def _track(encoder: str, extradata: bytes, first: bytes) -> AudioTrack:
    match encoder:
        case "aac":
            return AacFormat.parse(extradata).track(track_id=2)
        case "ac3":
            return Ac3Format.parse(first).track(track_id=2)
        case "eac3":
            return Eac3Format.parse(first).track(track_id=2)
        case "flac":
            return FlacFormat.parse(extradata).track(track_id=2)
        case _:
            return OpusFormat.parse(extradata, first).track(track_id=2)


def transcoded(
    source: AudioTrack, packets: Sequence[Packet], *, sample_rate: int | None = None
) -> tuple[SoundRung, list[Packet]]:
    """What the packets become, as planned or at another rate."""
    rung = plan_sound("audio", source)
    rung = replace(rung, sample_rate=sample_rate or rung.sample_rate)
    made: list[Packet] = []
    transcoder = SoundTranscoder(rung, 1000, made.append)
    for packet in packets:
        transcoder.write(replace(packet))
    transcoder.drain()
    return rung, made


def decoded(track: AudioTrack, packets: Sequence[Packet]) -> tuple[int, Wave]:
    """The time in ticks of the first sample, and all samples; the packets must follow each other without a gap."""
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = track.configuration
    decoder.options = {"err_detect": "explode"}
    waves = []
    for before, packet in zip([None, *packets], packets, strict=False):
        assert before is None or before.pts_ticks + before.duration_ticks == packet.pts_ticks
        waves += [frame.to_ndarray() for frame in decoder.decode(av.Packet(bytes(packet.payload)))]
    return packets[0].pts_ticks, np.concatenate(waves, axis=1).astype(np.float32)


def click_seconds(first_ticks: int, wave: Wave, sample_rate: int) -> list[float]:
    """Where the bursts are, in seconds from ORIGIN_SECONDS on."""
    begin_seconds = first_ticks / sample_rate - ORIGIN_SECONDS
    return [begin_seconds + seconds for seconds in loud_seconds(wave, sample_rate)]


def loud_seconds(wave: Wave, sample_rate: int) -> list[float]:
    """Where the bursts' middles are in the first channel."""
    loud = np.flatnonzero(np.abs(wave[0]) > 0.3)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > sample_rate // 100) + 1) if len(loud) else []
    return [float(group[np.abs(wave[0][group]).argmax()]) / sample_rate for group in groups]


def level(wave: Wave, hertz: float, sample_rate: int) -> float:
    """The amplitude of this tone in one channel."""
    times = np.arange(wave.shape[-1]) / sample_rate
    return float(2 * np.abs(np.mean(wave * np.exp(-2j * np.pi * hertz * times))))
