"""The clip that the benchmarks of transcoding encode, and what it is compared with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av

from pinkmedia.codecs.h264 import AvcConfiguration, video_track
from pinkmedia.media import VIDEO_TIMESCALE, Packet, VideoTrack
from tests.support import real_footage, require_tool
from transcode.ladder import RungTemplate

BIT_RATE = "6M"
"""What OBS sends at 1080p."""
GOP_SECONDS = 2

TEMPLATES = (
    RungTemplate("1080p", 1080, 60, 5_000_000),
    RungTemplate("720p", 720, 60, 2_500_000),
    RungTemplate("480p", 480, 60, 1_200_000),
)
"""Every size of the mission, at the source's frame rate."""

_SIMILARITY = re.compile(r"SSIM .*All:([0-9.]+)")


def encode_clip(path: Path, *, frame_rate: int, seconds: int) -> Path:
    """Real footage at 1080p with a camera's grain, in H.264 and AAC as a publisher sends them."""
    gop_frames = frame_rate * GOP_SECONDS
    picture = f"fps={frame_rate},scale=1920:1080:flags=lanczos,noise=alls=3:allf=t,format=yuv420p"
    h264 = f"-c:v libx264 -preset veryfast -tune zerolatency -b:v {BIT_RATE} -maxrate {BIT_RATE} -bufsize {BIT_RATE}"
    gop = f"-g {gop_frames} -keyint_min {gop_frames} -sc_threshold 0 -video_track_timescale {VIDEO_TIMESCALE}"
    sound = "-f lavfi -i sine=frequency=440:sample_rate=48000 -map 0:v -map 1:a"
    words = f"{sound} -vf {picture} {h264} {gop} -c:a aac -b:a 160k -ac 2 -t {seconds}"
    source = ("-stream_loop", "-1", "-i", real_footage())
    subprocess.run([require_tool("ffmpeg"), "-nostdin", "-v", "error", "-y", *source, *words.split(), path], check=True)
    return path


def read_clip(path: Path, frame_rate: int) -> tuple[VideoTrack, list[Packet]]:
    """Its pictures as ingest gives them, without the times when they came."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        configuration = AvcConfiguration.parse(stream.codec_context.extradata or b"")
        packets = [
            Packet(1, unit.dts, unit.pts, VIDEO_TIMESCALE // frame_rate, unit.is_keyframe, bytes(unit), 0.0)
            for unit in container.demux(stream)
            if unit.dts is not None and unit.pts is not None
        ]
    return video_track(configuration, track_id=1, frame_rate=Fraction(frame_rate)), packets


def write_annex_b(path: Path, configuration: bytes, packets: Iterable[Packet]) -> None:
    """What an encoder made, as a file that any program reads."""
    record = AvcConfiguration.parse(configuration)
    with path.open("wb") as file:
        for unit in (*record.sps, *record.pps):
            file.write(b"\0\0\0\1" + unit)
        for packet in packets:
            file.writelines(b"\0\0\0\1" + unit for unit in _units(bytes(packet.payload)))


def similarity(made: Path, source: Path, size: tuple[int, int], frame_rate: int) -> float:
    """Structural similarity (1 is equal) to the source at the made picture's size, frame by frame in order."""
    width, height = size
    graph = f"[1:v]scale={width}:{height}:flags=bicubic[wanted];[0:v][wanted]ssim=shortest=1"
    inputs = ("-r", str(frame_rate), "-i", made, "-r", str(frame_rate), "-i", source)
    command: Sequence[str | Path] = (require_tool("ffmpeg"), "-nostdin", *inputs, "-lavfi", graph, "-f", "null", "-")
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = _SIMILARITY.search(printed)
    if found is None:
        raise SystemExit(f"ffmpeg did not tell the similarity of {made}")
    return float(found[1])


def _units(payload: bytes) -> Iterable[bytes]:
    position = 0
    while position < len(payload):
        end = position + 4 + int.from_bytes(payload[position : position + 4])
        yield payload[position + 4 : end]
        position = end
