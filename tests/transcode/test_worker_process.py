"""What a worker says on standard error, and how much of it is passed on."""

from __future__ import annotations

from transcode.worker_process import LOG_LINE_CHARACTERS, LONGEST_LINE_BYTES, MOST_LINES_PER_SECOND, LineLimiter


class Log:
    """What came out, in order: lines, and numbers of lines left out."""

    def __init__(self) -> None:
        self.said: list[str | int] = []
        self.limiter = LineLimiter(self.said.append, self.said.append)


def test_lines_come_out_whole_however_they_are_cut() -> None:
    log = Log()
    for byte in b"[h264] no frame!\nbad \xff\n":
        log.limiter.feed(bytes([byte]), 1.0)
    log.limiter.feed(b"last words", 1.0)
    log.limiter.close()
    assert log.said == ["[h264] no frame!", "bad \ufffd", "last words"]


def test_a_flood_is_counted_and_told_in_the_next_second() -> None:
    log = Log()
    log.limiter.feed(b"x\n" * 1000, 1.0)
    log.limiter.feed(b"x\n" * 1000, 1.5)
    assert log.said == ["x"] * MOST_LINES_PER_SECOND
    log.limiter.feed(b"y\n", 2.0)
    assert log.said[MOST_LINES_PER_SECOND:] == [2000 - MOST_LINES_PER_SECOND, "y"]


def test_what_was_left_out_is_told_at_the_end() -> None:
    log = Log()
    log.limiter.feed(b"x\n" * (MOST_LINES_PER_SECOND + 3), 1.0)
    log.limiter.close()
    assert log.said == [*["x"] * MOST_LINES_PER_SECOND, 3]


def test_long_lines_are_cut_and_endless_ones_thrown_away() -> None:
    log = Log()
    log.limiter.feed(b"a" * 1000 + b"\n", 1.0)
    log.limiter.feed(b"b" * (LONGEST_LINE_BYTES + 1), 1.0)
    log.limiter.feed(b"c\n", 1.0)
    assert log.said == ["a" * LOG_LINE_CHARACTERS, "c"]
