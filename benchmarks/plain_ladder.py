"""The same ladder without pinkmedia: a plain PyAV loop, and the ``ffmpeg`` program. x264 is set alike."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from benchmarks.ladder_clip import GOP_SECONDS, similarity
from pinkmedia.media import VIDEO_TIMESCALE
from tests.support import require_tool
from transcode.ladder import Rung


def plain_loop_cores(clip: Path, rungs: Sequence[Rung]) -> float:
    """In this process, which does nothing else meanwhile."""
    begun = _own_cpu_seconds()
    frames = plain_loop(clip, rungs, lambda rung, unit: None)
    return (_own_cpu_seconds() - begun) / (frames / float(rungs[0].frame_rate))


def plain_loop(clip: Path, rungs: Sequence[Rung], on_unit: Callable[[Rung, bytes], object]) -> int:
    """As one would write it: decode a picture, scale it to each size, encode it. Returns the number of pictures."""
    encoders = [(rung, _plain_encoder(rung)) for rung in rungs]
    count = 0
    with av.open(str(clip)) as container:
        for count, frame in enumerate(container.decode(video=0), start=1):
            is_first = (count - 1) % round(rungs[0].frame_rate * GOP_SECONDS) == 0
            for rung, encoder in encoders:
                scaled = frame.reformat(rung.width, rung.height, "yuv420p", interpolation="BICUBIC")
                scaled.pts, scaled.time_base = frame.pts, frame.time_base
                scaled.pict_type = PictureType.I if is_first else PictureType.NONE
                for unit in encoder.encode(scaled):
                    on_unit(rung, bytes(unit))
    for rung, encoder in encoders:
        for unit in encoder.encode(None):
            on_unit(rung, bytes(unit))
    return count


def _plain_encoder(rung: Rung) -> VideoCodecContext:
    encoder = CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = rung.width, rung.height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, VIDEO_TIMESCALE), rung.frame_rate
    encoder.bit_rate, encoder.max_b_frames = rung.bit_rate_bps, 0
    encoder.flags |= Flags.closed_gop
    encoder.options = dict(_x264_options(rung))
    return encoder


def _x264_options(rung: Rung) -> Iterator[tuple[str, str]]:
    yield "preset", rung.preset
    yield "tune", "zerolatency"
    yield "profile", "high"
    yield "forced-idr", "1"
    yield "maxrate", str(rung.bit_rate_bps)
    yield "bufsize", str(rung.bit_rate_bps)
    yield "x264-params", "scenecut=0:keyint=infinite:open-gop=0"


def loop_similarity(clip: Path, rungs: Sequence[Rung], frame_rate: int, folder: Path) -> list[float]:
    files = {rung.name: (folder / f"loop-{rung.name}.h264").open("wb") for rung in rungs}
    plain_loop(clip, rungs, lambda rung, unit: files[rung.name].write(unit))
    for file in files.values():
        file.close()
    return [
        similarity(folder / f"loop-{rung.name}.h264", clip, (rung.width, rung.height), frame_rate) for rung in rungs
    ]


def ffmpeg_cores(clip: Path, rungs: Sequence[Rung]) -> float:
    """The program, as fast as it goes."""
    splits = "".join(f"[in{index}]" for index in range(len(rungs)))
    scales = ";".join(
        f"[in{index}]scale={rung.width}:{rung.height}:flags=bicubic[out{index}]" for index, rung in enumerate(rungs)
    )
    command = [require_tool("ffmpeg"), "-nostdin", "-v", "error", "-i", str(clip)]
    command += ["-filter_complex", f"[0:v]split={len(rungs)}{splits};{scales}"]
    for index, rung in enumerate(rungs):
        options = [word for name, value in _x264_options(rung) for word in (f"-{name}", value)]
        command += ["-map", f"[out{index}]", "-c:v", "libx264", "-b:v", str(rung.bit_rate_bps), *options]
        command += ["-force_key_frames", f"expr:gte(t,n_forced*{GOP_SECONDS})", "-f", "null", "-"]
    begun = _childrens_cpu_seconds()
    subprocess.run(command, check=True)
    with av.open(str(clip)) as container:
        seconds = float((container.duration or 0) / av.time_base)
    return (_childrens_cpu_seconds() - begun) / seconds


def _own_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _childrens_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
