"""What does a ladder cost, how late are its pictures, and how many streams does a machine carry?

``python -m benchmarks.transcode_cost cost`` makes 1080p, 720p and 480p of a 1080p source at 30 and at 60 frames per
second, with the same x264 settings, in three ways: the whole server (ingest, worker, packager) fed in real time; a
plain PyAV loop in one process; the ``ffmpeg`` program. CPU seconds per second of media, and the similarity of what
comes out to the source (SSIM). Then the server once more with the source passed through: 720p and 480p are left.

``delay`` feeds one worker in real time: from the source's access unit handed over to each rung's access unit back.

``density --streams 2`` publishes so many 1080p30 sources; 720p and 480p are made and the source is passed through. When
does a rung's part come after its last picture was received, and does every worker keep up?

What was measured is in ``docs/encoding.md``. CPU time is compared within one run, because a busy machine makes all of
it longer; delays and lateness need a quiet one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.ladder_clip import TEMPLATES, encode_clip, read_clip
from benchmarks.ladder_engine import engine_similarity, run_delay
from benchmarks.plain_ladder import ffmpeg_cores, loop_similarity, plain_loop_cores
from benchmarks.transcoding_node import run_density, server_cores
from transcode.ladder import Ladder, plan_ladder


def run_cost(arguments: argparse.Namespace) -> None:
    print(f"{'':34} {'CPU s per s':>11} {'ratio':>6}   SSIM of the rungs")
    for frame_rate in arguments.frame_rates:
        with tempfile.TemporaryDirectory() as folder:
            clip = encode_clip(Path(folder) / "clip.mp4", frame_rate=frame_rate, seconds=arguments.seconds)
            source, _ = read_clip(clip, frame_rate)
            rungs = plan_ladder(source, Ladder(TEMPLATES), passthrough=False)
            loop = min(plain_loop_cores(clip, rungs) for _ in range(arguments.repeat))
            ffmpeg = min(ffmpeg_cores(clip, rungs) for _ in range(arguments.repeat))
            server = server_cores(clip, arguments, passthrough=False)
            beside = server_cores(clip, arguments, passthrough=True)
            ours = engine_similarity(clip, rungs, frame_rate, Path(folder))
            theirs = loop_similarity(clip, rungs, frame_rate, Path(folder))
        for name, cores, seen in (
            ("plain PyAV loop", loop, theirs),
            ("ffmpeg", ffmpeg, ()),
            ("pinkmedia, all encoded", server, ours),
            ("pinkmedia, source passed through", beside, ()),
        ):
            shown = "  ".join(f"{each:.4f}" for each in seen)
            print(f"1080p{frame_rate} {name:27} {cores:11.3f} {cores / loop:6.2f}   {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What transcoding costs.")
    parser.add_argument("--http-port", type=int, default=22280)
    parser.add_argument("--rtmp-port", type=int, default=22235)
    commands = parser.add_subparsers(required=True)
    cost = commands.add_parser("cost", help="CPU time beside a plain loop and ffmpeg")
    cost.add_argument("--frame-rates", type=int, nargs="+", default=[30, 60])
    cost.add_argument("--seconds", type=int, default=10, help="of the clip")
    cost.add_argument("--measured", type=float, default=20.0, help="seconds that the server is measured for")
    cost.add_argument("--repeat", type=int, default=3, help="times for the loop and ffmpeg; the least counts")
    cost.set_defaults(run=run_cost)
    delay = commands.add_parser("delay", help="from picture in to access unit out")
    delay.add_argument("--frame-rates", type=int, nargs="+", default=[30, 60])
    delay.add_argument("--seconds", type=int, default=20)
    delay.set_defaults(run=run_delay)
    density = commands.add_parser("density", help="several streams on one machine")
    density.add_argument("--streams", type=int, default=2)
    density.add_argument("--seconds", type=int, default=10, help="of the clip")
    density.add_argument("--measured", type=float, default=30.0)
    density.set_defaults(run=run_density)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
