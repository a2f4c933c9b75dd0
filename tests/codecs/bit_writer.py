"""Writing headers bit by bit, as `pinkmedia.codecs.bits` reads them."""

from __future__ import annotations

from typing import Self


class BitWriter:
    """Collects fields from the high bit down."""

    def __init__(self) -> None:
        self._bits = ""

    def write(self, value: int, count: int) -> Self:
        self._bits += f"{value:0{count}b}"
        return self

    def write_bytes(self, data: bytes) -> Self:
        for byte in data:
            self.write(byte, 8)
        return self

    def golombs(self, *values: int) -> Self:
        """``ue(v)`` codes (H.264 §9.1)."""
        for value in values:
            code = f"{value + 1:b}"
            self._bits += "0" * (len(code) - 1) + code
        return self

    def to_bytes(self) -> bytes:
        """Filled up with zeros."""
        padded = self._bits + "0" * (-len(self._bits) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8)

    def emulation_prevented(self) -> bytes:
        """With a 03 before every byte that would make two zeros a start code (H.264 §7.4.1)."""
        made = bytearray()
        for byte in self.to_bytes():
            if byte <= 3 and made[-2:] == b"\x00\x00":
                made.append(3)
            made.append(byte)
        return bytes(made)
