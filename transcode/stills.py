"""What a worker sends now and then beside media: a thumbnail, and the sheet of small pictures up to it.

    stills = tile width (2), tile height (2), columns (2), tiles (2), thumbnail's length (4),
             each tile's presentation time (8), thumbnail (JPEG), sheet (JPEG)

All numbers are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pinkmedia.media import PictureSheet
from pinkmedia.processes.frames import WireError

MOST_TILES = 64
"""Of a sheet: twice what is sent."""
MAX_JPEG_BYTES = 512 * 1024
"""Ten times what either has: noise at its worst."""

_HEAD = struct.Struct("!HHHHI")
_JPEG_START = b"\xff\xd8"
"""Start of image (ITU-T T.81 §B.1.1.3): the node serves it, and must not serve anything else."""


@dataclass(frozen=True, slots=True)
class Stills:
    """Of one moment."""

    thumbnail: bytes
    """JPEG."""
    sheet: PictureSheet

    def to_bytes(self) -> bytes:
        sheet = self.sheet
        head = _HEAD.pack(
            sheet.tile_width, sheet.tile_height, sheet.columns, len(sheet.times_ticks), len(self.thumbnail)
        )
        times = struct.pack(f"!{len(sheet.times_ticks)}q", *sheet.times_ticks)
        return b"".join((head, times, self.thumbnail, sheet.jpeg))

    @classmethod
    def from_bytes(cls, data: bytes) -> Stills:
        """Raises WireError."""
        try:
            tile_width, tile_height, columns, count, thumbnail_bytes = _HEAD.unpack_from(data)
            times_ticks = struct.unpack_from(f"!{count}q", data, _HEAD.size)
        except struct.error:
            raise WireError("still pictures end too early") from None
        if not (tile_width and tile_height and columns and 0 < count <= MOST_TILES):
            raise WireError("sheet of still pictures that cannot be")
        begin = _HEAD.size + 8 * count
        thumbnail, jpeg = data[begin : begin + thumbnail_bytes], data[begin + thumbnail_bytes :]
        if not all(each.startswith(_JPEG_START) and len(each) <= MAX_JPEG_BYTES for each in (thumbnail, jpeg)):
            raise WireError("still picture that is none, or too large")
        return cls(thumbnail, PictureSheet(jpeg, tile_width, tile_height, columns, times_ticks))
