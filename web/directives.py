"""Delivery directives: what a client's query says it waits for (RFC 8216bis §6.2.5)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

FARTHEST_SEGMENT_AHEAD = 1
"""A request for a segment beyond the one after the open one is refused (§6.2.5.2)."""
MOST_QUERY_FIELDS = 32
"""Players send three at most, and what a page adds."""

_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


class BadDirective(Exception):
    """A directive that cannot be obeyed: the client's fault, answered with 400."""


def blocking_target(query: bytes, newest_msn: int | None) -> tuple[int, int | None] | None:
    """The segment, and perhaps the part, that is asked for; None when nothing is.

    ``newest_msn`` is the open segment's number, None when there is no limit. Raises BadDirective.
    """
    if b"_HLS_" not in query:
        return None
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError as error:
        raise BadDirective("The query has too many fields.") from error
    msn, part = _directive(pairs, "_HLS_msn"), _directive(pairs, "_HLS_part")
    if msn is None:
        if part is not None:
            raise BadDirective("_HLS_part needs _HLS_msn beside it.")
        return None
    if newest_msn is not None and msn > newest_msn + FARTHEST_SEGMENT_AHEAD:
        raise BadDirective(f"Segment {msn} is too far ahead: the newest is {newest_msn}.")
    return msn, part


def _directive(pairs: list[tuple[str, str]], name: str) -> int | None:
    values = [value for key, value in pairs if key == name]
    if not values:
        return None
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        raise BadDirective(f"{name} must be given once, as a number.")
    return int(values[0])
