"""What does it cost to package a stream, and how much memory does its window hold?

``python -m benchmarks.packaging`` gives the packager a stream's packets in memory: 720p30 at 2.5 Mbit/s with AAC and
parts of 0.2 s, first alone, then as one of six renditions. Nobody watches. CPU time is that of all calls of the
packager; memory is what Python has allocated for the presentation (tracemalloc) beside the media that it serves: what
is listed, and what was until a moment ago (RFC 8216bis §6.2.2).

Measured 2026-11-23 on two cores of an AMD EPYC in a nested virtual machine, Python 3.11:

    one picture and its sound      0.24 ms of CPU for each second of the stream
    six renditions                 0.11 ms of CPU for a part of each
    memory                         1.00 times the media

What a stream costs a whole server, with its messages and its packets, `benchmarks.rtmp_ingest` tells.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import replace

from packager.presentation import Presentation
from packager.window import LINGERING_SEGMENTS, Window
from pinkmedia.media import Packet, Rendition
from tests.packager.samples import AUDIO, VIDEO, audio_packets, ignore_part, layout, video_packets

SECONDS = 60
VIDEO_BPS = 2_500_000
AUDIO_BPS = 128_000
FRAME_RATE = 30
PART_SECONDS = 0.2
REPEATS = 3
GOAL_CPU_MS = 2.0
GOAL_PART_MS = 0.3
GOAL_MEMORY_RATIO = 1.3
VIDEO_NAMES = ("1080p", "720p", "480p", "360p", "240p")


def main() -> None:
    one = ("720p",)
    cpu_seconds = min(packaged(one)[1] for _ in range(REPEATS)) / SECONDS
    report("one picture and its sound, ms of CPU for each second", cpu_seconds * 1e3, GOAL_CPU_MS)
    per_part = min(packaged(VIDEO_NAMES)[1] for _ in range(REPEATS)) / (SECONDS / PART_SECONDS)
    report("six renditions, ms of CPU for a part of each", per_part * 1e3, GOAL_PART_MS)
    allocated_bytes, held_bytes = memory(one)
    report(f"memory, times the {held_bytes / 1e6:.1f} MB of media", allocated_bytes / held_bytes, GOAL_MEMORY_RATIO)


def report(what: str, value: float, goal: float) -> None:
    print(f"{what}: {value:.2f} (goal {goal:g}: {'met' if value <= goal else 'MISSED'})")


def packets(names: tuple[str, ...]) -> list[tuple[str, Packet]]:
    """With the name of their rendition, in the order of their times; each has a payload of its own."""
    made = [
        (name, replace(packet, payload=os.urandom(VIDEO_BPS // 8 // FRAME_RATE)))
        for packet in video_packets(SECONDS * FRAME_RATE)
        for name in names
    ]
    count = SECONDS * AUDIO.sample_rate // AUDIO.samples_per_frame
    frame_bytes = AUDIO_BPS * AUDIO.samples_per_frame // 8 // AUDIO.sample_rate
    made += [("audio", replace(packet, payload=os.urandom(frame_bytes))) for packet in audio_packets(count)]
    return sorted(made, key=lambda item: item[1].dts_ticks / (AUDIO if item[0] == "audio" else VIDEO).timescale)


def packaged(names: tuple[str, ...]) -> tuple[Presentation, float]:
    """The presentation at the end, and the CPU seconds that it took."""
    presentation = Presentation("e1", layout(), {*names, "audio"}, on_part=ignore_part)
    for name in names:
        presentation.add_rendition(Rendition(name, VIDEO, VIDEO_BPS, is_passthrough=True))
    presentation.add_rendition(Rendition("audio", AUDIO, AUDIO_BPS, is_passthrough=True))
    presentation.begin(1_700_000_000.0)
    given = packets(names)
    begun = time.process_time()
    for name, packet in given:
        if packet.is_sync and name == names[0]:
            presentation.add_boundary(packet.pts_ticks)
        presentation.write(name, packet)
    return presentation, time.process_time() - begun


def memory(names: tuple[str, ...]) -> tuple[int, int]:
    """Bytes that Python holds for a presentation, and bytes of media in its window."""
    tracemalloc.start()
    try:
        presentation = packaged(names)[0]
        return tracemalloc.get_traced_memory()[0], sum(map(served_bytes, presentation.windows))
    finally:
        tracemalloc.stop()


def served_bytes(window: Window) -> int:
    numbers = range(window.segments[0].msn - LINGERING_SEGMENTS, window.segments[-1].msn + 1)
    return sum(segment.size_bytes for msn in numbers if (segment := window.find_segment(msn)) is not None)


if __name__ == "__main__":
    main()
