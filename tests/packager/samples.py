"""Tracks and packets for the packager's tests: regular, so that expected times can be written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from packager.boundaries import Boundaries
from packager.layout import Layout, PackagerSettings, plan_layout
from packager.rendition import RenditionPackager
from pinkmedia.media import AudioTrack, Codec, Packet, Part, Rendition, VideoTrack

VIDEO = VideoTrack(
    track_id=1,
    codec=Codec.H264,
    configuration=bytes.fromhex("0164001fffe1000467640010010004 68ee3cb0".replace(" ", "")),
    width=1280,
    height=720,
    codec_string="avc1.64001f",
    frame_rate=Fraction(30),
)
AUDIO = AudioTrack(
    track_id=2,
    codec=Codec.AAC,
    configuration=b"\x11\x90",
    sample_rate=48_000,
    channels=2,
    samples_per_frame=1024,
    codec_string="mp4a.40.2",
)
FRAME = 3000
"""One frame at 30 per second, in ticks."""


def layout(**settings: Any) -> Layout:
    chosen = replace(PackagerSettings(), **settings)
    return plan_layout(chosen, [VIDEO, AUDIO], chosen.segment_target_seconds)


def video_packets(
    count: int, *, start_ticks: int = 90_000, key_every: int = 60, offset_ticks: int = 0
) -> Iterator[Packet]:
    for index in range(count):
        dts_ticks = start_ticks + index * FRAME
        is_sync = index % key_every == 0
        yield Packet(1, dts_ticks, dts_ticks + offset_ticks, FRAME, is_sync, b"frame%05d" % index, float(index))


def audio_packets(count: int, *, start_ticks: int = 48_000) -> Iterator[Packet]:
    for index in range(count):
        dts_ticks = start_ticks + index * 1024
        yield Packet(2, dts_ticks, dts_ticks, 1024, True, b"sound", float(index))


def ignore_part(rendition: Rendition, part: Part) -> None:
    """For tests that do not count parts."""


def video_packager(
    boundaries: Boundaries, on_part: Callable[[Rendition, Part], None] = ignore_part, **settings: float
) -> RenditionPackager:
    rendition = Rendition("720p", VIDEO, 2_500_000, is_passthrough=True)
    return RenditionPackager(rendition, layout(**settings), boundaries, on_part=on_part)


def packagers(frames: int, boundaries: Boundaries) -> tuple[RenditionPackager, RenditionPackager]:
    video = video_packager(boundaries)
    audio = RenditionPackager(
        Rendition("audio", AUDIO, 128_000, is_passthrough=True), layout(), boundaries, on_part=ignore_part
    )
    for packet in video_packets(frames):
        video.write(packet)
    for packet in audio_packets(frames * 48_000 // 30 // 1024):
        audio.write(packet)
    return video, audio


def two_boundaries() -> Boundaries:
    boundaries = Boundaries()
    boundaries.append(90_000, has_discontinuity=False)
    boundaries.append(270_000, has_discontinuity=False)
    return boundaries
