"""Whole transport streams of ffmpeg's, with PyAV's demuxer as the judge: cut, begun late, damaged and wrapped."""

from __future__ import annotations

import contextlib
import io
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.elementary import AudioFrame, MediaKind, VideoFrame
from ingest.mpegts.demuxer import TsDemuxer
from ingest.mpegts.units import TimedTag
from pinkmedia.errors import CodecError
from tests.ingest.mpegts.muxing import (
    AAC,
    AUDIO_PID,
    H264,
    PACKET_SIZE,
    PMT_PID,
    VIDEO_PID,
    TsWriter,
    entry,
    pes,
)
from tests.ingest.mpegts.raw_streams import Demuxed, demux, raw_demuxer
from tests.support import require_tool

VIDEO_0, AUDIO_0, AUDIO_1 = (MediaKind.VIDEO, 0), (MediaKind.AUDIO, 0), (MediaKind.AUDIO, 1)
VIDEO, AUDIO = entry(H264, VIDEO_PID), entry(AAC, AUDIO_PID)
RANGE = 1 << 33


@dataclass(frozen=True)
class Recording:
    """A file of ffmpeg's, and what PyAV finds in it."""

    data: bytes
    expected: dict[tuple[MediaKind, int], list[tuple[int, int, bytes]]]
    """Times, and bytes of frames, by track."""


def record(path: Path, *options: str) -> Recording:
    sources = ["testsrc2=s=320x180:r=25", "sine=440", "sine=880"]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-t", "3"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-c:a", "aac"]
    command = [require_tool("ffmpeg"), "-nostdin", "-v", "error", *inputs, *maps, *codecs, *options, "-f", "mpegts"]
    subprocess.run([*command, str(path)], check=True, timeout=60)
    return Recording(path.read_bytes(), judged(path))


def judged(path: Path) -> dict[tuple[MediaKind, int], list[tuple[int, int, bytes]]]:
    found: dict[tuple[MediaKind, int], list[tuple[int, int, bytes]]] = {}
    with av.open(str(path)) as container:
        keys = dict(enumerate((VIDEO_0, AUDIO_0, AUDIO_1)))
        for frame in container.demux():
            if frame.pts is not None and frame.dts is not None:
                found.setdefault(keys[frame.stream_index], []).append((frame.pts, frame.dts, bytes(frame)))
    return found


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("ts") / "clip.ts")


def assert_same(demuxed: Demuxed, recording: Recording) -> None:
    """Pictures one by one; sound by its bytes, and by the times of the frames that begin a PES packet."""
    assert list(demuxed.packets) == list(recording.expected)
    pictures = [(packet.pts_ticks, packet.dts_ticks, bytes(packet.payload)) for packet in demuxed.video]
    assert pictures == recording.expected[VIDEO_0]
    for key in (AUDIO_0, AUDIO_1):
        packets, frames = demuxed.packets[key], recording.expected[key]
        assert b"".join(packet.payload for packet in packets) == b"".join(frame for _, _, frame in frames)
        assert len(packets) > 5
        for unit in packets:
            first = next(frame for pts, _, frame in frames if pts == unit.pts_ticks)
            assert bytes(unit.payload).startswith(first)
    assert not any(packet.is_damaged for packets in demuxed.packets.values() for packet in packets)


@pytest.mark.parametrize("piece_size", [None, 1, 188, 1316, 1000])
def test_ffmpegs_stream_is_read_as_pyav_reads_it(recording: Recording, piece_size: int | None) -> None:
    assert_same(demux(recording.data, piece_size), recording)


def test_times_go_on_over_the_wrap(tmp_path: Path) -> None:
    recording = record(tmp_path / "wrap.ts", "-output_ts_offset", "95440")
    demuxed = demux(recording.data, 1316)
    times = [packet.dts_ticks for packet in demuxed.video if packet.dts_ticks is not None]
    assert times[0] < RANGE < times[-1]
    assert {later - earlier for earlier, later in pairwise(times)} == {3600}
    shifted = [(packet.pts_ticks or 0) % RANGE for packet in demuxed.video]
    assert shifted == [pts % RANGE for pts, _, _ in recording.expected[VIDEO_0]]
    offsets = {packet.pts_ticks for packet in demuxed.audio if packet.pts_ticks is not None}
    assert max(offsets) - min(offsets) < 4 * 90_000


@pytest.mark.parametrize("start", [1, 20_000, 50_001])
def test_a_viewer_from_the_middle_gets_the_end(recording: Recording, start: int) -> None:
    demuxed = demux(recording.data[start:], 1316)
    pictures = [bytes(packet.payload) for packet in demuxed.video]
    assert len(pictures) > 20
    assert pictures == [picture for _, _, picture in recording.expected[VIDEO_0]][-len(pictures) :]
    assert not any(packet.is_damaged for packet in demuxed.video)


