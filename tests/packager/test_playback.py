"""What is packaged can be read by another implementation: FFmpeg decodes init segment and parts."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import pytest

from packager.boundaries import Boundaries
from packager.layout import PackagerSettings, plan_layout
from packager.rendition import RenditionPackager
from packager.window import Window
from pinkmedia.media import Packet, Rendition, VideoTrack
from tests.packager.samples import ignore_part
from tests.pictures import encoded_video

FRAME = 3000


def packaged(track: VideoTrack, packets: list[Packet]) -> Window:
    boundaries = Boundaries()
    for packet in packets:
        if packet.is_sync:
            boundaries.append(packet.pts_ticks, has_discontinuity=False)
    layout = plan_layout(PackagerSettings(segment_target_seconds=1.0), [track], 1.0)
    rendition = Rendition("180p", track, 1_000_000, is_passthrough=True)
    packager = RenditionPackager(rendition, layout, boundaries, on_part=ignore_part)
    for packet in packets:
        packager.write(packet)
    packager.end()
    return packager.window


@pytest.mark.parametrize("b_frames", [0, 3])
def test_ffmpeg_decodes_every_frame_at_its_time(b_frames: int) -> None:
    track, packets = encoded_video(90, b_frames=b_frames)
    window = packaged(track, packets)
    init = window.find_init("init-1.mp4")
    assert init is not None
    data = init.data + b"".join(chunk for segment in window.segments for chunk in segment.chunks)
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.time_base) == (320, 180, Fraction(1, 90_000))
        times = [frame.pts for frame in container.decode(stream)]
    assert times == [90_000 + number * FRAME for number in range(90)]


def test_each_segment_can_be_decoded_by_itself() -> None:
    track, packets = encoded_video(90)
    window = packaged(track, packets)
    init = window.find_init("init-1.mp4")
    assert init is not None
    for segment in window.segments:
        with av.open(io.BytesIO(init.data + b"".join(segment.chunks)), "r") as container:
            assert len(list(container.decode(video=0))) == 30
