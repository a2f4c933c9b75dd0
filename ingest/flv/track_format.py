"""What is known of one track's coding: its header, and the format that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

from ingest.flv.codec_table import FormatT, Opener


class TrackFormat(Generic[FormatT]):
    """Follows one track's sequence headers. Its FourCCs must be in the table."""

    def __init__(self, codecs: Mapping[bytes, Opener[FormatT]]) -> None:
        self._codecs = codecs
        self._four_cc = b""
        self._header: bytes | None = None
        self._format: FormatT | None = None

    def get(self, four_cc: bytes) -> FormatT | None:
        """The format of a frame with this FourCC; None when nothing, or something else, was described."""
        return self._format if four_cc == self._four_cc else None

    def set_header(self, four_cc: bytes, header: bytes) -> FormatT | None:
        """The format, when it is news and the header alone says it. Raises CodecError."""
        if (four_cc, header) == (self._four_cc, self._header):
            return None
        self._four_cc, self._header, self._format = four_cc, header, None
        opener = self._codecs[four_cc]
        if not opener.needs_frame:
            self._format = opener.open(header, memoryview(b""))
        return self._format

    def open_with(self, four_cc: bytes, frame: memoryview) -> FormatT | None:
        """The format, when it is news and this frame completes it. Raises CodecError."""
        if self.get(four_cc) is not None:
            return None
        if not self._codecs[four_cc].has_header:
            self._four_cc, self._header = four_cc, b""
        if self._four_cc != four_cc or self._header is None or not frame:
            return None
        self._format = self._codecs[four_cc].open(self._header, frame)
        return self._format
