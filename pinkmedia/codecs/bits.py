"""Reading codec headers bit by bit (ITU-T H.264 §7.2 and §9.1; ISO/IEC 14496-3 uses the same order, high bit first).

Headers are tens of bytes and parsed once in a stream's life, so clarity wins over speed here.
"""

from __future__ import annotations

from pinkmedia.errors import CodecError

MAX_GOLOMB_PREFIX_BITS = 32
"""Leading zeros of the longest Exp-Golomb code that a syntax element may have (H.264 §9.1: values below 2^32)."""


class BitReader:
    """Reads unsigned fields from the high bit down; every read past the end raises CodecError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._bit_count = len(data) * 8

    @property
    def remaining_bits(self) -> int:
        return self._bit_count - self._position

    def read(self, count: int) -> int:
        """The next ``count`` bits as an unsigned number."""
        end = self._position + count
        if end > self._bit_count:
            raise CodecError(f"header ends {end - self._bit_count} bits too early")
        window = int.from_bytes(self._data[self._position >> 3 : (end + 7) >> 3])
        self._position = end
        return (window >> (-end & 7)) & ((1 << count) - 1)

    @property
    def position(self) -> int:
        """Bits read so far."""
        return self._position

    def copy(self) -> BitReader:
        """Another reader at the same place."""
        other = BitReader(self._data)
        other._position = self._position
        return other

    def read_bytes(self, count: int) -> bytes:
        """The next ``count`` bits, from the high bit of the first byte on; zeros fill the last byte."""
        padding = -count % 8
        return (self.read(count) << padding).to_bytes((count + padding) // 8)

    def flag(self) -> bool:
        """One bit."""
        return bool(self.read(1))

    def unsigned_golomb(self) -> int:
        """``ue(v)`` of H.264 §9.1."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > MAX_GOLOMB_PREFIX_BITS:
                raise CodecError("Exp-Golomb code is longer than any syntax element")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_golomb(self) -> int:
        """``se(v)`` of H.264 §9.1.1: 0, 1, -1, 2, -2 …"""
        code = self.unsigned_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def remove_emulation_prevention(unit: bytes) -> bytes:
    """A NAL unit's bytes without the 03 that keeps start codes out of it (H.264 §7.4.1)."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")
