"""Publishes two seconds of grey at 25 frames per second to the URL in the first argument, with PyAV."""

from __future__ import annotations

import sys

import av
import numpy as np


def publish(url: str) -> None:
    with av.open(url, "w", format="flv") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for index in range(50):
            pixels = np.full((90, 160, 3), index, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    publish(sys.argv[1])
