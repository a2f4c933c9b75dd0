"""H.264 and AAC in a transport stream, made by Debian's ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import ENCODE_SECONDS, require_tool

CLIP_PICTURES = 60
"""Two seconds, two key frames."""


def make_ts_clip(path: Path) -> Path:
    ffmpeg = require_tool("ffmpeg")
    seconds = str(CLIP_PICTURES // 30)
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=r=48000", "-t", seconds]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "2", "-pix_fmt", "yuv420p"]
    command = [ffmpeg, "-nostdin", "-v", "error", *sources, *video, "-c:a", "aac", "-f", "mpegts", str(path)]
    subprocess.run(command, check=True, timeout=ENCODE_SECONDS)
    return path
