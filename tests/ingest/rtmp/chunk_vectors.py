"""Chunk streams made by hand, one for each rule of RTMP 1.0 §5.3 and §5.4 that a reader can get wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.rtmp.messages import Message


@dataclass(frozen=True, slots=True)
class Vector:
    """A chunk stream and the messages in it."""

    rule: str
    hexadecimal: str
    """With comments behind ``#``; ``byte*count`` repeats one."""
    messages: list[Message]

    @property
    def data(self) -> bytes:
        return from_hexadecimal(self.hexadecimal)


def from_hexadecimal(text: str) -> bytes:
    """The bytes of a text with comments and repetitions."""
    bare = re.sub(r"#.*", "", text)
    return bytes.fromhex(re.sub(r"(\w\w)\*(\d+)", lambda match: match[1] * int(match[2]), bare))


def video(timestamp_ms: int, payload: bytes, stream_id: int = 1) -> Message:
    return Message(9, stream_id, timestamp_ms, payload)


def audio(timestamp_ms: int, payload: bytes) -> Message:
    return Message(8, 1, timestamp_ms, payload)


VECTORS = [
    Vector(
        "each fmt inherits what it leaves out",
        """
        06 0003e8 000002 09 01000000 a1a2   # fmt 0: 1000 ms, 2 bytes, video, message stream 1 (little-endian)
        46 000028 000003 09          b1b2b3 # fmt 1: 40 ms later, 3 bytes
        86 000021                    c1c2c3 # fmt 2: 33 ms later
        c6                           d1d2d3 # fmt 3: 33 ms later again
        """,
        [
            video(1000, b"\xa1\xa2"),
            video(1040, b"\xb1\xb2\xb3"),
            video(1073, b"\xc1\xc2\xc3"),
            video(1106, b"\xd1\xd2\xd3"),
        ],
    ),
    Vector(
        "fmt 3 after fmt 0 takes the timestamp for the delta (§5.3.1.2.4)",
        "06 0003e8 000001 09 01000000 a1   c6 a2   c6 a3",
        [video(1000, b"\xa1"), video(2000, b"\xa2"), video(3000, b"\xa3")],
    ),
    Vector(
        "fmt 0 sets the time back",
        "06 0003e8 000001 09 01000000 a1   06 0001f4 000001 09 01000000 a2",
        [video(1000, b"\xa1"), video(500, b"\xa2")],
    ),
    Vector(
        "fmt 1 begins a chunk stream, as librtmp's ping does: from zero, on message stream 0",
        "42 000005 000006 04 0007 01020304",
        [Message(4, 0, 5, bytes.fromhex("000701020304"))],
    ),
    Vector(
        "the csid's three forms name the same stream where their ranges overlap (§5.3.1.1)",
        """
        3f      000001 000001 09 01000000 a1   # 63, the last of 1 byte
        00 00   000002 000001 09 01000000 a2   # 64, the first of 2
        00 ff   000003 000001 09 01000000 a3   # 319, the last of 2
        01 0001 000004 000001 09 01000000 a4   # 320 in 3: 64 + 0 + 1 * 256
        01 ffff 000005 000001 09 01000000 a5   # 65599, the last of all
        81 0000 000006 a6                      # 64 again, in 3 bytes: fmt 2
        c0 00   a7                             # 64 in 2 bytes: fmt 3
        """,
        [
            *(video(index, bytes((0xA0 + index,))) for index in range(1, 6)),
            video(8, b"\xa6"),
            video(14, b"\xa7"),
        ],
    ),
    Vector(
        "continuations carry the csid in its own form",
        """
        01 1c02 000001 000102 09 01000000 aa*128   # csid 604, 258 bytes
        c1 1c02 bb*128
        c1 1c02 cc*2
        """,
        [video(1, b"\xaa" * 128 + b"\xbb" * 128 + b"\xcc" * 2)],
    ),
    Vector(
        "a message as long as a chunk has no continuation",
        "06 000001 000080 09 01000000 aa*128   46 000001 000080 09 bb*128",
        [video(1, b"\xaa" * 128), video(2, b"\xbb" * 128)],
    ),
    Vector(
        "an empty message is a header",
        "04 000001 000000 08 01000000   44 000017 000000 08   c4   c4",
        [audio(1, b""), audio(24, b""), audio(47, b""), audio(70, b"")],
    ),
    Vector(
        "an extended timestamp is repeated in continuations (§5.3.1.3)",
        """
        06 ffffff 000102 09 01000000 01000000 aa*128
        c6 01000000 bb*128
        c6 01000000 cc*2
        """,
        [video(0x1000000, b"\xaa" * 128 + b"\xbb" * 128 + b"\xcc" * 2)],
    ),
    Vector(
        "old librtmp does not repeat it",
        """
        06 ffffff 000102 09 01000000 01000000 aa*128
        c6 bb*128
        c6 cc*2
        """,
        [video(0x1000000, b"\xaa" * 128 + b"\xbb" * 128 + b"\xcc" * 2)],
    ),
    Vector(
        "not repeated, and payload that begins like it",
        "06 ffffff 000084 09 01000000 01000000 aa*128   c6 010000ff",
        [video(0x1000000, b"\xaa" * 128 + b"\x01\x00\x00\xff")],
    ),
    Vector(
        "a timestamp of exactly 0xFFFFFF needs the extended form",
        "06 fffffe 000001 09 01000000 a1   06 ffffff 000001 09 01000000 00ffffff a2",
        [video(0xFFFFFE, b"\xa1"), video(0xFFFFFF, b"\xa2")],
    ),
    Vector(
        "a delta may be extended, and fmt 3 repeats it for a new message",
        "06 000001 000001 09 01000000 a1   86 ffffff 01000000 a2   c6 01000000 a3   86 000001 a4   c6 a5",
        [
            video(1, b"\xa1"),
            video(0x1000001, b"\xa2"),
            video(0x2000001, b"\xa3"),
            video(0x2000002, b"\xa4"),
            video(0x2000003, b"\xa5"),
        ],
    ),
    Vector(
        "time wraps at 2^32",
        "06 ffffff 000001 09 01000000 fffffff0 a1   46 000020 000001 09 a2   c6 a3",
        [video(0xFFFFFFF0, b"\xa1"), video(0x10, b"\xa2"), video(0x30, b"\xa3")],
    ),
    Vector(
        "messages interleave at chunk boundaries",
        """
        06 000001 000082 09 01000000 aa*128
        04 000002 000081 08 01000000 bb*128
        c6 aa*2
        c4 bb
        """,
        [video(1, b"\xaa" * 130), audio(2, b"\xbb" * 129)],
    ),
    Vector(
        "a new chunk size counts from the next chunk on, also inside a message (§5.4.1)",
        """
        06 000001 000200 09 01000000 aa*128
        02 000000 000004 01 00000000 00000100   # Set Chunk Size 256
        c6 bb*256
        02 000000 000004 01 00000000 00000080   # and back to 128
        c6 cc*128
        """,
        [video(1, b"\xaa" * 128 + b"\xbb" * 256 + b"\xcc" * 128)],
    ),
    Vector(
        "a chunk size above 0xFFFFFF is as good as that",
        "02 000000 000004 01 00000000 7fffffff   06 000001 000200 09 01000000 aa*512",
        [video(1, b"\xaa" * 512)],
    ),
    Vector(
        "abort drops a message; its header stays (§5.4.2)",
        """
        06 000064 000081 09 01000000 aa*128
        02 000000 000004 02 00000000 00000006   # Abort csid 6
        86 000001 bb*128                        # 129 bytes, 1 ms after the one that was dropped
        c6 bb
        """,
        [video(101, b"\xbb" * 129)],
    ),
    Vector(
        "abort of a chunk stream that has nothing, and of none",
        """
        06 000064 000001 09 01000000 aa
        02 000000 000004 02 00000000 00000006
        02 000000 000004 02 00000000 0000ffff
        c6 bb
        """,
        [video(100, b"\xaa"), video(200, b"\xbb")],
    ),
    Vector(
        "one chunk stream may serve several message streams",
        "06 000001 000001 09 01000000 a1   06 000002 000001 09 02000000 a2   46 000001 000001 09 a3",
        [video(1, b"\xa1"), video(2, b"\xa2", stream_id=2), video(3, b"\xa3", stream_id=2)],
    ),
]