@pytest.mark.parametrize("is_told", [True, False])
def test_what_a_lost_datagram_did_not_touch_is_whole(recording: Recording, is_told: bool) -> None:
    demuxer, demuxed = raw_demuxer(), Demuxed()
    for start in range(0, len(recording.data), 1316):
        if start == 60 * 1316:
            if is_told:
                demuxer.note_loss()
            continue
        demuxed.add(demuxer.receive_data(recording.data[start : start + 1316]))
    demuxed.add(demuxer.flush())
    whole = [bytes(packet.payload) for packet in demuxed.video if not packet.is_damaged]
    pictures = [picture for _, _, picture in recording.expected[VIDEO_0]]
    assert set(whole) < set(pictures)
    assert len(pictures) - 8 < len(whole) < len(pictures)
    assert demuxer.counters.damaged_units > 0
    assert demuxer.counters.continuity_errors > 0


def mutated(recording: Recording, data: st.DataObject) -> bytes:
    """The beginning of a recording with bytes replaced, removed and put in."""
    stream = bytearray(recording.data[: 300 * PACKET_SIZE])
    for _ in range(data.draw(st.integers(1, 30))):
        start = data.draw(st.integers(0, len(stream) - 1))
        size = data.draw(st.integers(0, 8))
        stream[start : start + size] = data.draw(st.binary(max_size=8))
    return bytes(stream)


def survive(demuxer: TsDemuxer, data: bytes, piece_size: int) -> None:
    """Reads on even after a refusal."""
    for start in range(0, len(data), piece_size):
        with contextlib.suppress(CodecError):
            demuxer.receive_data(data[start : start + piece_size])
    with contextlib.suppress(CodecError):
        demuxer.flush()


@given(st.binary(max_size=2000), st.integers(1, 400))
def test_any_bytes_are_survived(data: bytes, piece_size: int) -> None:
    survive(raw_demuxer(), data, piece_size)


@given(
    st.lists(st.tuples(st.sampled_from([0, PMT_PID, VIDEO_PID]), st.binary(min_size=184, max_size=184)), max_size=20)
)
def test_any_packets_are_survived(contents: list[tuple[int, bytes]]) -> None:
    writer = TsWriter()
    stream = writer.tables(VIDEO, AUDIO) + b"".join(
        written for pid, content in contents for written in writer.packets(pid, content)
    )
    survive(raw_demuxer(), stream, 1316)


@settings(max_examples=50)
@given(st.data())
def test_a_damaged_stream_is_survived(recording: Recording, data: st.DataObject) -> None:
    survive(raw_demuxer(), mutated(recording, data), 1316)


def test_frames_come_out_with_the_times_that_pyav_finds(recording: Recording) -> None:
    demuxer = TsDemuxer()
    timed = [event for event in demuxer.receive_data(recording.data) + demuxer.flush() if isinstance(event, TimedTag)]
    pictures = [event.timestamp_ms for event in timed if isinstance(event.tag, VideoFrame)]
    assert pictures == [dts / 90 for _, dts, _ in recording.expected[VIDEO_0]]
    for number, key in enumerate((AUDIO_0, AUDIO_1)):
        sound = [
            event.timestamp_ms
            for event in timed
            if isinstance(event.tag, AudioFrame) and event.tag.track_number == number
        ]
        assert sound == pytest.approx([pts / 90 for pts, _, _ in recording.expected[key]], abs=0.1)


@settings(max_examples=50)
@given(st.data())
def test_a_damaged_stream_is_survived_down_to_its_frames(recording: Recording, data: st.DataObject) -> None:
    survive(TsDemuxer(), mutated(recording, data), 1316)


def test_pyav_reads_what_is_written_by_hand() -> None:
    """The writer of these tests is held to the rules as well."""
    writer = TsWriter()
    stream = writer.tables(entry(0x03, AUDIO_PID))
    frame = b"\xff\xfb\x90\x00".ljust(417, b"\0")  # MPEG-1 layer III, 128 kb/s at 44.1 kHz
    for number in range(20):
        unit = pes(frame, pts=90_000 + number * 2351, stream_id=0xC0, is_bounded=True)
        stream += b"".join(writer.packets(AUDIO_PID, unit))
    with av.open(io.BytesIO(stream), "r", format="mpegts") as container:
        times = [read.pts for read in container.demux() if read.size]
    assert times[:3] == [90_000, 92_351, 94_702]
