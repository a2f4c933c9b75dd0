"""How smoothly does the watch page play in a browser, and how far behind live?

``python -m benchmarks.watch_page`` runs the browser test's viewer (`tests/browser/play.mjs`) against a server of its
own on the loopback, with Debian's ffmpeg as publisher: half a minute of steady play, then every quality. Encoders,
browser and publisher share this machine, so the figures are for all of them together.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from tests.browser.viewer import expect, viewer
from tests.support import Publisher, ServerProcess, make_clip

CLIP_SECONDS = 32
"""Whole frames of both video and audio, so that the loop has no seam."""
FREEZE_SECONDS = 0.5
"""A picture that stands longer than this is seen as a freeze."""


def watch(folder: Path) -> dict[str, Any]:
    """What the viewer saw: see play.mjs."""
    clip = make_clip(folder / "clip.mp4", seconds=CLIP_SECONDS)
    with ServerProcess(folder) as server:
        key = server.create_stream("alice")
        with viewer(f"{server.base_url}/watch/alice", folder / "screenshots") as events:
            expect(events, "offline")
            with Publisher(clip, f"{server.rtmp_url}/{key}"):
                expect(events, "live")
                expect(events, "played")
            return expect(events, "result")


def report(seen: dict[str, Any]) -> str:
    samples = seen["samples"]
    latencies = [sample["latencySeconds"] for sample in samples if sample["latencySeconds"] is not None]
    standing = standing_seconds([shown_at for shown_at, _media_time in seen["frames"]])
    decoded, dropped = samples[-1]["framesDecoded"], samples[-1]["framesDropped"]
    return "\n".join(
        [
            f"observed              {samples[-1]['atSeconds'] - samples[0]['atSeconds']:.1f} s",
            f"stalls                {len(seen['stalls'])}",
            f"freezes over {FREEZE_SECONDS:g} s    {sum(seconds > FREEZE_SECONDS for seconds in standing)}",
            f"longest picture       {max(standing):.3f} s",
            f"pictures dropped      {dropped} of {decoded}",
            f"latency, median       {median(latencies):.2f} s",
            f"latency, worst        {max(latencies):.2f} s",
        ]
    )


def standing_seconds(shown_at: Sequence[float]) -> list[float]:
    """How long each picture stood."""
    return [later - earlier for earlier, later in pairwise(shown_at)]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pinkmedia-benchmark-") as folder:
        seen = watch(Path(folder))
    print(report(seen))
    for entry in seen["journal"]:
        print(entry, file=sys.stderr)


if __name__ == "__main__":
    main()
