"""Delivery directives: what a client's query says it waits for, and what it has already (RFC 8216bis §6.2.5)."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

FARTHEST_SEGMENT_AHEAD = 1
"""A request for a segment beyond the one after the open one is refused (§6.2.5.2)."""
MOST_QUERY_FIELDS = 32
"""Players send three at most, and what a page adds."""

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


def read_directives(query: bytes, newest_msn: int | None) -> Directives:
    """``newest_msn`` is the open segment's number, None when there is no limit. Raises BadDirective."""
    if b"_HLS_" not in query:
        return NO_DIRECTIVES
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError as error:
        raise BadDirective("The query has too many fields.") from error
    msn, part = _number(pairs, "_HLS_msn"), _number(pairs, "_HLS_part")
    if msn is None and part is not None:
        raise BadDirective("_HLS_part needs _HLS_msn beside it.")
    if msn is not None and newest_msn is not None and msn > newest_msn + FARTHEST_SEGMENT_AHEAD:
        raise BadDirective(f"Segment {msn} is too far ahead: the newest is {newest_msn}.")
    skip = _value(pairs, "_HLS_skip")
    if skip is not None and skip not in SKIPS:
        raise BadDirective(f"_HLS_skip must be {' or '.join(SKIPS)}.")
    return Directives(None if msn is None else (msn, part), skip is not None)


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
