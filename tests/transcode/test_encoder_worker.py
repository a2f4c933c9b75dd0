"""A real worker process that is asked for encoders: what it opens, and what it says when that is something else."""

from __future__ import annotations

import socket
import subprocess
import sys
from fractions import Fraction

import av
import pytest

from pinkmedia.media import Codec, Packet, Rendition
from pinkmedia.processes.frames import WireError
from tests.transcode.sources import encoded_source
from tests.transcode.test_engine import times
from transcode.configure import Configure
from transcode.encoder_choice import ENCODERS
from transcode.encoder_kinds import Family
from transcode.ladder import Rung
from transcode.messages import Drain, Drained, Hello, Message, Opened, parse_message
from transcode.renditions import renditions_of
from transcode.wire import THUMBNAIL_TRACK_ID, WireReader, encode_control, encode_media

DEADLINE_SECONDS = 30
"""Generous: a machine that runs the tests may be busy."""
RUNGS = tuple(
    Rung(f"{codec}-{height}p", width, height, Fraction(30), 500_000, codec=codec)
    for codec in (Codec.H264, Codec.HEVC, Codec.AV1)
    for width, height in ((1920, 1080), (426, 240))
)
SOURCE, PACKETS = encoded_source(3)
MISSING = next(
    family for family in Family if f"h264_{family}" in ENCODERS and f"h264_{family}" not in av.codecs_available
)
"""A kind of hardware that this build of FFmpeg knows nothing of."""


class Conversation:
    """Everything that a worker says while it transcodes the source."""

    def __init__(self, encoder: str, rungs: tuple[Rung, ...]) -> None:
        near, far = socket.socketpair()
        near.settimeout(DEADLINE_SECONDS)
        command = [sys.executable, "-P", "-m", "transcode.worker", str(far.fileno()), encoder]
        with near, subprocess.Popen(command, pass_fds=(far.fileno(),), stderr=subprocess.PIPE) as process:
            far.close()
            told: list[Message | Packet] = [Configure(SOURCE, rungs, encoder=encoder), *PACKETS, Drain()]
            near.sendall(b"".join(map(bytes_of, told)))
            items = received(near)
            self.stderr = process.stderr.read().decode() if process.stderr else ""
        self.packets = [item for item in items if isinstance(item, Packet) and item.track_id != THUMBNAIL_TRACK_ID]
        self.messages = [item for item in items if not isinstance(item, Packet)]

    @property
    def opened(self) -> Opened:
        (opened,) = (message for message in self.messages if isinstance(message, Opened))
        return opened


def bytes_of(item: Message | Packet) -> bytes:
    if isinstance(item, Packet):
        head, payload = encode_media(item)
        return head + payload
    return encode_control(item.to_fields())


def received(near: socket.socket) -> list[Message | Packet]:
    reader, items = WireReader(), []
    while data := near.recv(1 << 16):
        items += [item if isinstance(item, Packet) else parse_message(item) for item in reader.feed(data)]
    return items


@pytest.fixture(scope="module")
def in_software() -> Conversation:
    return Conversation(Family.SOFTWARE, RUNGS)


def test_every_codec_is_encoded_in_a_sandbox(in_software: Conversation) -> None:
    assert in_software.opened.encoders == ("libx264",) * 2 + ("libx265",) * 2 + ("libsvtav1",) * 2
    assert not in_software.opened.is_hardware
    for index in range(len(RUNGS)):
        assert times([packet for packet in in_software.packets if packet.track_id == index + 1]) == times(PACKETS)
    assert isinstance(in_software.messages[-1], Drained)


def test_its_renditions_are_in_the_codecs_of_the_rungs(in_software: Conversation) -> None:
    renditions = renditions_of(RUNGS, in_software.opened)
    assert [rendition.track.codec for rendition in renditions] == [rung.codec for rung in RUNGS]
    assert [size_of(rendition) for rendition in renditions] == [(rung.width, rung.height) for rung in RUNGS]


def size_of(rendition: Rendition) -> tuple[int, int]:
    track = rendition.track
    return getattr(track, "width", 0), getattr(track, "height", 0)


def test_encoders_write_nothing_on_standard_error(in_software: Conversation) -> None:
    assert in_software.stderr == ""


def test_hardware_that_is_missing_is_said_once_and_replaced() -> None:
    rungs = (RUNGS[1], Rung("120p", 214, 120, Fraction(30), 100_000))
    talk = Conversation(MISSING, rungs)
    (hello,) = (message for message in talk.messages if isinstance(message, Hello))
    assert hello.hardware_encoders == ()
    assert talk.opened.encoders == ("libx264", "libx264")
    assert talk.opened.notes == (f"h264_{MISSING} is not in this build of FFmpeg; libx264 is used instead",)
    assert len(talk.packets) == len(rungs) * len(PACKETS)
    assert talk.stderr == ""


def test_hardware_is_looked_for_without_a_word() -> None:
    talk = Conversation("auto", (RUNGS[1],))
    assert isinstance(talk.messages[-1], Drained)
    assert talk.opened.notes == ()
    assert talk.stderr == ""


def test_a_rung_whose_codec_became_another_is_a_rendition_in_that() -> None:
    h264 = Conversation(Family.SOFTWARE, (RUNGS[1],)).opened
    wanted_hevc = RUNGS[3]
    (rendition,) = renditions_of((wanted_hevc,), h264)
    assert (rendition.name, rendition.track.codec) == (wanted_hevc.name, Codec.H264)


@pytest.mark.parametrize(
    "opened", [Opened(()), Opened((b"", b"")), Opened((b"",), ("libx264", "libx264"))], ids=["none", "two", "names"]
)
def test_an_answer_to_other_rungs_is_refused(opened: Opened) -> None:
    with pytest.raises(WireError, match="do not match"):
        renditions_of((RUNGS[0],), opened)
