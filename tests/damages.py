"""What happens to access units on their way: each function takes one, with NAL units behind lengths of four bytes."""

from __future__ import annotations

import random


def units(payload: bytes | memoryview) -> list[bytes]:
    rest, found = bytes(payload), []
    while rest:
        end = 4 + int.from_bytes(rest[:4])
        found.append(rest[4:end])
        rest = rest[end:]
    return found


def payload_of(found: list[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(4) + unit for unit in found)


def truncated(payload: bytes) -> bytes:
    return payload[: len(payload) // 2]


def truncated_with_length(payload: bytes) -> bytes:
    *others, last = units(payload)
    return payload_of([*others, last[: len(last) // 2]])


def emptied(payload: bytes) -> bytes:
    return b""


def no_units(payload: bytes) -> bytes:
    return b"\0\0\0\0" * 5


def noise(payload: bytes) -> bytes:
    return random.Random(len(payload)).randbytes(len(payload))


def flipped(payload: bytes) -> bytes:
    middle = len(payload) // 2
    return payload[:middle] + bytes(byte ^ 0x5A for byte in payload[middle : middle + 8]) + payload[middle + 8 :]


DAMAGES = [truncated, truncated_with_length, emptied, no_units, noise, flipped]
