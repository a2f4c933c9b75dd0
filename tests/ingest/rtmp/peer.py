"""The publisher's side of RTMP, spelled out in bytes."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.rtmp.amf import AmfValue
from ingest.rtmp.amf0 import encode_values

HELLO = b"\x03" + bytes(range(256)) * 6 + bytes(1536)
"""C0, C1 and a C2 that echoes nothing."""


def basic_header(fmt: int, csid: int) -> bytes:
    if csid < 64:
        return bytes((fmt << 6 | csid,))
    if csid < 320:
        return bytes((fmt << 6, csid - 64))
    return bytes((fmt << 6 | 1,)) + (csid - 64).to_bytes(2, "little")


def chunks(
    payload: bytes,
    *,
    type_id: int = 9,
    csid: int = 6,
    fmt: int = 0,
    time_ms: int = 0,
    stream_id: int = 1,
    size: int = 128,
    repeats_extended: bool = True,
) -> list[bytes]:
    """A message as its chunks; ``time_ms`` is absolute for fmt 0 and a delta for fmt 1 and 2."""
    extended = time_ms.to_bytes(4) if time_ms >= 0xFFFFFF else b""
    fields = min(time_ms, 0xFFFFFF).to_bytes(3) if fmt < 3 else b""
    fields += len(payload).to_bytes(3) + bytes((type_id,)) if fmt < 2 else b""
    fields += stream_id.to_bytes(4, "little") if fmt == 0 else b""
    continuation = basic_header(3, csid) + (extended if repeats_extended else b"")
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    return [basic_header(fmt, csid) + fields + extended + pieces[0], *(continuation + piece for piece in pieces[1:])]


def message(payload: bytes, **fields: int) -> bytes:
    return b"".join(chunks(payload, **fields))  # type: ignore[arg-type]


def command(*values: AmfValue, stream_id: int = 0, csid: int = 3) -> bytes:
    return message(encode_values(values), type_id=20, csid=csid, stream_id=stream_id)


def connect(app: str = "live", properties: Mapping[str, AmfValue] | None = None) -> bytes:
    own: dict[str, AmfValue] = {"app": app, "type": "nonprivate", "tcUrl": f"rtmp://127.0.0.1/{app}"}
    return command("connect", 1, own | dict(properties or {}))
