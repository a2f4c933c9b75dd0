"""Publishing, received by FFmpeg's own RTMP listener."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from pinkmedia.errors import PinkmediaError, UsageError
from tests.transcode.sources import luma_plane, moving_pictures
from transcode.faults import PushFault
from transcode.landscape import Plane
from transcode.machine_clock import read_clock
from transcode.push import PushProgress, push
from transcode.rtmp_output import mask_url
from transcode.test_source import PictureSettings

PORT = 22010
URL = f"rtmp://127.0.0.1:{PORT}/live/secret-key"
CONNECT_ATTEMPTS = 200
"""FFmpeg does not say when it listens; it is asked every 50 ms."""
DEADLINE_SECONDS = 60


class Listener:
    """One RTMP publisher's media, as an FFmpeg server gets it."""

    def __init__(self) -> None:
        self.packets: dict[str, list[float]] = defaultdict(list)
        self.key_frames: list[float] = []
        self.pictures: list[Plane] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        with contextlib.suppress(OSError), av.open(URL, options={"listen": "1"}, format="flv") as container:
            # FFmpeg's listener takes the end of the connection for an error.
            for packet in container.demux():
                if packet.dts is None:
                    continue
                name = packet.stream.codec_context.name
                self.packets[name].append(float(packet.dts * packet.time_base))
                if packet.stream.type == "video":
                    self.key_frames += [self.packets[name][-1]] if packet.is_keyframe else []
                    frames = [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]
                    self.pictures += [luma_plane(frame) for frame in frames]

    def end(self) -> None:
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


def ignore(_progress: PushProgress) -> None:
    """For those who do not want to know."""


def publish(source: str, progress: Callable[[PushProgress], None] = ignore, **options: object) -> Listener:
    listener = Listener()
    waiting = threading.Event()
    for _attempt in range(CONNECT_ATTEMPTS):
        try:
            push(source, URL, progress=progress, **options)  # type: ignore[arg-type]
        except PushFault as fault:
            if "refused" not in str(fault):
                raise
            waiting.wait(0.05)
        else:
            listener.end()
            return listener
    raise AssertionError("nothing listens")


def test_the_test_source_has_a_key_frame_every_two_seconds_and_a_readable_clock() -> None:
    said: list[PushProgress] = []
    listener = publish(
        "test", said.append, duration_seconds=2.5, picture=PictureSettings(640, 360, has_machine_clock=True)
    )
    times = listener.packets["h264"]
    assert len(times) == 75
    assert [round(time - times[0], 2) for time in listener.key_frames] == [0, 2]
    assert [read_clock(picture) for picture in listener.pictures] == [progress.clock_ms for progress in said]
    assert listener.packets["aac"][-1] > 2.3
    assert said[-1].media_seconds == pytest.approx(2.467, abs=0.001)
    assert said[-1].sent_bytes > 10_000


def test_it_stops_when_it_is_told_to() -> None:
    stop = threading.Event()

    def stop_after_half_a_second(progress: PushProgress) -> None:
        if progress.media_seconds >= 0.5:
            stop.set()

    listener = publish("test", stop_after_half_a_second, stop=stop, picture=PictureSettings(320, 180))
    assert len(listener.packets["h264"]) == 16


def test_a_file_of_h264_and_aac_is_copied_over_and_over(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_file(path, "libx264", "aac")
    listener = publish(str(path), loop=True, duration_seconds=2.4)
    times = listener.packets["h264"]
    assert len(times) == pytest.approx(72, abs=2)
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert listener.packets["aac"][-1] > 2


def test_another_file_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    write_file(path, "mpeg4", "pcm_s16le")
    listener = publish(str(path))
    assert len(listener.packets["h264"]) == 30
    assert len(listener.packets["aac"]) > 30


def write_file(path: Path, video_codec: str, audio_codec: str) -> None:
    """One second of moving pictures and silence."""
    with av.open(path, "w") as container:
        video = container.add_stream(video_codec, rate=30)
        audio = container.add_stream(audio_codec, rate=48_000)
        assert isinstance(video, av.VideoStream)
        assert isinstance(audio, av.AudioStream)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        for picture in moving_pictures(30, 320, 180):
            picture.pict_type = 0
            container.mux(video.encode(picture))
        sample_format = "s16" if audio_codec == "pcm_s16le" else "fltp"
        silence = av.AudioFrame(sample_format, "stereo", 48_000)
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        silence.sample_rate = 48_000
        container.mux([*audio.encode(silence), *audio.encode(None), *video.encode(None)])


@pytest.mark.parametrize(
    ("source", "url", "kind"),
    [
        ("test", f"rtmp://127.0.0.1:{PORT + 1}/live/secret-key", PushFault),
        ("test", "http://127.0.0.1/live/secret-key", UsageError),
        ("test", "live/secret-key", UsageError),
        ("/no/such/file.mp4", URL, UsageError),
        (__file__, URL, UsageError),
    ],
    ids=["nobody listens", "not RTMP", "no URL", "no file", "no media"],
)
def test_errors_are_one_line_without_the_key(source: str, url: str, kind: type[PinkmediaError]) -> None:
    with pytest.raises(kind) as caught:
        push(source, url, progress=ignore, picture=PictureSettings(320, 180))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("rtmp://host/live", "rtmp://host/live"),
        ("rtmp://host:1935/live/KEY", "rtmp://host:1935/live/***"),
        ("rtmp://host/live?key=KEY", "rtmp://host/live/***"),
        ("rtmps://user:KEY@host/live/KEY?a=KEY", "rtmps://host/live/***"),
    ],
)
def test_a_masked_url_names_server_and_application(url: str, masked: str) -> None:
    assert mask_url(url) == masked
