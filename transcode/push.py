"""Publish a file or the test picture over RTMP, in real time.

Strategy: a file of H.264 and AAC is sent as it is, any other is encoded; the test source is painted when it is due.
Times are a `Pacer`'s: what is late is sent at once, so a slow moment is made up for and the clock is kept.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from pinkmedia.media import VIDEO_TIMESCALE
from transcode.file_source import FileSource
from transcode.rtmp_output import RtmpOutput
from transcode.test_source import SAMPLE_RATE, SAMPLES_PER_FRAME, Beep, MovingPicture, PictureSettings

TEST_SOURCE = "test"
"""The name of the test source, where a file's path could be."""
KEY_FRAME_SECONDS = 2
"""Between key frames: the segments of the server on the other side."""
VIDEO_BPS = 6_000_000
"""Enough for 1080p30, and what sites accept."""
AUDIO_BPS = 160_000
TEST_PRESET = "ultrafast"
"""The test picture is easy; publishing it should leave the machine to the server."""
FILE_PRESET = "veryfast"
AUDIO_LEAD_SECONDS = 0.05
"""Two AAC frames: the muxer lets a video packet go when it has a later audio packet."""


@dataclass(frozen=True, slots=True)
class PushProgress:
    """How far publishing has come. Reported after each video packet (audio packet, without video)."""

    media_seconds: float
    """Of the source, since the start."""
    sent_bytes: int
    """Of audio and video."""
    clock_ms: int | None
    """Milliseconds since 1970 shown by the test picture that was just sent; None for files."""
    handed_at: float | None = None
    """Unix seconds at which that picture, encoded, was handed to RTMP; None for files."""


class Pacer:
    """Real time, until told to stop."""

    def __init__(self, duration_seconds: float | None, stop: threading.Event) -> None:
        self._duration_seconds = duration_seconds
        self._stop = stop
        self._start: float | None = None

    def wait_until(self, media_seconds: float) -> bool:
        """Waits until that time of the source is due; False when publishing is to end instead."""
        if self._duration_seconds is not None and media_seconds >= self._duration_seconds:
            return False
        now = time.monotonic()
        if self._start is None:
            self._start = now - media_seconds
        return not self._stop.wait(max(0.0, self._start + media_seconds - now))


def push(
    source: str,
    url: str,
    *,
    progress: Callable[[PushProgress], None],
    loop: bool = False,
    duration_seconds: float | None = None,
    stop: threading.Event | None = None,
    picture: PictureSettings | None = None,
) -> None:
    """Publishes ``"test"`` or a file to ``rtmp://HOST/APP/KEY`` until it ends, ``duration_seconds`` are over or
    ``stop`` is set. ``loop`` begins a file again; ``picture`` is the test source's.

    Raises UsageError for a source or URL that cannot be, PushFault when the server does not take it.
    """
    pacer = Pacer(duration_seconds, stop or threading.Event())
    if source == TEST_SOURCE:
        with RtmpOutput(url) as output:
            _push_test(output, pacer, progress, picture or PictureSettings())
    else:
        file = FileSource(source, loop=loop)
        with RtmpOutput(url) as output:
            _push_file(file, output, pacer, progress)


# The test source


def _push_test(
    output: RtmpOutput, pacer: Pacer, progress: Callable[[PushProgress], None], settings: PictureSettings
) -> None:
    picture = MovingPicture(settings)
    video = _add_video(output, settings.width, settings.height, settings.frame_rate, TEST_PRESET)
    audio = _add_audio(output)
    output.start()
    beeps = _beeps()
    for index in itertools.count():
        media_seconds = float(index / settings.frame_rate)
        if not pacer.wait_until(media_seconds):
            return
        for sound in _until(beeps, media_seconds + AUDIO_LEAD_SECONDS):
            _send_all(output, audio.encode(sound))
        clock_ms = time.time_ns() // 1_000_000
        frame = picture.paint(index, clock_ms)
        frame.pts, frame.time_base = round(media_seconds * VIDEO_TIMESCALE), Fraction(1, VIDEO_TIMESCALE)
        packets = video.encode(frame)
        handed_at = time.time()
        _send_all(output, packets)
        progress(PushProgress(media_seconds, output.sent_bytes, clock_ms, handed_at))


def _beeps() -> Iterator[AudioFrame]:
    beep = Beep(time.time_ns() // 1_000_000)
    return (beep.frame(first_sample) for first_sample in itertools.count(0, SAMPLES_PER_FRAME))


def _until(frames: Iterator[AudioFrame], media_seconds: float) -> Iterator[AudioFrame]:
    """The next frames, up to the first that begins at that time or later (which is included)."""
    for frame in frames:
        yield frame
        if frame.pts is not None and frame.pts >= media_seconds * SAMPLE_RATE:
            return


# Files


def _push_file(file: FileSource, output: RtmpOutput, pacer: Pacer, progress: Callable[[PushProgress], None]) -> None:
    send = _copier(file, output) if file.can_be_copied else _transcoder(file, output)
    output.start()
    for packet, media_seconds in file.packets():
        if not pacer.wait_until(media_seconds):
            return
        send(packet)
        if packet.stream.type == "video" or not file.has_video:
            progress(PushProgress(media_seconds, output.sent_bytes, None))


def _copier(file: FileSource, output: RtmpOutput) -> Callable[[Packet[Stream]], None]:
    targets = {stream.index: output.container.add_stream_from_template(stream) for stream in file.streams}

    def send(packet: Packet[Stream]) -> None:
        if packet.dts is not None:  # what only flushes decoders is not sent
            packet.stream = targets[packet.stream.index]
            output.send(packet)

    return send


def _transcoder(file: FileSource, output: RtmpOutput) -> Callable[[Packet[Stream]], None]:
    video: VideoStream | None = None
    audio: AudioStream | None = None
    for stream in file.streams:
        if isinstance(stream, VideoStream):
            rate = Fraction(stream.average_rate or 30)
            video = _add_video(output, stream.width // 2 * 2, stream.height // 2 * 2, rate, FILE_PRESET)
        else:
            audio = _add_audio(output)
    resampler = AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE, frame_size=SAMPLES_PER_FRAME)

    def send(packet: Packet[Stream]) -> None:
        for frame in packet.decode():
            if isinstance(frame, VideoFrame) and video is not None:
                frame.pict_type = PictureType.NONE  # the encoder decides, not the file
                _send_all(output, video.encode(frame))
            elif isinstance(frame, AudioFrame) and audio is not None:
                for sound in resampler.resample(frame):
                    _send_all(output, audio.encode(sound))

    return send


# Both


def _add_video(output: RtmpOutput, width: int, height: int, frame_rate: Fraction, preset: str) -> VideoStream:
    stream = output.container.add_stream("libx264", rate=frame_rate)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, VIDEO_TIMESCALE)
    context.bit_rate = VIDEO_BPS
    context.gop_size = round(KEY_FRAME_SECONDS * frame_rate)
    context.max_b_frames = 0
    context.flags |= Flags.global_header | Flags.closed_gop
    limit = {"maxrate": str(VIDEO_BPS), "bufsize": str(VIDEO_BPS)}
    context.options = {"preset": preset, "tune": "zerolatency", "x264-params": "scenecut=0", **limit}
    return stream


def _add_audio(output: RtmpOutput) -> AudioStream:
    stream = output.container.add_stream("aac", rate=SAMPLE_RATE)
    stream.codec_context.layout = "stereo"
    stream.codec_context.bit_rate = AUDIO_BPS
    return stream


def _send_all(output: RtmpOutput, packets: list[Packet[Stream]]) -> None:
    for packet in packets:
        output.send(packet)
