"""A media file as a publisher reads it: its first video and audio stream, once or over and over.

Strategy: the file is opened anew for each pass, so that decoders begin afresh too; each pass's times follow the last
one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pinkmedia.errors import UsageError

COPIED_CODECS = frozenset({"h264", "aac"})
"""What every server takes."""


class FileSource:
    """One file. It stays open, beside each pass through it, because streams are of no use without their file."""

    def __init__(self, path: str, *, loop: bool) -> None:
        """Raises UsageError when the file cannot be read or has neither video nor audio."""
        self._path = path
        self._loop = loop
        self._description = self._open()
        self.streams = _selected(self._description)
        if not self.streams:
            raise UsageError(f"{path}: no video and no audio in it")

    @property
    def has_video(self) -> bool:
        return any(stream.type == "video" for stream in self.streams)

    @property
    def can_be_copied(self) -> bool:
        """All its streams can be sent as they are."""
        return all(stream.codec_context.name in COPIED_CODECS for stream in self.streams)

    def packets(self) -> Iterator[tuple[Packet[Stream], float]]:
        """The packets, and when each is due in seconds since the start.

        Each pass ends with packets without times, whose decoding gives what decoders still hold. Raises UsageError
        when the file breaks off.
        """
        end_seconds = 0.0
        while True:
            with self._open() as container:
                shift_seconds = end_seconds - (container.start_time or 0) / av.time_base
                for packet in self._demux(container):
                    if _has_times(packet):
                        _shift(packet, shift_seconds)
                        end_seconds = max(end_seconds, _end_seconds(packet))
                    yield packet, _due_seconds(packet, end_seconds)
            if not self._loop:
                return

    def _demux(self, container: InputContainer) -> Iterator[Packet[Stream]]:
        try:
            yield from container.demux(*_selected(container))
        except FFmpegError as error:
            raise UsageError(f"{self._path}: {error.strerror}") from None

    def _open(self) -> InputContainer:
        try:
            return av.open(self._path)
        except FFmpegError as error:
            raise UsageError(f"{self._path}: {error.strerror}") from None


def _selected(container: InputContainer) -> Sequence[VideoStream | AudioStream]:
    return [*container.streams.video[:1], *container.streams.audio[:1]]


def _has_times(packet: Packet[Stream]) -> bool:
    return packet.dts is not None and packet.pts is not None


def _shift(packet: Packet[Stream], seconds: float) -> None:
    ticks = round(seconds / packet.time_base)
    packet.dts = (packet.dts or 0) + ticks
    packet.pts = (packet.pts or 0) + ticks


def _due_seconds(packet: Packet[Stream], end_seconds: float) -> float:
    return end_seconds if packet.dts is None else float(packet.dts * packet.time_base)


def _end_seconds(packet: Packet[Stream]) -> float:
    return float(((packet.dts or 0) + (packet.duration or 0)) * packet.time_base)
