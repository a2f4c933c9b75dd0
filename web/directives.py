"""Delivery directives: what a client's query says it waits for, and what it has already (RFC 8216bis §6.2.5)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

FARTHEST_SEGMENT_AHEAD = 1
"""A request for a segment beyond the one after the open one is refused (§6.2.5.2)."""
MOST_QUERY_FIELDS = 32
"""Players send three at most, and what a page adds."""

REMEMBERED_QUERIES = 4096
"""Whose meaning is kept: all viewers of a rendition send the same one at once."""
LONGEST_REMEMBERED_BYTES = 256
"""Players' own are shorter; anybody's may be much longer."""

SKIPS = ("YES", "v2")
"""Of _HLS_skip. The second asks to leave date ranges out, too, where the server says that it can."""

_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


class BadDirective(Exception):
    """A directive that cannot be obeyed: the client's fault, answered with 400."""


class Directives(NamedTuple):
    """What a request for a media playlist asks for."""

    target: tuple[int, int | None] | None = None
    """The segment, and perhaps the part, that is waited for."""
    is_delta: bool = False
    """What the client has known for long may be left out."""


NO_DIRECTIVES = Directives()


def read_directives(query: bytes, edge: tuple[int, int] | None, most_parts_ahead: int) -> Directives:
    """``edge`` is the number of the open segment and the index of its next part; None when there is no limit.

    Raises BadDirective.
    """
    if b"_HLS_" not in query:
        return NO_DIRECTIVES
    directives = _parse(query) if len(query) > LONGEST_REMEMBERED_BYTES else _remembered(query)
    if directives.target is not None and edge is not None:
        _check_distance(directives.target[0], directives.target[1] or 0, edge, most_parts_ahead)
    return directives


def _parse(query: bytes) -> Directives:
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError as error:
        raise BadDirective("The query has too many fields.") from error
    msn, part = _number(pairs, "_HLS_msn"), _number(pairs, "_HLS_part")
    if msn is None and part is not None:
        raise BadDirective("_HLS_part needs _HLS_msn beside it.")
    skip = _value(pairs, "_HLS_skip")
    if skip is not None and skip not in SKIPS:
        raise BadDirective(f"_HLS_skip must be {' or '.join(SKIPS)}.")
    return Directives(None if msn is None else (msn, part), skip is not None)


_remembered = lru_cache(REMEMBERED_QUERIES)(_parse)


def _check_distance(msn: int, part: int, edge: tuple[int, int], most_parts_ahead: int) -> None:
    open_msn, next_part = edge
    if msn > open_msn + FARTHEST_SEGMENT_AHEAD:
        raise BadDirective(f"Segment {msn} is too far ahead: the newest is {open_msn}.")
    # How many parts the open segment will still have, nobody knows.
    parts_ahead = part - (next_part if msn == open_msn else 0)
    if msn >= open_msn and parts_ahead > most_parts_ahead:
        raise BadDirective(f"Part {part} of segment {msn} is too far ahead: the next is {next_part} of {open_msn}.")


def _number(pairs: list[tuple[str, str]], name: str) -> int | None:
    value = _value(pairs, name)
    if value is not None and not _NUMBER.fullmatch(value):
        raise BadDirective(f"{name} must be given once, as a number.")
    return None if value is None else int(value)


def _value(pairs: list[tuple[str, str]], name: str) -> str | None:
    values = [value for key, value in pairs if key == name]
    if len(values) > 1:
        raise BadDirective(f"{name} must be given once.")
    return values[0] if values else None
