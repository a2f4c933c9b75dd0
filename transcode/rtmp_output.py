"""An RTMP connection that publishes, for `transcode.push`.

Strategy: FFmpeg's own RTMP. It orders packets by time before it sends them, so a video packet waits for an audio packet
that is later; whoever makes both keeps the sound a little ahead. No text that leaves here holds the key: it is the
end of the URL, and FFmpeg's errors name URLs.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from pinkmedia.errors import UsageError
from transcode.faults import PushFault

SCHEMES = ("rtmp", "rtmps")
MASK = "***"
_FLV_OPTIONS = {"flvflags": "no_duration_filesize", "flush_packets": "1"}
"""A live stream's header is not corrected at its end; every packet is sent at once."""


class RtmpOutput:
    """Publishes from `start` to the end of the ``with`` block."""

    def __init__(self, url: str) -> None:
        """Raises UsageError when this is no URL to publish to."""
        if urlsplit(url).scheme not in SCHEMES:
            raise UsageError(f"{mask_url(url)}: publish to rtmp://HOST/APP/KEY")
        self._masked_url = mask_url(url)
        self._container: OutputContainer = av.open(url, "w", format="flv", container_options=_FLV_OPTIONS)
        self.sent_bytes = 0

    @property
    def container(self) -> OutputContainer:
        """To add streams to, before `start`."""
        return self._container

    def start(self) -> None:
        """Connects and publishes. Raises PushFault."""
        try:
            self._container.start_encoding()
        except FFmpegError as error:
            raise PushFault(f"cannot publish to {self._masked_url}: {error.strerror}") from None

    def send(self, packet: Packet[Stream]) -> None:
        """Raises PushFault when the server has hung up."""
        size = packet.size
        try:
            self._container.mux(packet)
        except FFmpegError as error:
            raise PushFault(f"{self._masked_url} ended the connection: {error.strerror}") from None
        self.sent_bytes += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self._container.close()
        except FFmpegError as failure:
            if error is None:
                raise PushFault(f"{self._masked_url} ended the connection: {failure.strerror}") from None


def mask_url(url: str) -> str:
    """The URL without user, password and what may be a key: everything after the application's name."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    application, _, rest = parts.path.lstrip("/").partition("/")
    secret = f"/{MASK}" if rest or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}/{application}{secret}"
