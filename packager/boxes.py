"""ISO base media file format boxes (ISO/IEC 14496-12 §4.2): the two shapes everything else is made of."""

from __future__ import annotations

import struct


def box(kind: bytes, *payloads: bytes) -> bytes:
    """A box: 32-bit size, four-character type, then its payloads."""
    size = 8 + sum(map(len, payloads))
    return b"".join((size.to_bytes(4, "big"), kind, *payloads))


def full_box(kind: bytes, version: int, flags: int, *payloads: bytes) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payloads)
