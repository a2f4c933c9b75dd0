"""What encodings need of their node, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from pinkmedia.live.governor import Governor
from transcode.pool import WorkerPool


@dataclass(frozen=True, slots=True)
class EncoderHost:
    """The node's workers, and who decides how many rungs they may make."""

    pool: WorkerPool
    governor: Governor
