"""Publishes a moving picture and a tone with PyAV (FFmpeg 8), which writes enhanced RTMP where the codecs ask for it.

Usage: python -m tests.interop.publisher URL [--video ENCODER:HEIGHT]... [--audio ENCODER]... [--reordering]

Runs until it is interrupted. A process of its own, because PyAV holds the interpreter lock while it connects.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

FRAME_RATE = 30
KEY_FRAME_DISTANCE = 2 * FRAME_RATE
SAMPLE_RATE = 48_000
SAMPLES_PER_PICTURE = SAMPLE_RATE // FRAME_RATE
TONES_HZ = (440, 660)
"""The audio tracks' in turn, so that they can be told apart."""

LOW_DELAY = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency"},
    "libx265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "scenecut=0:open-gop=0:log-level=error"},
    "libsvtav1": {"preset": "12", "svtav1-params": "pred-struct=1:scd=0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}
"""No picture is held back."""
REORDERING = {
    "libx264": {"preset": "ultrafast", "bf": "3"},
    "libx265": {"preset": "ultrafast", "x265-params": "scenecut=0:log-level=error"},
    "libsvtav1": {"preset": "12", "svtav1-params": "scd=0"},
}
"""As they are when nobody asks for low delay: B-frames, open groups of pictures (HEVC: CRA with RASL pictures), several
frames in a temporal unit (AV1). libvpx does nothing of the kind in a single pass."""


def add_video(container: OutputContainer, encoder: str, height: int, options: dict[str, str]) -> VideoStream:
    stream = container.add_stream(encoder, rate=FRAME_RATE, options=options | {"g": str(KEY_FRAME_DISTANCE)})
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = height * 16 // 9, height, "yuv420p"
    return stream


def add_audio(container: OutputContainer, encoder: str) -> AudioStream:
    stream = container.add_stream(encoder, rate=SAMPLE_RATE, layout="stereo")
    assert isinstance(stream, AudioStream)
    stream.bit_rate = 96_000
    return stream


def picture(width: int, height: int, index: int) -> av.VideoFrame:
    """Stripes that wander."""
    luma = np.arange(width)[None, :] + np.arange(height)[:, None] + 4 * index
    planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    planes[:height] = luma % 220 + 16
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = index
    return frame


def tone(frequency_hz: int, index: int) -> av.AudioFrame:
    """As long as a picture."""
    times = (index * SAMPLES_PER_PICTURE + np.arange(SAMPLES_PER_PICTURE)) / SAMPLE_RATE
    samples = (8_000 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = SAMPLE_RATE, index * SAMPLES_PER_PICTURE
    return frame


def picture_numbers(stop: threading.Event) -> Iterator[int]:
    """In real time."""
    began_at = time.monotonic()
    index = 0
    while not stop.wait(max(0.0, began_at + index / FRAME_RATE - time.monotonic())):
        yield index
        index += 1


def publish(
    container: OutputContainer, videos: Sequence[VideoStream], audios: Sequence[AudioStream], stop: threading.Event
) -> None:
    for index in picture_numbers(stop):
        for video in videos:
            container.mux(video.encode(picture(video.width, video.height, index)))
        for number, audio in enumerate(audios):
            container.mux(audio.encode(tone(TONES_HZ[number % len(TONES_HZ)], index)))
    for video in videos:
        container.mux(video.encode(None))
    for audio in audios:
        container.mux(audio.encode(None))


def parse_video(text: str) -> tuple[str, int]:
    encoder, _, height = text.partition(":")
    return encoder, int(height)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--video", action="append", type=parse_video, default=[])
    parser.add_argument("--audio", action="append", default=[])
    parser.add_argument("--reordering", action="store_true")
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    options = REORDERING if arguments.reordering else LOW_DELAY
    with av.open(arguments.url, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as container:
        videos = [add_video(container, encoder, height, options[encoder]) for encoder, height in arguments.video]
        audios = [add_audio(container, encoder) for encoder in arguments.audio]
        publish(container, videos, audios, stop)


if __name__ == "__main__":
    main()
