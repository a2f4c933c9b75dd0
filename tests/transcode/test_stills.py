"""What a worker sends of still pictures, and what the node does not take from it."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from pinkmedia.media import PictureSheet
from pinkmedia.processes.frames import WireError
from transcode.stills import MAX_JPEG_BYTES, MOST_TILES, Stills

JPEG = b"\xff\xd8 a picture"
SHEET = PictureSheet(JPEG + b" of pictures", 160, 88, 5, (90_000, 540_000))


def test_round_trip() -> None:
    assert Stills.from_bytes(Stills(JPEG, SHEET).to_bytes()) == Stills(JPEG, SHEET)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(Stills(JPEG, SHEET).to_bytes()[:20], id="cut short"),
        pytest.param(Stills(b"GIF89a", SHEET).to_bytes(), id="another thumbnail"),
        pytest.param(Stills(JPEG, replace(SHEET, jpeg=b"<script>")).to_bytes(), id="another sheet"),
        pytest.param(Stills(JPEG + bytes(MAX_JPEG_BYTES), SHEET).to_bytes(), id="too large"),
        pytest.param(Stills(JPEG, replace(SHEET, columns=0)).to_bytes(), id="no columns"),
        pytest.param(Stills(JPEG, replace(SHEET, times_ticks=())).to_bytes(), id="no tiles"),
        pytest.param(Stills(JPEG, replace(SHEET, times_ticks=(0,) * (MOST_TILES + 1))).to_bytes(), id="many tiles"),
        pytest.param(struct.pack("!HHHHI", 160, 88, 5, 1, 1 << 31) + bytes(8) + JPEG, id="a length that is none"),
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        Stills.from_bytes(data)
